import { describe, expect, it } from 'vitest';
import { HeldSamples } from '../../../src/alert/held-samples.ts';
import { ManualClock } from '../../../src/clock.ts';
import { sampleOf } from '../../support/samples.ts';

const clock = new ManualClock();
const nowMs = clock.nowMs();
const hourMs = 3_600_000;

describe('samples held', () => {
  it('are found by figure and time, the oldest first, whoever told them and in whatever order they came', () => {
    const held = new HeldSamples({ clock });
    held.add([sampleOf({ atMs: nowMs, value: 3 }), sampleOf({ atMs: nowMs - 60_000, value: 1 })]);
    held.add([sampleOf({ atMs: nowMs - 30_000, value: 2, process: 'ingest-2', labels: { tidegate_partition: '4' } })]);
    held.add([sampleOf({ atMs: nowMs, figure: 'another' })]);
    const found = held.samples('tidegate_ingest_lag', nowMs - 60_000);
    expect(found.map(({ value }) => value)).toEqual([1, 2, 3]);
    expect(found[1]).toEqual(
      sampleOf({ atMs: nowMs - 30_000, value: 2, process: 'ingest-2', labels: { tidegate_partition: '4' } }),
    );
    expect(held.samples('tidegate_ingest_lag', nowMs - 59_999)).toHaveLength(2);
    expect(held.samples('nobody tells it', 0)).toEqual([]);
    expect(held.newestAtMs()).toBe(nowMs);
  });

  it('are held once where the log doubled them', () => {
    const held = new HeldSamples({ clock });
    for (const _ of [1, 2]) held.add([sampleOf({ atMs: nowMs }), sampleOf({ atMs: nowMs, labels: { a: 'b' } })]);
    expect(held.samples('tidegate_ingest_lag', 0)).toHaveLength(2);
    expect(held.stats().held).toBe(2);
  });

  it('go after an hour, and are never those of a clock that is wrong', () => {
    const own = new ManualClock(nowMs);
    const held = new HeldSamples({ clock: own });
    held.add([
      sampleOf({ atMs: nowMs + 86_400_000 }),
      sampleOf({ atMs: nowMs - hourMs - 1 }),
      sampleOf({ atMs: nowMs }),
    ]);
    expect(held.stats()).toMatchObject({ held: 1, untimely: 2 });
    expect(held.newestAtMs()).toBe(nowMs);
    own.advance(hourMs + 1);
    expect(held.samples('tidegate_ingest_lag', 0)).toEqual([]);
    held.add([]);
    expect(held.stats()).toMatchObject({ held: 0, series: 0, dropped: 0 });
  });

  it('of a clock that was set back by hours go, so that nobody takes them for what is told now', () => {
    const own = new ManualClock(nowMs);
    const held = new HeldSamples({ clock: own });
    held.add([sampleOf({ atMs: nowMs - 60_000 }), sampleOf({ atMs: nowMs })]);
    own.setMs(nowMs - 3 * hourMs);
    held.add([]);
    expect([held.newestAtMs(), held.stats()]).toEqual([null, { held: 0, series: 0, dropped: 0, untimely: 2 }]);
    held.add([sampleOf({ atMs: own.nowMs() })]);
    expect(held.newestAtMs()).toBe(own.nowMs());
  });

  it('of a process whose clock is ahead do not hide that nothing comes any more', () => {
    const held = new HeldSamples({ clock });
    held.add([sampleOf({ atMs: nowMs + 200_000 })]);
    expect(held.newestAtMs()).toBe(nowMs);
  });

  it('give way to newer ones beyond what there is room for, and are counted', () => {
    const held = new HeldSamples({ clock, maxSamples: 500 });
    const at = (second: number) => nowMs - hourMs + second * 1000;
    for (let second = 0; second < 3600; second += 1) held.add([sampleOf({ atMs: at(second), value: second })]);
    const { held: count, dropped } = held.stats();
    expect(count).toBeLessThanOrEqual(500);
    expect(count).toBeGreaterThan(250);
    expect(count + dropped).toBe(3600);
    expect(held.samples('tidegate_ingest_lag', 0).at(-1)?.value).toBe(3599);
  });

  it('of ever new processes take no more room than that', () => {
    const held = new HeldSamples({ clock, maxSamples: 300 });
    for (let index = 0; index < 2000; index += 1) held.add([sampleOf({ atMs: nowMs + index, process: `p-${index}` })]);
    expect(held.stats().series).toBeLessThanOrEqual(300);
  });
});
