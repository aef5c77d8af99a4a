import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { LimitKey, LimitRequest, SpendResult } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { algorithms } from '../../../src/policy/policy.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const startMs = 1_750_000_000_000;
const secondUs = 1_000_000;

const asking = (key: LimitKey, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key,
  terms: { algorithm: 'token-bucket', periodUs: secondUs, capacity: 2 },
  cost: 1,
  mode: 'enforce',
  ...change,
});
const one = (store: MemoryLimitStore, request: LimitRequest): SpendResult => {
  const [result] = store.spend([[request]]);
  if (!result) throw new Error('a spend without an answer');
  return result;
};

const ofClient = (client: string): LimitRequest => asking({ policy: 'p', client });

describe('the memory store', () => {
  it('gives clients that come when it is full a shared counter, and takes nothing from those it knows', () => {
    const store = new MemoryLimitStore({ clock: new ManualClock(startMs), maxKeys: 10 });
    for (let client = 0; client < 10; client += 1) one(store, ofClient(`key:${client}`));
    const outcomes = Array.from({ length: 2000 }, (_, stranger) => one(store, ofClient(`key:new-${stranger}`)));
    expect(store.stats().overflowed).toBe(2000);
    expect(store.stats().keys).toBeLessThanOrEqual(10 + 256);
    expect(outcomes.filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(2 * 256);
    expect(one(store, ofClient('key:3')).answers[0]).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('forgets counters whose buckets have long been full, without a timer', () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryLimitStore({ clock, maxKeys: 1000 });
    for (let client = 0; client < 1000; client += 1) one(store, ofClient(`key:${client}`));
    clock.advance(120_000);
    for (let client = 0; client < 1000; client += 1) one(store, ofClient(`key:later-${client}`));
    expect(store.stats()).toEqual({ keys: 1000, overflowed: 0 });
  });

  it('makes room of counters whose algorithm nobody asks for any more', () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryLimitStore({ clock, maxKeys: 100 });
    const terms = { algorithm: 'fixed-window', periodUs: secondUs, capacity: 2 } as const;
    for (let client = 0; client < 100; client += 1)
      one(store, asking({ policy: 'p', client: `key:${client}` }, { terms }));
    clock.advance(120_000);
    for (let client = 0; client < 100; client += 1) one(store, ofClient(`key:later-${client}`));
    expect(store.stats()).toEqual({ keys: 100, overflowed: 0 });
  });

  it('gives a place back to the shared counter that it was taken from for lack of room', () => {
    const store = new MemoryLimitStore({ clock: new ManualClock(startMs), maxKeys: 1 });
    one(store, ofClient('key:first'));
    const terms = { algorithm: 'concurrency', periodUs: 3600 * secondUs, capacity: 2 } as const;
    for (let number = 0; number < 10; number += 1) {
      const request = asking({ policy: 'places', client: 'key:second' }, { terms, permit: `p${number}` });
      const { allowed, answers, nowUs } = one(store, request);
      expect({ allowed, overflow: answers[0]?.overflow }).toEqual({ allowed: true, overflow: true });
      store.giveBack([{ key: request.key, terms, cost: 1, spentAtUs: nowUs, permit: `p${number}` }]);
    }
  });

  it('never takes one counter for another, whatever their parts are made of', () => {
    const part = fc.option(
      fc.constantFrom('a', '', '\u0000', 'c', '"', 'ca\u0000', '\u0000ca\u0000', '\u0000overflow 1', 'a\u0000ra'),
      {
        nil: undefined,
      },
    );
    const key = fc.record({ client: part, tenant: part, route: part });
    const written = ({ client, tenant, route }: { [name in 'client' | 'tenant' | 'route']: string | undefined }) => ({
      policy: 'p',
      ...(client === undefined ? {} : { client }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(route === undefined ? {} : { route }),
    });
    fc.assert(
      fc.property(key, key, (first, other) => {
        const store = new MemoryLimitStore({ clock: new ManualClock(startMs) });
        one(store, asking(written(first), { cost: 2 }));
        const same = JSON.stringify(written(first)) === JSON.stringify(written(other));
        expect(one(store, asking(written(other))).allowed).toBe(!same);
      }),
    );
  });

  it('does not fill up with counters that were only looked at, or that were refused', () => {
    const store = new MemoryLimitStore({ clock: new ManualClock(startMs) });
    for (const algorithm of algorithms) {
      for (let client = 0; client < 100; client += 1) {
        const terms = { algorithm, periodUs: secondUs, capacity: 2 };
        one(store, asking({ policy: 'p', client: `key:${client}` }, { terms, cost: 0 }));
        one(store, asking({ policy: 'p', client: `key:${client}` }, { terms, cost: 3, permit: 'x' }));
      }
    }
    expect(store.stats().keys).toBe(0);
  });

  it('counts as the reference does while counters expire, come back and repeat within a call', () => {
    const call = fc.record({
      clients: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
      algorithm: fc.constantFrom(...algorithms),
      waitMs: fc.constantFrom(0, 1000, 61_000, 70_000),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const clock = new ManualClock(startMs);
        const store = new MemoryLimitStore({ clock });
        const reference = new ReferenceLimitStore(() => clock.nowMs() * 1000);
        let permits = 0;
        for (const { clients, waitMs, algorithm } of calls) {
          clock.advance(waitMs);
          const terms = { algorithm, periodUs: secondUs, capacity: 2 };
          const spend = clients.map((client) =>
            asking({ policy: 'p', client: `key:${client}` }, { terms, permit: `p${permits++}` }),
          );
          expect(store.spend([spend])).toEqual(reference.spend([spend]));
        }
      }),
    );
  });
});
