import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EntryCounter, EntryLimits } from '../../../src/gate/entry-limits.ts';
import { entryFor } from '../../support/fake-lookup.ts';

const startMs = 1_750_000_000_000;

/** Lets a request through where it fits, and says whether. */
const admits = (counter: EntryCounter, share: number, nowMs: number): boolean => {
  if (counter.waitMs(share, nowMs) > 0) return false;
  counter.count();
  return true;
};

const limitOf = (limit: number, windowMs: number) => ({ kind: 'limit', limit, windowMs }) as const;

/** The most that came in any interval of a window's length, [at, at + windowMs). */
const mostWithin = (windowMs: number, times: readonly number[]): number => {
  let most = 0;
  let from = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[from] as number) >= windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
};

describe('the counter of an entry with a limit', () => {
  it('lets no more through in any interval of a window than the share of each gate, whichever way they arrive', () => {
    fc.assert(
      fc.property(
        fc.record({
          limit: fc.integer({ min: 1, max: 6 }),
          windowMs: fc.integer({ min: 1, max: 400 }),
          gates: fc.integer({ min: 1, max: 5 }),
          steps: fc.array(
            fc.record({
              afterMs: fc.oneof(
                { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 }) },
                fc.integer({ min: 0, max: 60 }),
              ),
              gate: fc.nat(4),
            }),
            {
              minLength: 100,
              maxLength: 300,
              size: 'max',
            },
          ),
        }),
        ({ limit, windowMs, gates, steps }) => {
          const share = Math.ceil(limit / gates);
          const counters = Array.from({ length: gates }, () => new EntryCounter('ip:a', limitOf(limit, windowMs)));
          const times: number[] = [];
          let nowMs = startMs;
          for (const { afterMs, gate } of steps) {
            nowMs += afterMs;
            if (admits(counters[gate % gates] as EntryCounter, share, nowMs)) times.push(nowMs);
          }
          expect(mostWithin(windowMs, times)).toBeLessThanOrEqual(limit + gates - 1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('says exactly when the next request fits: not a millisecond before, and then for sure', () => {
    fc.assert(
      fc.property(
        fc.record({
          limit: fc.integer({ min: 1, max: 8 }),
          windowMs: fc.integer({ min: 1, max: 100_000 }),
          gaps: fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 60 }),
        }),
        ({ limit, windowMs, gaps }) => {
          const counter = new EntryCounter('ip:a', limitOf(limit, windowMs));
          let nowMs = startMs;
          for (const gap of gaps) {
            nowMs += gap;
            admits(counter, limit, nowMs);
          }
          const waitMs = counter.waitMs(limit, nowMs);
          // At most a sixteenth of the window late.
          expect(waitMs).toBeLessThanOrEqual(windowMs + Math.ceil(windowMs / 16) + 16);
          if (waitMs === 0) return;
          expect(counter.waitMs(limit, nowMs + waitMs - 1)).toBe(1);
          expect(counter.waitMs(limit, nowMs + waitMs)).toBe(0);
        },
      ),
    );
  });

  it('keeps up a steady limit: of twice as many requests about half pass', () => {
    const counter = new EntryCounter('ip:a', limitOf(100, 1000));
    let passed = 0;
    for (let ms = 0; ms < 60_000; ms += 5) if (admits(counter, 100, startMs + ms)) passed += 1;
    expect(passed).toBeGreaterThan(60 * 100 * 0.9);
    expect(passed).toBeLessThanOrEqual(60 * 100);
  });

  it('lets nothing through of a limit of 0, and everything of one that is out of reach', () => {
    const none = new EntryCounter('ip:a', limitOf(0, 1000));
    expect(none.waitMs(0, startMs)).toBe(Number.POSITIVE_INFINITY);
    const all = new EntryCounter('ip:a', limitOf(Number.MAX_SAFE_INTEGER, 1000));
    for (let n = 0; n < 1000; n += 1) expect(admits(all, Number.MAX_SAFE_INTEGER, startMs)).toBe(true);
  });

  it('takes windows that make no sense for a millisecond', () => {
    for (const windowMs of [0, -5, Number.NaN]) {
      const counter = new EntryCounter('ip:a', limitOf(1, windowMs));
      expect(admits(counter, 1, startMs)).toBe(true);
      expect(admits(counter, 1, startMs)).toBe(false);
      expect(admits(counter, 1, startMs + 20)).toBe(true);
    }
  });

  it('goes on where it was when the clock is set back a little, and begins anew when it is set back far', () => {
    const counter = new EntryCounter('ip:a', limitOf(1, 16_000));
    expect(admits(counter, 1, startMs)).toBe(true);
    expect(admits(counter, 1, startMs - 3000)).toBe(false);
    expect(admits(counter, 1, startMs - 3_600_000)).toBe(true);
  });

  it('follows a share that shrinks because gates have come', () => {
    const counter = new EntryCounter('ip:a', limitOf(10, 1600));
    for (let n = 0; n < 8; n += 1) admits(counter, 10, startMs + n * 100);
    // Four have to be over before one of five fits.
    const nowMs = startMs + 700;
    const waitMs = counter.waitMs(5, nowMs);
    expect(counter.waitMs(5, nowMs + waitMs)).toBe(0);
    expect(waitMs).toBeGreaterThan(counter.waitMs(8, nowMs));
  });
});

describe('the counters of entries with a limit', () => {
  it('are bounded: the one that let a request through longest ago is forgotten first, and counted', () => {
    const limits = new EntryLimits({ max: 3 });
    const action = limitOf(1, 60_000);
    const counterOf = (name: string): EntryCounter => limits.of(entryFor(`ip:${name}`), action);
    for (const name of ['a', 'b', 'c']) {
      expect(counterOf(name).waitMs(1, startMs)).toBe(0);
      limits.count(counterOf(name));
    }
    limits.count(counterOf('a'));
    counterOf('d');
    expect([limits.size, limits.forgotten]).toEqual([3, 1]);
    expect(counterOf('a').waitMs(1, startMs)).toBeGreaterThan(0);
    expect(counterOf('b').waitMs(1, startMs)).toBe(0);
  });

  it('begin anew where the limit of an entry was changed, and not where its block was', () => {
    const limits = new EntryLimits();
    const first = limits.of(entryFor('ip:a'), limitOf(1, 60_000));
    expect(limits.of(entryFor('ip:a', { blockId: 'b2' }), limitOf(1, 60_000))).toBe(first);
    expect(limits.of(entryFor('ip:a'), limitOf(2, 60_000))).not.toBe(first);
    expect(limits.size).toBe(1);
  });
});
