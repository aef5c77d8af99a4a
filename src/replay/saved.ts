import type { BlockEntry } from '../blocklist/block-feed.ts';
import type { BlockLookup, Spared } from '../gate/ports.ts';

/** What one block kept away from the limiter. */
export interface SavedByBlock {
  /** Requests. */
  readonly refused: number;
  /** Commands to the counter store, and the bytes of those and of their answers. */
  readonly commands: number;
  readonly bytes: number;
}

export interface Saved {
  /** What to hand to a gate. */
  readonly lookup: BlockLookup;
  /** Zeros for a block that refused nobody. */
  readonly by: (blockId: string) => SavedByBlock;
}

const nothing: SavedByBlock = { refused: 0, commands: 0, bytes: 0 };

/** Adds up what each block refuses. A replay makes few blocks: see Promotions. */
export const countSaved = (inner: BlockLookup): Saved => {
  const byBlock = new Map<string, SavedByBlock>();
  const refused = ({ blockId }: BlockEntry, spared: Spared): void => {
    const before = byBlock.get(blockId) ?? nothing;
    byBlock.set(blockId, {
      refused: before.refused + 1,
      commands: before.commands + spared.commands,
      bytes: before.bytes + spared.bytes,
    });
  };
  const lookup: BlockLookup = {
    find: (client, tenant, nowMs) => inner.find(client, tenant, nowMs),
    isExempt: (client, tenant, nowMs) => inner.isExempt?.(client, tenant, nowMs) ?? false,
    hasExemptSenders: () => inner.hasExemptSenders?.() ?? false,
    isOff: (what, nowMs) => inner.isOff?.(what, nowMs) ?? false,
    refused: (entry, spared, nowMs) => {
      refused(entry, spared);
      inner.refused?.(entry, spared, nowMs);
    },
  };
  return { lookup, by: (blockId) => byBlock.get(blockId) ?? nothing };
};
