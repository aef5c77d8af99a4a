import type { ClickHouseClient } from '@clickhouse/client';
import { describe, expect, it } from 'vitest';
import type { DecisionQuestions } from '../../../src/analytics/decision-questions.ts';
import type { StoredChanges } from '../../../src/analytics/stored-changes.ts';
import { BoundedQuestions, type QuestionBounds } from '../../../src/clickhouse/bounded-questions.ts';
import { decisionQuestions } from '../../../src/clickhouse/decision-questions.ts';
import { Pseudonyms } from '../../../src/ingest/pseudonyms.ts';

interface Statement {
  readonly query: string;
  readonly query_params: Readonly<Record<string, unknown>>;
}

/** Keeps statements; answers with one row that has whatever is read of it. */
const recording = (row: object = {}) => {
  const statements: Statement[] = [];
  const client = {
    query: async (statement: Statement) => {
      statements.push(statement);
      return { json: async () => [{ name: 'ip:203.0.113.9', part: 'all', block_id: 'b', within: '', ...row }] };
    },
  };
  return { statements, client: client as unknown as ClickHouseClient };
};

const pseudonyms = new Pseudonyms({ keys: [{ id: 'k1', secret: new Uint8Array(32).fill(7) }] });
const hostile = "a'b\\;{x:String}--";
const range = { fromMs: 0, toMs: 3_600_000 };
const client = { kind: 'user', id: hostile } as const;
const filter = { tenant: hostile, route: hostile, region: hostile, policy: hostile };

/** Every question there is, in every form that has a statement of its own. */
const ask: Readonly<Record<string, (questions: DecisionQuestions & StoredChanges) => Promise<unknown>>> = {
  'rates by the minute': (q) => q.throttleRates({ ...range, ...filter, by: 'route' }),
  'rates by the hour': (q) => q.throttleRates({ ...range, by: 'region', stepMinutes: 60 }),
  'rates by the day': (q) => q.throttleRates({ fromMs: 0, toMs: 1e11, by: 'policy', stepMinutes: 1440 }),
  'rates by client': (q) => q.throttleRates({ ...range, by: 'client' }),
  'rates of a client': (q) => q.throttleRates({ ...range, by: 'tenant', client }),
  outcomes: (q) => q.outcomes({ ...range, ...filter }),
  'outcomes by the hour': (q) => q.outcomes({ ...range, stepMinutes: 60 }),
  'outcomes of a client': (q) => q.outcomes({ ...range, client }),
  offenders: (q) => q.offenders(range),
  'who is near a limit': (q) => q.nearLimit(range),
  spikes: (q) => q.spikes(range),
  'history of a client': (q) => q.clientHistory({ ...range, client, tenant: hostile }),
  'decisions around': (q) => q.decisionsAround({ client, atMs: 3_600_000, tenant: hostile, route: hostile }),
  'changes of the list': (q) => q.blockChanges({ emitter: hostile, after: 1, upTo: 9, blockId: hostile, limit: 5 }),
};

const statementsOf = async (name: string, tenants: readonly string[] | null): Promise<readonly Statement[]> => {
  const { statements, client: to } = recording();
  await ask[name]?.(decisionQuestions({ questions: new BoundedQuestions(to), tenants, pseudonyms }));
  expect(statements.length).toBeGreaterThan(0);
  return statements;
};

describe.each(Object.keys(ask))('the statements of: %s', (name) => {
  it('read no table without the reach of who asks', async () => {
    for (const { query, query_params: params } of await statementsOf(name, ['acme', 'beta'])) {
      const tables = [...query.matchAll(/\b(?:decisions_\w+|denials_\w+|throttle_\w+|blocks)\b(?=[ (])/g)];
      const reaches = [...query.matchAll(/\{reach:Array\(String\)\}/g)];
      expect(tables.length).toBeGreaterThan(0);
      expect([query, reaches.length]).toEqual([query, tables.length]);
      expect(query).not.toContain('by_dimension');
      expect(params.reach).toEqual(['acme', 'beta']);
    }
  });

  it('hold no value that somebody gave, and every parameter that they name', async () => {
    for (const { query, query_params: params } of await statementsOf(name, [hostile])) {
      expect(query).not.toContain(hostile);
      expect(query).not.toContain('3600000');
      const named = [...query.matchAll(/\{(\w+):/g)].map(([, param]) => param);
      for (const param of named) expect(Object.keys(params)).toContain(param);
      expect(named.length).toBeGreaterThan(0);
    }
  });

  it('are bounded', async () => {
    for (const { query } of await statementsOf(name, null)) {
      expect(query).toMatch(/\nSETTINGS max_execution_time = 5, max_rows_to_read = \d+, max_bytes_to_read = \d+,/);
      expect(query).toMatch(/max_result_rows = \d+, read_overflow_mode = 'throw', timeout_overflow_mode = 'throw'/);
      expect(query.match(/SETTINGS/g)).toHaveLength(1);
    }
  });
});

describe('questions about a client', () => {
  it('find it under its pseudonyms, too', async () => {
    for (const name of ['outcomes of a client', 'history of a client', 'decisions around']) {
      const [statement] = await statementsOf(name, null);
      expect(statement?.query_params.ids).toEqual(pseudonyms.all(client));
    }
  });
});

describe('what a question costs', () => {
  const failing = (code: number | string, bounds: QuestionBounds = {}) => {
    const query = () => Promise.reject(Object.assign(new Error('Code: it was too much'), { code: String(code) }));
    const questions = new BoundedQuestions({ query } as unknown as ClickHouseClient, bounds);
    return questions.select('SELECT 1', {});
  };

  it.each([158, 159, 160, 241, 307, 396])('is too much where the engine fails with %i', async (code) => {
    await expect(failing(code)).rejects.toMatchObject({ code: 'QUERY_TOO_EXPENSIVE', retryable: false });
  });

  it.each([202, 60, 41, 'ECONNREFUSED'])('is not the reason where it fails with %s', async (code) => {
    await expect(failing(code)).rejects.toMatchObject({ code: 'TABLE_FAILED' });
  });

  it('is borne for so many at once; the next one is turned away', async () => {
    const query = () => new Promise<never>(() => undefined);
    const to = { query } as unknown as ClickHouseClient;
    const questions = new BoundedQuestions(to, { atOnce: 1, waiting: 1 });
    for (const _ of [1, 2]) void questions.select('SELECT 1', {});
    await expect(questions.select('SELECT 1', {})).rejects.toMatchObject({ code: 'TABLE_BUSY' });
  });
});
