import type { Block } from './block.ts';
import type { Cursor } from './block-feed.ts';
import type { StepTaken } from './steps.ts';

/** What the audit keeps of one change: the block as the change left it. */
export interface LoggedChange {
  /** Position in this epoch: 1, 2, 3, … with no gap. */
  readonly sequence: number;
  readonly timeMs: number;
  /**
   * `block` is a block; what has no block of its own is told in the same shape, by its `subject` and `reason`: a change of
   * the allow list, of a switch, of a rule's mode, of a breaker. A write that changes several things makes a record of each,
   * in this order: the breaker that opened and the proposal; what was superseded and what took its place; the allow entry,
   * the block and the proposal that it lifted.
   */
  readonly block: Block;
  /** What a person did to the block; not there where nobody did, or where the block is a notice. A comment leaves the block as it was. */
  readonly step?: StepTaken;
}

export type LoggedChanges =
  | { readonly kind: 'changes'; readonly cursor: Cursor; readonly changes: readonly LoggedChange[] }
  /** What was behind the cursor is gone, or the epoch is another one: go on from `cursor`. */
  | { readonly kind: 'gap'; readonly cursor: Cursor; readonly lost: number };

/** The change log for whoever publishes it. One of many relays at a time does. */
export interface ChangeLog {
  /** Null: from the oldest that is kept. */
  loggedAfter(cursor: Cursor | null, maxChanges: number): Promise<LoggedChanges>;
  /** Up to where everything is published; null: nothing is. */
  relayedUpTo(): Promise<Cursor | null>;
  /** Only the leader may. */
  markRelayed(cursor: Cursor): Promise<void>;
  /** Takes or keeps the lead for `ttlMs`. False: another holder has it. */
  leadRelay(holder: string, ttlMs: number): Promise<boolean>;
}
