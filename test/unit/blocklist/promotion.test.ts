import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockDurationMs, durationTermsOf, millionthsOf } from '../../../src/blocklist/promotion.ts';

const durations = fc.record({
  baseMs: fc.integer({ min: 1000, max: 86_400_000 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxMs: fc.integer({ min: 1000, max: 30 * 86_400_000 }),
  jitter: fc.double({ min: 0, max: 0.9, noNaN: true }),
  strikeTtlMs: fc.constant(1000),
});

describe('blockDurationMs', () => {
  it('multiplies by the factor for each strike beyond the first', () => {
    const terms = durationTermsOf({ baseMs: 1000, factor: 1.5, maxMs: 10_000, jitter: 0, strikeTtlMs: 1 });
    expect([1, 2, 3, 4].map((strikes) => blockDurationMs(terms, strikes, 0))).toEqual([1000, 1500, 2250, 3375]);
  });

  it('is whole, at least 1 ms, never above the cap, and loses at most its jitter', () => {
    fc.assert(
      fc.property(
        durations,
        fc.integer({ min: 1, max: 1000 }),
        fc.double({ min: 0, max: 1 }),
        (duration, strikes, random) => {
          const terms = durationTermsOf(duration);
          const full = blockDurationMs(terms, strikes, 0);
          const length = blockDurationMs(terms, strikes, millionthsOf(random || 0));
          expect(Number.isSafeInteger(length)).toBe(true);
          expect(length).toBeGreaterThanOrEqual(1);
          expect(full).toBeLessThanOrEqual(duration.maxMs);
          expect(length).toBeLessThanOrEqual(full);
          expect(length).toBeGreaterThanOrEqual(Math.floor(full * (1 - duration.jitter)) - full / 1_000_000 - 1);
        },
      ),
    );
  });

  it('never shortens with another strike', () => {
    fc.assert(
      fc.property(durations, fc.integer({ min: 1, max: 50 }), (duration, strikes) => {
        const terms = durationTermsOf(duration);
        expect(blockDurationMs(terms, strikes + 1, 0)).toBeGreaterThanOrEqual(blockDurationMs(terms, strikes, 0));
      }),
    );
  });
});
