import type { Block } from '../blocklist/block.ts';
import type { BlockList } from '../blocklist/block-list.ts';

/** Blocks as they were made: a block that expired before the end of the log is still one that would have started. */
export interface Promotions {
  /** The list to hand to a detector. */
  readonly blockList: BlockList;
  readonly activated: readonly Block[];
  readonly proposed: readonly Block[];
  /** More were made than are remembered. */
  readonly forgotten: () => number;
}

/** The blast-radius budget ends any real replay long before. */
const maxRemembered = 10_000;

/** Remembers what a block list answers to promotions. */
export const rememberPromotions = (inner: BlockList): Promotions => {
  const activated: Block[] = [];
  const proposed: Block[] = [];
  let forgotten = 0;
  const blockList: BlockList = {
    promote: async (promotion) => {
      const result = await inner.promote(promotion);
      if (result.kind === 'activated' || result.kind === 'proposed') {
        const made = result.kind === 'activated' ? activated : proposed;
        if (made.length < maxRemembered) made.push(result.block);
        else forgotten += 1;
      }
      return result;
    },
    get: (blockId) => inner.get(blockId),
    list: (query) => inner.list(query),
    lift: (blockId, lift) => inner.lift(blockId, lift),
    snapshot: () => inner.snapshot(),
    changesAfter: (cursor, maxChanges) => inner.changesAfter(cursor, maxChanges),
    close: () => inner.close(),
  };
  return { blockList, activated, proposed, forgotten: () => forgotten };
};
