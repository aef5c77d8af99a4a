import { describe, expect, it } from 'vitest';
import type {
  EvidenceCount,
  EvidenceQuestion,
  EvidenceReader,
  EvidenceState,
} from '../../../src/analytics/verify-rows.ts';
import { notedOf } from '../../../src/detect/rule-definition.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { type ErrorCode, TidegateError } from '../../../src/errors.ts';
import { promotionOf } from '../../support/promotions.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const ruleSet = parseRules(`
version: 1
rules:
  - { name: deep, mode: enforce, depth: { denied: 10, deniedShare: 50% }, windows: { length: 10s, hit: 2, of: 4 }, block: { base: 15m } }
`);
const [rule] = ruleSet.rules;
const startMs = 1_750_000_020_000;

const counts: readonly EvidenceCount[] = [0, 1].flatMap((window) =>
  (['denied', 'allowed'] as const).map((outcome) => ({
    ...{ windowStartMs: startMs + window * 10_000, outcome, route: 'GET /a', judged: 0, early: 0, policies: ['p'] },
    decisions: outcome === 'denied' ? 12 : 3,
    firstAtMs: startMs + window * 10_000 + 5,
    lastAtMs: startMs + window * 10_000 + 900,
  })),
);

const whole: EvidenceState = { behind: [], keepsSinceMs: Number.NEGATIVE_INFINITY, erasedRows: 0 };

const readerOf = (given: Partial<EvidenceReader>, asked: EvidenceQuestion[] = []): EvidenceReader => ({
  queryFor: async (question) => {
    asked.push(question);
    return { sql: 'SELECT {kind:String}', params: { kind: 'ip' } };
  },
  counts: async () => ({ counts, members: [] }),
  state: async () => whole,
  ...given,
});

/** A block whose evidence is what these counts come to. */
const verifiedBy = async (evidence: EvidenceReader | null) => {
  const { api, blockList } = await apiUnderTest({ evidence });
  if (!rule) throw new Error('a rule expected');
  await blockList.noteRules([notedOf(rule)]);
  const base = promotionOf({ id: 'v', atMs: startMs + 10_900, ruleHash: rule.hash, rule: rule.name });
  const promotion = {
    ...base,
    verdict: {
      ...base.verdict,
      evidence: {
        ...base.verdict.evidence,
        ...{ denied: 24, allowed: 6, early: null, distinctRoutes: 1, routes: [{ route: 'GET /a', denied: 24 }] },
        windows: { hit: 2, weight: 2, needed: 2, of: 4, windowMs: 10_000 },
        firstSeenAtMs: startMs + 5,
        lastSeenAtMs: startMs + 10_900,
        log: { partition: 3, fromOffset: 1, toOffset: 2, marks: [{ emitter: 'g', seq: 9 }] },
      },
    },
  };
  const result = await blockList.promote(promotion);
  if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
  const url = `/v1/blocks/${result.block.id}`;
  const verified = await api.inject({ url: `${url}/verify`, headers: asAnna });
  const shown = await api.inject({ url, headers: asAnna });
  return { status: verified.statusCode, body: verified.json(), shown: shown.json() };
};

describe('the evidence of a block', () => {
  it('matches where the same counts come out, and shows the question that was asked', async () => {
    const asked: EvidenceQuestion[] = [];
    const { status, body, shown } = await verifiedBy(readerOf({}, asked));
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: 'match', reason: '', expected: { denied: 24, 'denied on GET /a': 24 } });
    expect(body.found).toEqual(body.expected);
    expect(shown.query).toEqual(body.query);
    // Three windows before the one of the last denial, and three behind it.
    expect(asked[0]).toMatchObject({
      fromMs: startMs - 20_000,
      toMs: startMs + 50_000,
      windowMs: 10_000,
      partition: 3,
    });
  });

  it('is told with both sides where other counts come out', async () => {
    const fewer = counts.map((count) => (count.outcome === 'denied' ? { ...count, decisions: 11 } : count));
    const { body } = await verifiedBy(readerOf({ counts: async () => ({ counts: fewer, members: [] }) }));
    expect(body).toMatchObject({ result: 'mismatch', expected: { denied: 24 }, found: { denied: 22 } });
    expect(body.reason).toMatch(/^Other numbers: denied, /);
  });

  it('does not match a row more either', async () => {
    const more = [...counts, { ...(counts[0] as EvidenceCount), route: 'GET /b', decisions: 1 }];
    const { body } = await verifiedBy(readerOf({ counts: async () => ({ counts: more, members: [] }) }));
    expect(body).toMatchObject({ result: 'mismatch', found: { distinctRoutes: 2 } });
  });

  it('that is gone altogether is a mismatch without numbers', async () => {
    const { body } = await verifiedBy(readerOf({ counts: async () => ({ counts: [], members: [] }) }));
    expect(body).toMatchObject({ result: 'mismatch', found: null, reason: expect.stringMatching(/any more/) });
  });

  it.each<[ErrorCode, RegExp]>([
    ['TABLE_FAILED', /does not answer/],
    ['TABLE_BUSY', /busy/],
    ['QUERY_TOO_EXPENSIVE', /one question may/],
  ])('cannot be verified while the database says %s, which is an answer', async (code, reason) => {
    const failing = readerOf({ counts: () => Promise.reject(new TidegateError(code, 'no', { retryable: true })) });
    const { status, body } = await verifiedBy(failing);
    expect(status).toBe(200);
    expect(body).toMatchObject({ result: 'unverifiable', reason: expect.stringMatching(reason), found: null });
  });

  it('cannot be verified without a database, and its block has no question to show', async () => {
    const { body, shown } = await verifiedBy(null);
    expect(body).toMatchObject({ result: 'unverifiable', reason: expect.stringMatching(/not in reach/), query: null });
    expect(shown.query).toBeNull();
  });
});
