import type { BlockEntry, SnapshotPage } from '../../blocklist/block-feed.ts';
import type { BlockList } from '../../blocklist/block-list.ts';

/** Restarts of one reading: epochs change when Redis fails over, which it does not do all the time. */
const maxRestarts = 3;

/** Every entry in force, page by page; begun again where the list was replaced meanwhile. */
export const eachEntryPage = async (
  blockList: BlockList,
  take: (entries: readonly BlockEntry[], page: SnapshotPage) => Promise<void> | void,
): Promise<void> => {
  let epoch: string | null = null;
  let page = await blockList.snapshot();
  for (let restarts = 0; ; ) {
    if (epoch !== null && page.epoch !== epoch && restarts < maxRestarts) {
      restarts += 1;
      page = await blockList.snapshot();
    }
    epoch = page.epoch;
    await take(page.entries, page);
    if (page.nextPage === null) return;
    page = await blockList.snapshot(page.nextPage);
  }
};

/** The block that stands for an imported list. */
export const listBlockId = (list: string): string => `l-${list}`;
