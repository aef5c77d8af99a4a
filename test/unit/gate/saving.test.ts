import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { Decision } from '../../../src/decision/decision.ts';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import { createGate, type GateOptions } from '../../../src/gate/gate.ts';
import type { PolicyInput } from '../../../src/policy/parse.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';
import { DistantStore } from '../../support/distant-store.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const request = { clients: [{ kind: 'key' as const, id: 'a' }], method: 'GET', path: '/', route: '/' };

const open = (policies: readonly PolicyInput[], options: Pick<GateOptions, 'leases' | 'denyCache'> = {}) => {
  const clock = new ManualClock();
  const reference = new ReferenceLimitStore(() => clock.nowMs() * 1000);
  const store = new DistantStore({ store: reference, clock, journey: () => ({ toMs: 0, backMs: 1 }) });
  const records: DecisionRecord[] = [];
  const events = { record: (record: DecisionRecord) => void records.push(record) };
  // Draws every lot: whatever may be leased is looked at.
  const gate = createGate({ policies: definePolicies(policies), store, clock, events, random: () => 0, ...options });
  const advance = async (byMs: number): Promise<void> => {
    await nextTurn();
    for (let passedMs = 0; passedMs < byMs; passedMs += 1) {
      clock.advance(1);
      await nextTurn();
    }
  };
  const check = async (): Promise<Decision> => {
    const pending = gate.check(request);
    await advance(2);
    return pending;
  };
  return { gate, store, records, advance, check };
};

const hot: PolicyInput = { name: 'hot', limit: 60_000, window: '1m' };
const tight: PolicyInput = { name: 'tight', limit: 2, window: '1m' };

describe('a gate in front of a store that has to be asked', () => {
  it('decides hot keys out of leases, says so in the event, and gives the rest back at close', async () => {
    const { gate, store, records, check, advance } = open([hot]);
    for (let count = 0; count < 300; count += 1) await check();
    expect(gate.check(request)).toMatchObject({ outcome: 'allowed', source: 'lease', degraded: null });
    expect(records.at(-1)).toMatchObject({ source: 'lease', policy: 'hot', outcome: 'allowed' });
    expect(gate.stats().leased).toBeGreaterThan(100);
    expect(store.calls).toBeLessThan(250);
    const closed = gate.close();
    await advance(3);
    await closed;
    expect(gate.stats().leases.units).toBe(0);
  });

  it('denies out of its memory what the store has just denied, with the wait that is left', async () => {
    const { gate, store, records, check, advance } = open([tight]);
    for (let count = 0; count < 3; count += 1) await check();
    const calls = store.calls;
    await advance(500);
    const decision = gate.check(request);
    expect(decision).toMatchObject({ outcome: 'denied', source: 'deny-cache', deciding: { policy: 'tight' } });
    expect(decision).toHaveProperty('retryAfterMs', expect.closeTo(30_000 - 500, -2));
    expect(records.at(-1)).toMatchObject({ source: 'deny-cache', outcome: 'denied' });
    expect(store.calls).toBe(calls);
    await advance(600);
    expect(await check()).toMatchObject({ outcome: 'denied', source: 'store' });
  });

  it('tells of the limit that denies, and counts its shadow limits, while others are not asked', async () => {
    const shadow: PolicyInput = { name: 'shadow', limit: 10, window: '1m', mode: 'shadow' };
    const { check } = open([hot, tight, shadow]);
    for (let count = 0; count < 3; count += 1) await check();
    const { limits, outcome } = await check();
    expect(outcome).toBe('denied');
    expect(limits.map(({ policy }) => policy)).toEqual(['tight', 'shadow']);
    expect(limits[1]?.remaining).toBe(6);
  });

  it('counts approximate policies in process', async () => {
    const { gate, check } = open([{ ...hot, consistency: 'approximate' }]);
    await check();
    expect(gate.check(request)).toMatchObject({ outcome: 'allowed', source: 'lease' });
    expect(gate.stats().leases.granted).toBe(0);
  });

  it('asks for everything when told to', async () => {
    const { gate, store, check } = open([hot, tight], { leases: false, denyCache: false });
    for (let count = 0; count < 200; count += 1) await check();
    expect(store.calls).toBe(200);
    expect(gate.stats()).toMatchObject({ leased: 0, denyCached: 0 });
  });

  it('gives units back that were spent out of a lease', async () => {
    const { gate, check, advance } = open([{ ...hot, limit: 600, window: '10m', burst: 600 }]);
    for (let count = 0; count < 300; count += 1) await check();
    const spent = await check();
    const before = 'deciding' in spent ? (spent.deciding?.remaining ?? 0) : 0;
    const refunded = gate.refund(spent);
    await advance(2);
    await refunded;
    await advance(1000);
    const after = await check();
    expect('deciding' in after && (after.deciding?.remaining ?? 0)).toBe(before + 1);
  });
});
