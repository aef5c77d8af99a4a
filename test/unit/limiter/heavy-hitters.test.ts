import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeavyHitters } from '../../../src/limiter/heavy-hitters.ts';

const halvingMs = 1000;

/** The exact counts beside the sketch, decayed alike: halving a double loses nothing. */
class Exact {
  readonly counts = new Map<string, number>();
  total = 0;

  update(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    this.total += 1;
  }

  halve(): void {
    for (const [key, count] of this.counts) this.counts.set(key, count / 2);
    this.total /= 2;
  }
}

const expectWithin = (sketch: HeavyHitters, exact: Exact, { counters, slack }: { counters: number; slack: number }) => {
  const bound = exact.total / counters + slack;
  let watched = 0;
  for (const [key, truth] of exact.counts) {
    const found = sketch.find(key);
    if (!found) {
      expect(truth, `${key} is not watched`).toBeLessThanOrEqual(bound);
      continue;
    }
    watched += 1;
    expect(found.count, `${key} is under-estimated`).toBeGreaterThanOrEqual(truth);
    expect(found.count - found.error, `${key}: no lower bound`).toBeLessThanOrEqual(truth);
    expect(found.error, `${key}: error`).toBeLessThanOrEqual(bound);
  }
  expect(watched).toBe(sketch.size);
  expect(sketch.size).toBeLessThanOrEqual(counters);
};

/** Few keys that come often among many that come once: what a flood of ids beside real clients looks like. */
const streamOf = (keys: readonly number[]): string[] => keys.map((key) => `key-${key}`);

describe('heavy hitters', () => {
  it('counts exactly while there are no more keys than counters', () => {
    const sketch = new HeavyHitters({ counters: 4 });
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b', 'd']) sketch.update(key, 0);
    expect(sketch.find('a')).toEqual({ count: 3, error: 0 });
    expect(sketch.find('b')).toEqual({ count: 2, error: 0 });
    expect(sketch.find('d')).toEqual({ count: 1, error: 0 });
    expect(sketch.find('e')).toBeNull();
  });

  it('over-estimates by at most n/k, never under-estimates, and watches each key above n/k, on any stream', () => {
    const key = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 }), fc.integer());
    fc.assert(
      fc.property(fc.array(key, { maxLength: 400 }), fc.integer({ min: 1, max: 12 }), (keys, counters) => {
        const sketch = new HeavyHitters({ counters });
        const exact = new Exact();
        for (const next of streamOf(keys)) {
          sketch.update(next, 0);
          exact.update(next);
          expectWithin(sketch, exact, { counters, slack: 0 });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds its bound against streams made to evict: each key once, round robin over k + 1, a late heavy one', () => {
    const counters = 8;
    const streams = {
      distinct: Array.from({ length: 1000 }, (_, index) => index),
      roundRobin: Array.from({ length: 1000 }, (_, index) => index % (counters + 1)),
      late: Array.from({ length: 1000 }, (_, index) => (index > 700 && index % 3 === 0 ? -1 : index)),
    };
    for (const keys of Object.values(streams)) {
      const sketch = new HeavyHitters({ counters });
      const exact = new Exact();
      for (const next of streamOf(keys)) {
        sketch.update(next, 0);
        exact.update(next);
      }
      expectWithin(sketch, exact, { counters, slack: 0 });
    }
  });

  it('keeps the bound, give or take 2, while counts halve with time', () => {
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 0, max: 20 }) },
      { weight: 1, arbitrary: fc.constant(null) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 12 }), (steps, counters) => {
        let nowUs = 0;
        const sketch = new HeavyHitters({ counters, halvingMs });
        const exact = new Exact();
        for (const next of steps) {
          if (next === null) {
            nowUs += halvingMs * 1000;
            exact.halve();
            continue;
          }
          sketch.update(`key-${next}`, nowUs);
          exact.update(`key-${next}`);
          expectWithin(sketch, exact, { counters, slack: 2 });
        }
      }),
      { numRuns: 100 },
    );
  });

  it('tells a steady rate, from below, at any moment of an interval', () => {
    let nowUs = 0;
    const sketch = new HeavyHitters({ counters: 16, halvingMs });
    const rates: number[] = [];
    for (let turn = 0; turn < 2000; turn += 1) {
      nowUs += 5000;
      rates.push(sketch.update('hot', nowUs));
      sketch.update(`cold-${turn}`, nowUs);
    }
    for (const rate of rates.slice(-400)) {
      expect(rate).toBeGreaterThan(150);
      expect(rate).toBeLessThanOrEqual(201);
    }
    expect(sketch.update('cold-again', nowUs)).toBeLessThan(10);
  });

  it('forgets what was hot a minute ago', () => {
    const sketch = new HeavyHitters({ counters: 4 });
    for (let count = 0; count < 100_000; count += 1) sketch.update('hot', 0);
    expect(sketch.update('hot', 60_000_000)).toBeLessThan(3);
  });
});
