import { describe, expect, it } from 'vitest';
import type { BlockEntry } from '../../../src/blocklist/block-feed.ts';
import { BlockListState } from '../../../src/embedded/memory-block-list-state.ts';

const refuse = { kind: 'refuse' } as const;

describe('entries of the list in memory', () => {
  it('are read page by page in steps that grow with their number alone, however many pages there are', () => {
    let looks = 0;
    const counted = (at: number): BlockEntry => ({
      subjectKey: `key:${at}`,
      blockId: 'b',
      rule: 'r',
      action: refuse,
      get expiresAtMs() {
        looks += 1;
        return 1000;
      },
    });
    const state = new BlockListState({ maxBlocks: 10, maxNotes: 10 });
    for (let at = 0; at < 20_000; at += 1) state.putEntry(counted(at));
    const told: string[] = [];
    for (let place = 0, hasMore = true; hasMore; ) {
      const page = state.entriesAfter(place, { most: 50, nowMs: 10 });
      told.push(...page.placed.map(({ entry }) => entry.subjectKey));
      place = page.placed.at(-1)?.place ?? place;
      hasMore = page.hasMore;
    }
    expect(told).toEqual(Array.from({ length: 20_000 }, (_, at) => `key:${at}`));
    // Each once, and the one that says that there is more.
    expect(looks).toBeLessThanOrEqual(20_400);
  });

  it('that were put anew stand where they were put last, once, however often', () => {
    const state = new BlockListState({ maxBlocks: 10, maxNotes: 10 });
    const put = (id: string): void =>
      state.putEntry({ subjectKey: id, blockId: 'b', rule: 'r', action: refuse, expiresAtMs: 1000 });
    for (const id of ['a', 'b', 'c']) put(id);
    for (let again = 0; again < 5000; again += 1) put('a');
    state.entries.delete('b');
    const keys = (place: number) =>
      state.entriesAfter(place, { most: 9, nowMs: 10 }).placed.map(({ entry }) => entry.subjectKey);
    expect(keys(0)).toEqual(['c', 'a']);
    expect(keys(3)).toEqual(['a']);
    expect(state.entriesAfter(0, { most: 9, nowMs: 1000 })).toEqual({ placed: [], hasMore: false });
  });
});
