import { signal } from '@preact/signals';
import type { BlockView } from '../app/api-types.ts';

/** Enough for every list on the page; the longest unread go first. */
const most = 3000;

type Book = ReadonlyMap<string, BlockView>;

const known = signal<Book>(new Map());
const expected = signal<Book>(new Map());

/** Takes in blocks as the API tells them: of two the newer version counts, wherever it was told. */
export const learn = (blocks: readonly BlockView[]): void => {
  const before = known.peek();
  const news = blocks.filter((block) => block.version >= (before.get(block.id)?.version ?? -1));
  if (news.every((block) => before.get(block.id) === block)) return;
  const next = new Map(before);
  for (const block of news) {
    const old = next.get(block.id);
    next.delete(block.id);
    // A list tells less of a block than its own page does.
    next.set(block.id, { ...(old?.version === block.version ? old : {}), ...block });
  }
  for (const id of next.keys()) {
    if (next.size <= most) break;
    next.delete(id);
  }
  known.value = next;
};

/** Shows a block as it will be when what was just asked for is done. The answer ends that. */
export const expectBlock = (block: BlockView): (() => void) => {
  expected.value = new Map(expected.peek()).set(block.id, block);
  return () => {
    if (expected.peek().get(block.id) !== block) return;
    const next = new Map(expected.peek());
    next.delete(block.id);
    expected.value = next;
  };
};

/** The block as it is to be shown now; null: nobody told anything of it yet. */
export const shownBlock = (id: string): BlockView | null => expected.value.get(id) ?? known.value.get(id) ?? null;

/** The block as the API told it last. */
export const knownBlock = (id: string): BlockView | null => known.value.get(id) ?? null;

/** Whether something is being done to any. */
export const isAnyBusy = (): boolean => expected.value.size > 0;

/** Whether something is being done to it. */
export const isBusy = (id: string): boolean => expected.value.has(id);
