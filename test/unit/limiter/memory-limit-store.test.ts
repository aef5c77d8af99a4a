import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import type { LimitKey, LimitRequest } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { spendAll } from '../../../src/limiter/spend.ts';

const startMs = 1_750_000_000_000;
const secondUs = 1_000_000;

const asking = (key: LimitKey, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key,
  emissionIntervalUs: secondUs,
  burst: 2,
  cost: 1,
  shadow: false,
  ...change,
});

const ofClient = (client: string): LimitRequest => asking({ policy: 'p', client });

describe('the memory store', () => {
  it('gives clients that come when it is full a shared counter, and takes nothing from those it knows', () => {
    const store = new MemoryLimitStore({ clock: new ManualClock(startMs), maxKeys: 10 });
    for (let client = 0; client < 10; client += 1) store.spend([ofClient(`key:${client}`)]);
    const outcomes = Array.from({ length: 2000 }, (_, stranger) => store.spend([ofClient(`key:new-${stranger}`)]));
    expect(store.stats().overflowed).toBe(2000);
    expect(store.stats().keys).toBeLessThanOrEqual(10 + 256);
    expect(outcomes.filter(({ allowed }) => allowed).length).toBeLessThanOrEqual(2 * 256);
    expect(store.spend([ofClient('key:3')]).answers[0]).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('forgets counters whose buckets have long been full, without a timer', () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryLimitStore({ clock, maxKeys: 1000 });
    for (let client = 0; client < 1000; client += 1) store.spend([ofClient(`key:${client}`)]);
    clock.advance(120_000);
    for (let client = 0; client < 1000; client += 1) store.spend([ofClient(`key:later-${client}`)]);
    expect(store.stats()).toEqual({ keys: 1000, overflowed: 0 });
  });

  it('never takes one counter for another, whatever their parts are made of', () => {
    const part = fc.option(fc.constantFrom('a', '', '[', ',', '"', 'null', '["a",null,null]', '[overflow 1]'), {
      nil: undefined,
    });
    const key = fc.record({ client: part, tenant: part, route: part });
    const written = ({ client, tenant, route }: { [name in 'client' | 'tenant' | 'route']: string | undefined }) => ({
      policy: 'p',
      ...(client === undefined ? {} : { client }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(route === undefined ? {} : { route }),
    });
    fc.assert(
      fc.property(key, key, (one, other) => {
        const store = new MemoryLimitStore({ clock: new ManualClock(startMs) });
        store.spend([asking(written(one), { cost: 2 })]);
        const same = JSON.stringify(written(one)) === JSON.stringify(written(other));
        expect(store.spend([asking(written(other))]).allowed).toBe(!same);
      }),
    );
  });

  it('counts as the reference does while counters expire, come back and repeat within a call', () => {
    const call = fc.record({
      clients: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
      waitMs: fc.constantFrom(0, 1000, 61_000, 70_000),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
        const clock = new ManualClock(startMs);
        const store = new MemoryLimitStore({ clock });
        const tats = new Map<string, number>();
        const cells = {
          read: (counter: string) => tats.get(counter) ?? 0,
          write: (counter: string, tatUs: number) => tats.set(counter, tatUs),
        };
        for (const { clients, waitMs } of calls) {
          clock.advance(waitMs);
          const requests = clients.map((client) => ofClient(`key:${client}`));
          const counted = requests.map((request) => ({ request, counter: request.key.client ?? '' }));
          expect(store.spend(requests)).toEqual(spendAll(counted, cells, clock.nowMs() * 1000));
        }
      }),
    );
  });
});
