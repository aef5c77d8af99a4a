import type { Block, BlockDuration, BlockState, Verdict } from './block.ts';

/** One entry that gates enforce. */
export interface BlockEntry {
  /** `ip:203.0.113.9`, see clientKeyOf. */
  readonly clientKey: string;
  readonly blockId: string;
  readonly rule: string;
  readonly expiresAtMs: number;
}

/** Where a follower of the change log stands. A new epoch means that the list was rolled back or replaced. */
export interface Cursor {
  readonly epoch: string;
  readonly sequence: number;
}

export interface Snapshot extends Cursor {
  readonly entries: readonly BlockEntry[];
}

export type Change =
  | { readonly kind: 'added'; readonly sequence: number; readonly entry: BlockEntry }
  | { readonly kind: 'removed'; readonly sequence: number; readonly clientKey: string; readonly blockId: string };

/** Changes in order, without a gap behind the cursor that was asked about; `gap`: take a snapshot. */
export type Changes =
  | { readonly kind: 'changes'; readonly cursor: Cursor; readonly changes: readonly Change[] }
  | { readonly kind: 'gap' };

/** What the read side of the list gives to gates. */
export interface BlockFeed {
  /** All entries in force now. */
  snapshot(): Promise<Snapshot>;
  /** What happened after the cursor; at most `maxChanges` at once. */
  changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes>;
}

export interface Promotion {
  readonly verdict: Verdict;
  readonly duration: BlockDuration;
  /** `review` and over-budget promotions become `proposed`. */
  readonly mode: 'enforce' | 'review';
  /** The rule may start at most this many blocks per hour; more are proposed. */
  readonly maxBlocksPerHour: number;
}

export type PromotionResult =
  | { readonly kind: 'activated' | 'proposed'; readonly block: Block }
  /** The verdict was promoted before, or the client has a block in force. */
  | { readonly kind: 'already'; readonly blockId: string }
  /** A lift, or an allow entry, outranks it; `stale`: it is older than any block it could have made. */
  | { readonly kind: 'suppressed'; readonly reason: 'tombstone' | 'allow-list' | 'stale' };

export interface BlockQuery {
  readonly states?: readonly BlockState[];
  readonly rule?: string;
  readonly clientKey?: string;
  /** 1 to 500, default 100. */
  readonly limit?: number;
  /** From a previous page. */
  readonly cursor?: string;
}

export interface BlockPage {
  /** Newest first. */
  readonly blocks: readonly Block[];
  readonly nextCursor: string | null;
}

export interface Lift {
  readonly actor: string;
  readonly reason: 'false-positive' | 'goodwill';
  readonly note: string;
  /** How long the client cannot be promoted again. Default 24 h. */
  readonly tombstoneMs?: number;
  /** Refuses with BLOCK_CONFLICT when the block has another version by now. */
  readonly ifVersion?: number;
}

/**
 * The block list: what the detector writes, people change and gates follow. Every write is atomic, bumps the sequence
 * and leaves a change record. Failures: TidegateError STORE_FAILED (retryable), BLOCK_NOT_FOUND, BLOCK_CONFLICT.
 */
export interface BlockList extends BlockFeed {
  promote(promotion: Promotion): Promise<PromotionResult>;
  get(blockId: string): Promise<Block | null>;
  list(query: BlockQuery): Promise<BlockPage>;
  lift(blockId: string, lift: Lift): Promise<Block>;
  close(): Promise<void>;
}
