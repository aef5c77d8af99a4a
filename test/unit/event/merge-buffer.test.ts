import fc from 'fast-check';
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
    // 50 rows with their interval, 50 without, 100 without their client; the rest keeps the outcome.
    const { coarseDecisions, foldedDecisions, foldedTwiceDecisions } = buffer;
    expect([coarseDecisions, foldedDecisions, foldedTwiceDecisions]).toEqual([50, 4900, 4800]);
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

  it('are folded by client alone while that is enough: tenant, policy, cost and outcome keep their totals, filling after filling', () => {
    const facts = fc.record({
      tenant: fc.constantFrom('acme', 'zen'),
      clientKind: fc.constantFrom('key' as const, 'ip' as const),
      cost: fc.constantFrom(1, 5),
      outcome: fc.constantFrom('allowed' as const, 'denied' as const),
      route: fc.constantFrom('GET /a', 'GET /b'),
      latencyUs: fc.constantFrom(3, 300),
      early: fc.constantFrom(true, false),
    });
    const known = {
      policy: 'a',
      policyVersion: '',
      limit: 5,
      shadowDenied: [],
      candidateOutcome: '',
      compensated: 0,
    } as const;
    const kindOf = (event: Pick<DecisionRecord, 'tenant' | 'clientKind' | 'cost' | 'outcome'>): string =>
      `${event.tenant} ${event.clientKind} ${event.cost} ${event.outcome}`;
    const totals = (counted: Iterable<[string, number]>): [string, number][] => {
      const sums = new Map<string, number>();
      for (const [key, count] of counted) sums.set(key, (sums.get(key) ?? 0) + count);
      return [...sums].sort();
    };
    fc.assert(
      fc.property(fc.array(fc.array(facts, { maxLength: 120, size: 'max' }), { maxLength: 4 }), (fillings) => {
        const buffer = new MergeBuffer({ intervalMs: 20, maxRows: 16, every: false });
        for (const filling of fillings) {
          const foldedBefore = buffer.foldedDecisions;
          for (const [n, one] of filling.entries()) buffer.add({ ...decision(n), ...known, ...one });
          const rows = buffer.take();
          const events = eventsOf(rows);
          buffer.giveBack(rows);
          expect(totals(events.map((event) => [kindOf(event), event.count]))).toEqual(
            totals(filling.map((one) => [kindOf(one), 1])),
          );
          expect(totals(events.map((event) => [`${kindOf(event)} early`, event.early ?? 0]))).toEqual(
            totals(filling.map((one) => [`${kindOf(one)} early`, Number(one.early)])),
          );
          const folded = events.filter(({ client }) => client === '~other');
          expect(folded.reduce((sum, { count }) => sum + count, 0)).toBe(buffer.foldedDecisions - foldedBefore);
          for (const { route, latencyUs } of folded) expect([route, latencyUs]).toEqual(['~other', 0]);
        }
      }),
    );
  });
});

describe('where room is short', () => {
  const second = 1_750_000_000_000;
  const one = { ...decision(0), tenant: 'acme', policy: 'a', policyVersion: '', limit: 5, shadowDenied: [], cost: 1 };
  const bufferOf = (maxRows: number): MergeBuffer => new MergeBuffer({ intervalMs: 250, maxRows, every: false });

  it('intervals grow to a second and no longer: no row reaches from one window of a detector into the next', () => {
    const buffer = bufferOf(100);
    for (let n = 0; n < 60; n += 1) buffer.add({ ...one, client: `c${n}`, timeMs: second });
    for (let ms = 0; ms < 20_000; ms += 50) buffer.add({ ...one, client: 'steady', timeMs: second + ms });
    const events = eventsOf(buffer.take()).filter(({ client }) => client === 'steady');
    expect(buffer.foldedDecisions).toBe(0);
    expect(events.map(({ timeMs, count }) => [timeMs - second, count])).toEqual(
      Array.from({ length: 20 }, (_, n) => [n * 1000, 20]),
    );
  });

  it('what has no client any more keeps the minute, and then nothing of the time: there is an end to rows, however long it lasts', () => {
    const buffer = bufferOf(20);
    for (let n = 0; n < 20; n += 1) buffer.add({ ...one, client: `c${n}`, timeMs: second });
    for (let minute = 0; minute < 5; minute += 1) {
      for (let n = 0; n < 3; n += 1) buffer.add({ ...one, client: `d${n}`, timeMs: second + minute * 60_000 + n });
    }
    const folded = eventsOf(buffer.take()).filter(({ client }) => client === '~other');
    expect(folded.map(({ count }) => count)).toEqual([3, 3, 3, 3, 3]);
    for (let minute = 0; minute < 10_000; minute += 1)
      buffer.add({ ...one, client: `${minute}`, timeMs: minute * 60_000 });
    expect(buffer.size).toBeLessThanOrEqual(3 * 20 + 1);
    expect(eventsOf(buffer.take()).reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
  });

  it('allowed clients are given up first and denied ones last', () => {
    const [denied, allowed] = [bufferOf(100), bufferOf(100)];
    denied.borrowFrom(allowed);
    const flood = (buffer: MergeBuffer, count: number, from = 0): void => {
      for (let n = from; n < from + count; n += 1) buffer.add({ ...one, client: `c${n}`, timeMs: second });
    };
    flood(allowed, 60);
    flood(denied, 140);
    expect([allowed.foldedDecisions, denied.foldedDecisions]).toEqual([0, 0]);
    // The denied ones hold 40 rows of the others' room.
    flood(allowed, 10, 60);
    expect([allowed.foldedDecisions, denied.foldedDecisions]).toEqual([10, 0]);
    flood(denied, 10, 140);
    expect(denied.foldedDecisions).toBe(10);
    allowed.take();
    flood(denied, 10, 150);
    expect(denied.foldedDecisions).toBe(10);
  });
});
