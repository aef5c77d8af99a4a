import type { BlockFeed } from './block-feed.ts';
import type { BlockPromoter } from './block-promoter.ts';
import type { BlockReview } from './block-review.ts';
import type { BlockSwitches } from './block-switches.ts';
import type { ChangeLog } from './change-log.ts';
import type { RuleBook } from './rule-book.ts';

/**
 * The block list: what the detector writes, people change and gates follow. Every write is atomic, bumps the sequence
 * and leaves a change record. Failures: TidegateError STORE_FAILED (retryable), BLOCK_NOT_FOUND, BLOCK_CONFLICT.
 */
export interface BlockList extends BlockFeed, BlockPromoter, BlockReview, BlockSwitches, ChangeLog, RuleBook {
  close(): Promise<void>;
}
