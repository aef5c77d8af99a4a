import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock.ts';
import { QuerySlots } from '../../../../src/embedded/clickhouse-http/query-slots.ts';

const open = () => {
  const clock = new ManualClock();
  return { clock, slots: new QuerySlots({ clock, running: 2, waiting: 2, waitMs: 1000 }) };
};

describe('queries that run at a time', () => {
  it('are as many as may be; the others wait their turn', async () => {
    const { slots } = open();
    const frees = [await slots.take(), await slots.take()];
    const order: string[] = [];
    const first = slots.take().then((free) => order.push('first') && free);
    const second = slots.take().then((free) => order.push('second') && free);
    expect(slots.stats()).toEqual({ running: 2, waiting: 2, refused: 0 });
    for (const free of frees) free();
    for (const free of [await first, await second]) (free as () => void)();
    expect(order).toEqual(['first', 'second']);
    expect(slots.stats()).toEqual({ running: 0, waiting: 0, refused: 0 });
  });

  it('are refused when too many wait, or when one waited too long, and leave no trace', async () => {
    const { clock, slots } = open();
    const frees = [await slots.take(), await slots.take()];
    const late = slots.take();
    const later = slots.take();
    await expect(slots.take()).rejects.toThrow(/^Code: 202\./);
    clock.setMs(clock.nowMs() + 1000);
    await expect(late).rejects.toThrow(/^Code: 202\./);
    await expect(later).rejects.toThrow(/TOO_MANY_SIMULTANEOUS_QUERIES/);
    for (const free of frees) free();
    expect(slots.stats()).toEqual({ running: 0, waiting: 0, refused: 3 });
  });
});
