import { type ApiOptions, createApi } from '../../../src/api/server.ts';
import type { Evidence } from '../../../src/blocklist/block.ts';
import type { BlockList } from '../../../src/blocklist/block-list.ts';
import { clientOf } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryReviewRecords } from '../../../src/embedded/memory-review-records.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { parsePolicies } from '../../../src/policy/parse.ts';
import { staticPolicies } from '../../../src/policy/static-source.ts';
import { createReview } from '../../../src/review/review.ts';
import { promotionOf } from '../../support/promotions.ts';

export const annasToken = '0123456789abcdef0123';
export const asAnna = { authorization: `Bearer ${annasToken}` };

const policies = `
version: 1
policies:
  - name: per-client
    scope: [client]
    limit: 2
    window: 1m
`;

const evidence: Evidence = {
  denied: 40,
  allowed: 2,
  early: 3,
  members: null,
  collateral: { identities: 0 },
  windows: { hit: 3, weight: 3, needed: 3, of: 5, windowMs: 10_000 },
  distinctRoutes: 7,
  routes: [{ route: 'GET /a', denied: 12 }],
  policies: ['per-client'],
  firstSeenAtMs: 1_750_000_000_000,
  lastSeenAtMs: 1_750_000_010_000,
  log: { partition: 0, fromOffset: 1, toOffset: 9, marks: null },
};

/** An API over memory engines, and the ways to look behind it. */
export const apiUnderTest = async (overrides: Partial<ApiOptions> = {}) => {
  const clock = overrides.clock instanceof ManualClock ? overrides.clock : new ManualClock();
  const limitStore = new MemoryLimitStore({ clock });
  const blockList: BlockList = overrides.blockList ?? new MemoryBlockList({ clock });
  const recorded: DecisionRecord[] = [];
  const events = { record: (decision: DecisionRecord) => void recorded.push(decision) };
  const gate = createGate({ policies: staticPolicies(parsePolicies(policies)), store: limitStore, events, clock });
  const api = await createApi({
    clock,
    version: '0.0.0',
    tokens: [`anna=${annasToken}`],
    gate,
    limitStore,
    blockList,
    review: createReview({ blockList, records: new MemoryReviewRecords({ clock }), clock }),
    events,
    reader: null,
    health: { phase: () => 'running', dependencies: () => Promise.resolve([]) },
    status: () => Promise.reject(new Error('not in this test')),
    ...overrides,
  });
  const block = async (address: string): Promise<string> => {
    const verdict = {
      id: `verdict-${address}`,
      rule: 'breadth',
      ruleHash: 'abc',
      subject: clientOf('ip', address),
      tenant: 'default',
      atMs: clock.nowMs(),
      evidence,
    };
    const result = await blockList.promote(promotionOf(verdict));
    if (!('block' in result)) throw new Error(`not promoted: ${result.kind}`);
    return result.block.id;
  };
  return { api, clock, blockList, recorded, block };
};
