import { describe, expect, it, vi } from 'vitest';
import type { BlockQuery } from '../../../src/blocklist/block-review.ts';
import { ReviewWatch, type ReviewWatchOptions } from '../../../src/cli/review-watch.ts';
import { ManualClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';

const setUp = (isMine: () => Promise<boolean> = async () => true) => {
  const clock = new ManualClock();
  const pages: { blockedAtMs: number | null; next: string | null }[] = [];
  const asked: BlockQuery[] = [];
  const count = vi.fn(async () => ({ count: 4, isExact: true }));
  const blockList = {
    count,
    list: async (query: BlockQuery) => {
      asked.push(query);
      const { blockedAtMs, next } = pages[asked.length - 1] ?? { blockedAtMs: null, next: null };
      return { blocks: blockedAtMs === null ? [] : [{ blockedAtMs }], nextCursor: next };
    },
  } as unknown as ReviewWatchOptions['blockList'];
  const watch = new ReviewWatch({ blockList, isMine, clock, logger: silentLogger });
  return { watch, clock, pages, asked, count };
};

describe('how many blocks wait for a person', () => {
  it('is asked a few times a minute, and how old the oldest is grows in between', async () => {
    const { watch, clock, pages, asked, count } = setUp();
    pages.push({ blockedAtMs: null, next: 'c' }, { blockedAtMs: clock.nowMs() - 60_000, next: null });
    watch.start();
    await vi.waitFor(() => expect(watch.stats()).toEqual({ waiting: 4, oldestWaitMs: 60_000 }));
    expect(asked.map(({ sort, limit, cursor }) => [sort, limit, cursor])).toEqual([
      ['oldest', 1, undefined],
      ['oldest', 1, 'c'],
    ]);
    clock.advance(19_000);
    expect(watch.stats().oldestWaitMs).toBe(79_000);
    expect(count).toHaveBeenCalledTimes(1);
    clock.advance(1_000);
    await vi.waitFor(() => expect(count).toHaveBeenCalledTimes(2));
    watch.stop();
  });

  it('is 0 and since never when none does', async () => {
    const { watch, count } = setUp();
    count.mockResolvedValue({ count: 0, isExact: true });
    watch.start();
    await vi.waitFor(() => expect(watch.stats()).toEqual({ waiting: 0, oldestWaitMs: 0 }));
    watch.stop();
  });

  it('is told by one process of all, and costs the others nothing', async () => {
    let isMine = true;
    const { watch, clock, count } = setUp(async () => isMine);
    watch.start();
    await vi.waitFor(() => expect(watch.stats().waiting).toBe(4));
    isMine = false;
    await vi.waitFor(() => {
      clock.advance(20_000);
      expect(watch.stats()).toEqual({ waiting: null, oldestWaitMs: null });
    });
    expect(count).toHaveBeenCalledTimes(1);
    watch.stop();
  });

  it('is no number any more while the list cannot be asked, and one again afterwards', async () => {
    const { watch, clock, count } = setUp();
    watch.start();
    await vi.waitFor(() => expect(watch.stats().waiting).toBe(4));
    count.mockRejectedValueOnce(new Error('away'));
    clock.advance(20_000);
    await vi.waitFor(() => expect(watch.stats().waiting).toBeNull());
    clock.advance(20_000);
    await vi.waitFor(() => expect(watch.stats().waiting).toBe(4));
    watch.stop();
    clock.advance(60_000);
    expect(count).toHaveBeenCalledTimes(3);
  });
});
