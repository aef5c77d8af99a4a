import { describe, expect, it } from 'vitest';
import { createLiveSamples, perSecond } from '../../../src/console/charts/live-samples.ts';
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
    expect(perSecond(live.all)[0]).toMatchObject({ allowed: 5, denied: 2 });
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

  it('keeps the newest samples alone', () => {
    const live = createLiveSamples(3);
    for (let index = 0; index < 10; index += 1) live.add(index * 1000, counters(index));
    expect(live.all.map(({ atMs }) => atMs)).toEqual([6000, 7000, 8000]);
  });
});
