import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { concurrency } from '../../../src/limiter/algorithms/concurrency.ts';
import type { Counter } from '../../../src/limiter/algorithms/counter.ts';
import type { LimitKey, LimitRequest } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const startMs = 1_750_000_000_000;
const minuteUs = 60_000_000;
const key: LimitKey = { policy: 'places' };
const asking = (permit: string, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key,
  terms: { algorithm: 'concurrency', periodUs: minuteUs, capacity: 100_000 },
  cost: 1,
  mode: 'enforce',
  permit,
  ...change,
});
const giveBack = ({ key: whose, terms, cost, permit = '' }: LimitRequest) => ({
  key: whose,
  terms,
  cost,
  permit,
  spentAtUs: startMs * 1000,
});

/** One store's counter, told in the plainest way: everything that is held, looked through each time. */
class Ledger {
  #held: { permit: string; units: number; expiresAtUs: number }[] = [];

  spend({ terms, cost, permit = '' }: LimitRequest, nowUs: number) {
    const latestUs = nowUs + terms.periodUs;
    const isLate = this.#held.some(({ expiresAtUs }) => expiresAtUs > latestUs);
    const live = this.#held
      .filter(({ expiresAtUs }) => expiresAtUs > nowUs)
      .map((place) => ({ ...place, expiresAtUs: Math.min(place.expiresAtUs, latestUs) }));
    const used = live.reduce((sum, { units }) => sum + units, 0);
    const fits = used + cost <= terms.capacity;
    if (fits && cost > 0) live.push({ permit, units: cost, expiresAtUs: latestUs });
    // What is only read is not stored.
    if (isLate || (fits && cost > 0)) this.#held = live;
    const lastUs = Math.max(nowUs, ...live.map(({ expiresAtUs }) => expiresAtUs));
    const left = terms.capacity - used - (fits ? cost : 0);
    return { allowed: fits, remaining: Math.max(0, left), resetAfterUs: lastUs - nowUs };
  }

  giveBack(permit: string, { terms }: LimitRequest, nowUs: number) {
    this.#held = this.#held
      .filter((place) => place.permit !== permit && place.expiresAtUs > nowUs)
      .map((place) => ({ ...place, expiresAtUs: Math.min(place.expiresAtUs, nowUs + terms.periodUs) }));
  }
}

describe('places under a concurrency limit', () => {
  it('cost the same however many are held', () => {
    const clock = new ManualClock(startMs);
    const store = new MemoryLimitStore({ clock });
    const places = Array.from({ length: 100_000 }, (_, number) => asking(`p${number}`));
    for (const place of places) {
      clock.advance(0.1);
      expect(store.spend([[place]])[0]?.allowed).toBe(true);
    }
    expect(store.spend([[asking('more')]])[0]?.answers[0]).toMatchObject({ allowed: false, remaining: 0 });
    for (const place of places.reverse()) store.giveBack([giveBack(place)]);
    expect(store.spend([[asking('more')]])[0]?.answers[0]).toMatchObject({ allowed: true, remaining: 99_999 });
  });

  it('are told of as a list of all of them would be, while the clock steps and policies change', () => {
    const step = fc.record({
      waitMs: fc.constantFrom(0, 0, 1, 400, 1000, 2500, -1, -700, -5000),
      periodMs: fc.constantFrom(1000, 1000, 1000, 3000),
      capacity: fc.constantFrom(5, 5, 3),
      cost: fc.integer({ min: 0, max: 4 }),
      returned: fc.option(fc.nat({ max: 20 }), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let nowUs = startMs * 1000;
        const store = new ReferenceLimitStore(() => nowUs);
        const ledger = new Ledger();
        for (const [number, { waitMs, periodMs, capacity, cost, returned }] of steps.entries()) {
          nowUs += waitMs * 1000;
          const terms = { algorithm: 'concurrency', periodUs: periodMs * 1000, capacity } as const;
          if (returned === null) {
            const request = asking(`p${number}`, { terms, cost });
            expect(store.spend([[request]])[0]?.answers[0]).toMatchObject(ledger.spend(request, nowUs));
          } else {
            const request = asking(`p${number - returned}`, { terms });
            store.giveBack([giveBack(request)]);
            ledger.giveBack(`p${number - returned}`, request, nowUs);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('that are over when the clock steps back are held again, unless another has been taken since', () => {
    const counter: Counter = { cells: new Float64Array(3), at: 0, places: null, grants: null };
    const terms = { algorithm: 'concurrency', periodUs: 1000, capacity: 2 } as const;
    const at = (nowUs: number): number => {
      concurrency.settle(counter, terms, nowUs);
      return concurrency.remaining(counter, terms, nowUs);
    };
    at(0);
    concurrency.take(counter, { terms, cost: 1, permit: 'a' }, 0);
    expect([at(999), at(1000), at(999)]).toEqual([1, 2, 1]);
  });
});
