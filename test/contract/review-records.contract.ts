import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import type { RecordStore, ReviewRecords } from '../../src/review/records.ts';

const hourMs = 3_600_000;

/** What every place for records does. `make`: a new, empty one that lives in the time of the clock. */
export const reviewRecordsContract = (make: (clock: ManualClock) => ReviewRecords): void => {
  const onShelf = (most = 100) => {
    const clock = new ManualClock();
    const records = make(clock);
    return { clock, records, store: records.shelf({ name: 'things', keptForMs: hourMs, most }) };
  };
  const fill = async (store: RecordStore, count: number): Promise<void> => {
    for (let at = 1; at <= count; at += 1) await store.put({ id: `r${at}`, text: `${at}`, ifRevision: 0 });
  };

  describe('records', () => {
    it('are made once, and replaced only by who has seen what is there', async () => {
      const { store } = onShelf();
      expect(await store.get('a')).toBeNull();
      expect(await store.put({ id: 'a', text: 'one', ifRevision: 1 })).toBe(false);
      expect(await store.put({ id: 'a', text: 'one', ifRevision: 0 })).toBe(true);
      expect(await store.put({ id: 'a', text: 'again', ifRevision: 0 })).toBe(false);
      expect(await store.put({ id: 'a', text: 'zwei ☂ "\n', ifRevision: 1 })).toBe(true);
      expect(await store.put({ id: 'a', text: 'late', ifRevision: 1 })).toBe(false);
      expect(await store.get('a')).toEqual({ id: 'a', text: 'zwei ☂ "\n', revision: 2 });
    });

    it('let exactly one of many writers win, of each revision', async () => {
      const { store } = onShelf();
      for (const ifRevision of [0, 1, 2]) {
        const writes = Array.from({ length: 8 }, (_, n) => store.put({ id: 'a', text: `${n}`, ifRevision }));
        expect((await Promise.all(writes)).filter(Boolean)).toHaveLength(1);
      }
    });

    it('go when who has seen them says so, and can be made anew', async () => {
      const { store } = onShelf();
      await store.put({ id: 'a', text: 'one', ifRevision: 0 });
      expect(await store.remove('a', 2)).toBe(false);
      expect(await store.remove('a', 1)).toBe(true);
      expect(await store.remove('a', 1)).toBe(false);
      expect(await store.get('a')).toBeNull();
      expect((await store.newest(10)).records).toEqual([]);
      expect(await store.put({ id: 'a', text: 'two', ifRevision: 0 })).toBe(true);
    });

    it('end a fixed time after they were made, whatever was written since', async () => {
      const { store, clock } = onShelf();
      await store.put({ id: 'a', text: 'one', ifRevision: 0 });
      clock.advance(hourMs - 1);
      expect(await store.put({ id: 'a', text: 'two', ifRevision: 1 })).toBe(true);
      expect(await store.get('a')).not.toBeNull();
      clock.advance(1);
      expect(await store.get('a')).toBeNull();
      expect((await store.newest(10)).records).toEqual([]);
      expect(await store.put({ id: 'a', text: 'three', ifRevision: 2 })).toBe(false);
      expect(await store.put({ id: 'a', text: 'three', ifRevision: 0 })).toBe(true);
      expect(await store.get('a')).toEqual({ id: 'a', text: 'three', revision: 1 });
    });

    it('are listed in pages, those made last first; writing to one does not move it', async () => {
      const { store } = onShelf();
      await fill(store, 5);
      await store.put({ id: 'r1', text: 'changed', ifRevision: 1 });
      const pages: string[][] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page = await store.newest(2, cursor);
        pages.push(page.records.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
      }
      expect(pages).toEqual([['r5', 'r4'], ['r3', 'r2'], ['r1']]);
      expect((await store.newest(5)).nextCursor).toBeNull();
      expect((await store.newest(2, 'nonsense')).records.map(({ id }) => id)).toEqual(['r5', 'r4']);
    });

    it('are no more than the bound: the oldest goes', async () => {
      const { store } = onShelf(3);
      await fill(store, 5);
      expect((await store.newest(10)).records.map(({ id }) => id)).toEqual(['r5', 'r4', 'r3']);
      expect(await store.get('r2')).toBeNull();
      expect(await store.get('r3')).not.toBeNull();
    });

    it('of one kind know nothing of those of another', async () => {
      const { store, records } = onShelf();
      await store.put({ id: 'a', text: 'one', ifRevision: 0 });
      const other = records.shelf({ name: 'others', keptForMs: hourMs, most: 10 });
      expect(await other.get('a')).toBeNull();
      expect((await other.newest(10)).records).toEqual([]);
      const same = records.shelf({ name: 'things', keptForMs: hourMs, most: 100 });
      expect(await same.get('a')).not.toBeNull();
    });
  });
};
