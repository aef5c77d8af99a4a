import type { BlockDuration, Evidence, Verdict } from '../../src/blocklist/block.ts';
import type { BlockBudget, Promotion, SharedAddressTerms } from '../../src/blocklist/block-promoter.ts';
import type { BlockSubject } from '../../src/client.ts';

export const clientA: BlockSubject = { kind: 'ip', id: '203.0.113.9' };
export const clientB: BlockSubject = { kind: 'ip', id: '203.0.113.10' };

const evidence: Evidence = {
  denied: 240,
  allowed: 12,
  early: null,
  members: null,
  collateral: null,
  windows: { hit: 3, weight: 3, needed: 3, of: 10, windowMs: 60_000 },
  distinctRoutes: 2,
  routes: [
    { route: 'POST /login', denied: 200 },
    { route: 'GET /', denied: 40 },
  ],
  policies: ['login'],
  firstSeenAtMs: 1_750_000_000_000,
  lastSeenAtMs: 1_750_000_100_000,
  log: { partition: 3, fromOffset: 5, toOffset: 9, marks: null },
};

export const duration: BlockDuration = {
  baseMs: 60_000,
  factor: 2,
  maxMs: 300_000,
  jitter: 0,
  strikeTtlMs: 3_600_000,
};

/** Enough for every test that is not about budgets. */
export const budget: BlockBudget = { blocksPerHour: 100, blocksPerMinute: 100, requestShare: 0, clientShare: 0 };

/** What a rule does from so many identities behind an address on. */
export const sharedFrom = (identities: number, what: SharedAddressTerms['then']): SharedAddressTerms => ({
  identities,
  // biome-ignore lint/suspicious/noThenProperty: the port's word; nobody awaits terms
  then: what,
});

/** A promotion that a list would act on, but for what is changed. */
export const promotionOf = (
  verdict: Pick<Verdict, 'id' | 'atMs'> & Partial<Verdict>,
  change: Partial<Omit<Promotion, 'verdict'>> = {},
): Promotion => ({
  verdict: { rule: 'breadth', ruleHash: 'abc', subject: clientA, tenant: '', evidence, ...verdict },
  duration,
  mode: 'enforce',
  action: { kind: 'refuse' },
  owner: 'security',
  shared: null,
  budget: { rule: budget, all: budget },
  ...change,
});
