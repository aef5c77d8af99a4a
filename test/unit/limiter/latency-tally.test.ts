import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { LatencyTally } from '../../../src/limiter/latency-tally.ts';

it('quantiles are right to an eighth of a doubling, whatever was recorded', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 100, max: 50_000_000 }), { minLength: 1, maxLength: 300 }), (durations) => {
      const tally = new LatencyTally(new ManualClock());
      for (const us of durations) tally.record(us);
      const sorted = durations.toSorted((one, other) => one - other);
      const { p50Us, p99Us } = tally.read();
      for (const [found, share] of [[p50Us, 0.5] as const, [p99Us, 0.99] as const]) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
        expect(Math.abs(Math.log2((found ?? 0) / exact))).toBeLessThan(0.075);
      }
    }),
    { numRuns: 50 },
  );
});

it('what is told is of the last quarter to half minute, and nothing when there was no call', () => {
  const clock = new ManualClock();
  const tally = new LatencyTally(clock);
  const nothing = { p50Us: null, p99Us: null };
  expect(tally.read()).toEqual(nothing);
  tally.record(1000);
  clock.advance(15_000);
  tally.record(64_000);
  expect(tally.read()).toMatchObject({ p50Us: expect.closeTo(1024, -2) });
  clock.advance(15_000);
  expect(tally.read().p50Us).toBe(65_536);
  clock.advance(15_000);
  expect(tally.read()).toEqual(nothing);
  tally.record(0);
  tally.record(1e12);
  expect(tally.read().p99Us).toBeGreaterThan(1e8);
  clock.advance(100_000);
  expect(tally.read()).toEqual(nothing);
});
