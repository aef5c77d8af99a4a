import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { type LimitAnswer, type LimitTerms, spendOne } from '../../../src/limiter/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import type { Algorithm } from '../../../src/policy/policy.ts';
import { ReferenceLimitStore } from '../../support/reference-limit-store.ts';

const startMs = 1_750_000_000_000;

interface Admission {
  readonly atUs: number;
  readonly units: number;
  readonly answer: LimitAnswer;
}

interface Arrival {
  readonly waitMs: number;
  readonly cost: number;
}

/** Busy stretches with pauses of every length: windows are entered at their ends as well as in their middle. */
const arrivals = fc.array(
  fc.record({
    waitMs: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ max: 900, min: 0 }),
    ),
    cost: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 80 },
);
const shape = fc.record({ capacity: fc.integer({ min: 1, max: 9 }), periodMs: fc.integer({ min: 1, max: 400 }) });

const admissions = (terms: LimitTerms, trace: readonly Arrival[]): Admission[] => {
  const clock = new ManualClock(startMs);
  const store = new MemoryLimitStore({ clock });
  const admitted: Admission[] = [];
  for (const { waitMs, cost } of trace) {
    clock.advance(waitMs);
    const result = spendOne(store, [
      { key: { policy: 'p' }, terms, cost, mode: 'enforce', permit: `${admitted.length}` },
    ]);
    if (result instanceof Promise) throw new Error('the memory store answers at once');
    const [answer] = result.answers;
    if (result.allowed && answer) admitted.push({ atUs: clock.nowMs() * 1000, units: cost, answer });
  }
  return admitted;
};

/** Calls back with every interval between two admissions, both included, and what it admitted. */
const everyInterval = (admitted: readonly Admission[], check: (lengthUs: number, units: number) => void): void => {
  for (const [from, first] of admitted.entries()) {
    let units = 0;
    for (const last of admitted.slice(from)) {
      units += last.units;
      check(last.atUs - first.atUs, units);
    }
  }
};

const bounded = (algorithm: Algorithm, bound: (terms: LimitTerms, lengthUs: number) => number): void => {
  fc.assert(
    fc.property(arrivals, shape, (trace, { capacity, periodMs }) => {
      const terms = { algorithm, capacity, periodUs: periodMs * 1000 };
      everyInterval(admissions(terms, trace), (lengthUs, units) => {
        expect(units).toBeLessThanOrEqual(bound(terms, lengthUs) + 1e-6);
      });
    }),
    { numRuns: 300 },
  );
};

describe('no interval admits more than the bound', () => {
  it('of a token bucket: its burst and the rate times the interval', () => {
    bounded('token-bucket', ({ capacity, periodUs }, lengthUs) => capacity + lengthUs / periodUs);
  });

  it('of a leaky bucket: the same', () => {
    bounded('leaky-bucket', ({ capacity, periodUs }, lengthUs) => capacity + lengthUs / periodUs);
  });

  it('of a sliding window: its limit and the rate times the interval', () => {
    bounded('sliding-window', ({ capacity, periodUs }, lengthUs) => capacity + (capacity * lengthUs) / periodUs);
  });

  it('of a fixed window: its limit for every window that the interval touches', () => {
    bounded('fixed-window', ({ capacity, periodUs }, lengthUs) => capacity * (Math.floor(lengthUs / periodUs) + 2));
  });

  it('of a leaky bucket, as far as what comes out is concerned: one request, and the rate', () => {
    fc.assert(
      fc.property(arrivals, shape, (trace, { capacity, periodMs }) => {
        const periodUs = periodMs * 1000;
        const admitted = admissions({ algorithm: 'leaky-bucket', capacity, periodUs }, trace);
        const released = admitted.map(({ atUs, units, answer }) => ({ atUs: atUs + answer.delayUs, units }));
        for (const [index, { atUs, units }] of released.entries()) {
          const next = released[index + 1];
          if (next) expect(next.atUs - atUs).toBeGreaterThanOrEqual(units * periodUs);
        }
        for (const { answer } of admitted) expect(answer.delayUs).toBeLessThanOrEqual((capacity - 1) * periodUs);
      }),
    );
  });

  it('of a concurrency limit: never more units hold a place at once than there are', () => {
    const steps = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 50 }), releases: fc.nat({ max: 20 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, shape, (trace, { capacity, periodMs }) => {
        const terms = { algorithm: 'concurrency', capacity, periodUs: periodMs * 1000 } as const;
        let nowUs = startMs * 1000;
        const store = new ReferenceLimitStore(() => nowUs);
        let held: { readonly permit: string; readonly untilUs: number }[] = [];
        for (const [index, { waitMs, releases }] of trace.entries()) {
          nowUs += waitMs * 1000;
          held = held.filter(({ untilUs }) => untilUs > nowUs);
          const permit = `permit-${index}`;
          const [result] = store.spend([[{ key: { policy: 'p' }, terms, cost: 1, mode: 'enforce', permit }]]);
          if (result?.allowed) held.push({ permit, untilUs: nowUs + terms.periodUs });
          expect(held.length).toBeLessThanOrEqual(capacity);
          expect(result?.allowed).toBe(held.at(-1)?.permit === permit);
          const leaving = held[releases];
          if (!leaving) continue;
          held = held.filter((place) => place !== leaving);
          store.giveBack([{ key: { policy: 'p' }, terms, cost: 1, spentAtUs: nowUs, permit: leaving.permit }]);
        }
      }),
    );
  });
});

describe('the retry time', () => {
  it('is true to the microsecond: the cost fits then, and not before', () => {
    const algorithm = fc.constantFrom<Algorithm[]>('token-bucket', 'leaky-bucket', 'sliding-window', 'fixed-window');
    fc.assert(
      fc.property(algorithm, arrivals, shape, (name, trace, { capacity, periodMs }) => {
        const terms = { algorithm: name, capacity, periodUs: periodMs * 1000 + 7 };
        let nowUs = startMs * 1000;
        const store = new ReferenceLimitStore(() => nowUs);
        const ask = (cost: number, mode: 'enforce' | 'shadow' = 'enforce') =>
          store.spend([[{ key: { policy: 'p' }, terms, cost, mode }]])[0]?.answers[0];
        for (const { waitMs, cost } of trace) {
          nowUs += waitMs * 1000;
          const answer = ask(cost);
          if (!answer || answer.allowed) continue;
          if (answer.retryAfterUs === null) {
            expect(cost).toBeGreaterThan(capacity);
            continue;
          }
          const deniedUs = nowUs;
          nowUs = deniedUs + answer.retryAfterUs - 1;
          expect(ask(cost)?.allowed).toBe(false);
          nowUs = deniedUs + answer.retryAfterUs;
          expect(ask(cost)?.allowed).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('refunds', () => {
  it('give a counter no more than it held before: what is admitted less what came back stays within the bound', () => {
    const algorithm = fc.constantFrom<Algorithm[]>('token-bucket', 'leaky-bucket', 'sliding-window', 'fixed-window');
    const steps = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 300 }),
        cost: fc.integer({ min: 1, max: 4 }),
        refund: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(algorithm, steps, shape, (name, trace, { capacity, periodMs }) => {
        const terms = { algorithm: name, capacity, periodUs: periodMs * 1000 };
        let nowUs = startMs * 1000;
        const store = new ReferenceLimitStore(() => nowUs);
        const kept: Admission[] = [];
        for (const { waitMs, cost, refund } of trace) {
          nowUs += waitMs * 1000;
          const [result] = store.spend([[{ key: { policy: 'p' }, terms, cost, mode: 'enforce' }]]);
          const [answer] = result?.answers ?? [];
          if (!result?.allowed || !answer) continue;
          if (refund) store.giveBack([{ key: { policy: 'p' }, terms, cost, spentAtUs: result.nowUs }]);
          else kept.push({ atUs: nowUs, units: cost, answer });
        }
        const rate =
          name === 'token-bucket' || name === 'leaky-bucket' ? 1 / terms.periodUs : capacity / terms.periodUs;
        const windows = name === 'fixed-window' ? 2 : 1;
        everyInterval(kept, (lengthUs, units) => {
          expect(units).toBeLessThanOrEqual(windows * capacity + rate * lengthUs + 1e-6);
        });
      }),
      { numRuns: 300 },
    );
  });
});
