import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLiveSamples, inSlots } from '../../../src/console/charts/live-samples.ts';
import { decisionsOf, filled, type OutcomePoint, stacked, summed } from '../../../src/console/charts/outcome-points.ts';

const minuteMs = 60_000;
const point = (minute: number, counts: Partial<OutcomePoint> = {}): OutcomePoint => ({
  ...{ allowed: 0, denied: 0, blocked: 0, degraded: 0 },
  ...counts,
  atMs: minute * minuteMs,
});

describe('the points of a chart', () => {
  it('hold a zero for each step that the API leaves out, and lose none that it told', () => {
    const known = [point(2, { allowed: 5 }), point(4, { denied: 3 })];
    const steps = filled(known, { fromMs: 90_000, toMs: 5 * minuteMs, stepMs: minuteMs });
    expect(steps.map(({ atMs }) => atMs / minuteMs)).toEqual([1, 2, 3, 4]);
    expect(steps.map(decisionsOf)).toEqual([0, 5, 0, 3]);
    expect(summed(steps)).toEqual(summed(known));
  });

  it('are bounded, however long the range', () => {
    expect(filled([], { fromMs: 0, toMs: 1e13, stepMs: minuteMs }).length).toBeLessThanOrEqual(2000);
  });

  it('are stacked so that each colour ends where the next begins', () => {
    const [times, blocked, denied, allowed, degraded] = stacked([
      point(1, { allowed: 5, denied: 3, blocked: 2, degraded: 4 }),
      point(2),
    ]);
    expect([times, blocked, denied, allowed]).toEqual([
      [60, 120],
      [10, 0],
      [8, 0],
      [5, 0],
    ]);
    expect(degraded).toEqual([4, null]);
  });
});

describe('what is watched live', () => {
  const counters = (allowed: number, denied = 0) => ({
    allowed,
    denied,
    blocked: 0,
    degraded: 0,
    decisions: allowed + denied,
  });

  it('is how the counters grew, per second', () => {
    const live = createLiveSamples(10);
    live.add(1000, counters(100));
    expect(live.all).toEqual([]);
    live.add(3000, counters(110, 4));
    live.add(3000, counters(110, 4));
    expect(live.all).toEqual([{ atMs: 1000, spanMs: 2000, allowed: 10, denied: 4, blocked: 0, degraded: 0 }]);
    expect(inSlots(live.all, 2000).map(({ atMs, allowed, denied }) => [atMs, allowed, denied])).toEqual([
      [0, 5, 2],
      [2000, 5, 2],
    ]);
  });

  it('is drawn in slots of one width that lose no decision, however early or late a poll was', () => {
    const gaps = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 9000 }), allowed: fc.nat(500) }), { minLength: 2 });
    fc.assert(
      fc.property(gaps, (polls) => {
        const live = createLiveSamples(1000);
        let [atMs, allowed] = [1_000_000, 0];
        for (const poll of polls) {
          atMs += poll.ms;
          allowed += poll.allowed;
          live.add(atMs, counters(allowed));
        }
        const slots = inSlots(live.all, 2000);
        expect(slots.every((slot) => slot.atMs % 2000 === 0)).toBe(true);
        const first = live.all[0]?.atMs ?? 0;
        const seconds = (slot: OutcomePoint): number =>
          (Math.min(atMs, slot.atMs + 2000) - Math.max(first, slot.atMs)) / 1000;
        const drawn = slots.reduce((sum, slot) => sum + slot.allowed * seconds(slot), 0);
        expect(drawn).toBeCloseTo(summed(live.all).allowed, 6);
      }),
    );
  });

  it('begins again with a process that has started again', () => {
    const live = createLiveSamples(10);
    live.add(1000, counters(100));
    live.add(3000, counters(120));
    live.add(5000, counters(3));
    expect(live.all).toEqual([]);
    live.add(7000, counters(5));
    expect(live.all).toMatchObject([{ allowed: 2 }]);
  });

  it('begins again after a while in which nobody looked', () => {
    const live = createLiveSamples(10);
    live.add(1000, counters(100));
    live.add(3000, counters(120));
    live.add(3_600_000, counters(90_000));
    expect(live.all).toEqual([]);
  });

  it('keeps the newest samples alone', () => {
    const live = createLiveSamples(3);
    for (let index = 0; index < 10; index += 1) live.add(index * 1000, counters(index));
    expect(live.all.map(({ atMs }) => atMs)).toEqual([6000, 7000, 8000]);
  });
});
