import { describe, expect, it } from 'vitest';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { MergeBuffer } from '../../../src/event/merge-buffer.ts';
import { eventsOf } from '../../support/merged-events.ts';

const decision = (n: number): DecisionRecord => ({
  timeMs: 1_750_000_000_000 + n,
  tenant: `tenant-${n}`,
  clientKind: 'user',
  client: `user-${n}`,
  address: '',
  route: `GET /${n}`,
  method: 'GET',
  policy: `policy-${n}`,
  policyVersion: `v${n}`,
  scope: 'client',
  limit: 1 + n,
  remaining: n,
  outcome: n % 3 === 0 ? 'denied' : 'allowed',
  source: 'store',
  degraded: '',
  shadowDenied: [`next-${n}`],
  candidateOutcome: (['', 'allowed', 'denied'] as const)[n % 3] ?? '',
  compensated: n % 2 === 0 ? 0 : 1,
  cost: 1 + n,
  latencyUs: n,
  early: n % 2 === 0,
});

describe('rows that wait', () => {
  it('are bounded whatever callers make up (tenants, limits, costs), and no decision is given up', () => {
    const maxRows = 100;
    const buffer = new MergeBuffer({ intervalMs: 20, maxRows, every: false });
    for (let n = 0; n < 5000; n += 1) buffer.add(decision(n));
    expect(buffer.size).toBeLessThan(2 * maxRows + 10);
    const events = eventsOf(buffer.take());
    const decisions = (outcome: string): number =>
      events.filter((event) => event.outcome === outcome).reduce((sum, { count }) => sum + count, 0);
    expect([decisions('allowed'), decisions('denied')]).toEqual([3333, 1667]);
  });

  it('keep tenant and policy as long as there is room for them', () => {
    const maxRows = 100;
    const buffer = new MergeBuffer({ intervalMs: 20, maxRows, every: false });
    for (let n = 0; n < 5000; n += 1)
      buffer.add({ ...decision(n), tenant: 'acme', policy: 'a', policyVersion: '', cost: 1 });
    expect(new Set(eventsOf(buffer.take()).map(({ tenant, policy }) => `${tenant} ${policy}`))).toEqual(
      new Set(['acme a']),
    );
  });
});
