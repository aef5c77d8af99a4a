import { describe, expect, it } from 'vitest';
import { finding } from '../../../src/analytics/audit-findings.ts';
import type { Reconciliation } from '../../../src/analytics/audit-reconcile.ts';
import { TidegateError } from '../../../src/errors.ts';
import { apiUnderTest } from './api-under-test.ts';

const answer: Reconciliation = {
  takenAtMs: 1_767_225_600_000,
  drift: 3,
  topics: [
    {
      topic: 'tidegate.decisions',
      table: 'decisions_raw',
      partitions: [
        {
          partition: 0,
          blocks: 2,
          ledgerStart: 0,
          ledgerEnd: 9,
          committedOffset: 9,
          underWay: { topicId: 'a', startOffset: 9, endOffset: 12, rows: 30 },
          logEnd: 12,
          lagRecords: 3,
          accountedRows: 90,
          storedRows: 87,
          behindRows: 0,
          drift: 3,
        },
      ],
      grains: [
        {
          table: 'decisions_per_day',
          source: 'decisions_per_hour',
          comparedFromMs: 0,
          decisions: 500,
          sourceDecisions: 500,
          drift: 0,
        },
      ],
      doubledRows: 0,
      deadLetters: 0,
      settledBlocks: 1,
    },
  ],
  findings: [
    finding('rows-missing', {
      topic: 'tidegate.decisions',
      partition: 0,
      what: '3 rows are gone',
      amount: 3,
      unit: 'rows',
    }),
  ],
  moreFindings: 0,
};

describe('GET /v1/reconciliation', () => {
  it('answers with the drift as a number, the block under way, and what to do about each finding', async () => {
    const { api } = await apiUnderTest({ reconciliation: () => Promise.resolve(answer) });
    const response = await api.inject('/v1/reconciliation');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      takenAt: '2026-01-01T00:00:00.000Z',
      drift: 3,
      topics: [{ partitions: [{ underWay: { endOffset: 12 } }], grains: [{ comparedFrom: null }] }],
      findings: [{ kind: 'rows-missing', isDrift: true, next: expect.stringContaining('restore') }],
    });
  });

  it('asks for one topic alone, and names a topic that is none', async () => {
    const asked: (string | null)[] = [];
    const reconciliation = (topic: string | null): Promise<Reconciliation> => {
      asked.push(topic);
      if (topic === 'nothing') throw new TidegateError('INPUT_INVALID', 'query.topic must be one of a, b');
      return Promise.resolve(answer);
    };
    const { api } = await apiUnderTest({ reconciliation });
    expect((await api.inject('/v1/reconciliation?topic=tidegate.blocks')).statusCode).toBe(200);
    const refused = await api.inject('/v1/reconciliation?topic=nothing');
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ detail: expect.stringContaining('query.topic') });
    expect((await api.inject('/v1/reconciliation?since=1h')).statusCode).toBe(400);
    expect(asked).toEqual(['tidegate.blocks', 'nothing']);
  });

  it('is 503 where the database is not in reach, or away', async () => {
    const { api: alone } = await apiUnderTest();
    expect((await alone.inject('/v1/reconciliation')).statusCode).toBe(503);
    const away = () => Promise.reject(new TidegateError('TABLE_FAILED', 'away', { retryable: true }));
    const { api } = await apiUnderTest({ reconciliation: away });
    expect((await api.inject('/v1/reconciliation')).statusCode).toBe(503);
  });

  it('is in the OpenAPI document', async () => {
    const { api } = await apiUnderTest();
    const { paths } = (await api.inject('/openapi.json')).json<{ paths: Record<string, object> }>();
    expect(Object.keys(paths)).toContain('/v1/reconciliation');
  });
});
