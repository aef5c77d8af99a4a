import type { BlockAction } from './block.ts';
import type { Switches } from './block-switches.ts';

/** One entry that gates enforce. */
export interface BlockEntry {
  /** `ip:203.0.113.9`, `network:203.0.113.0/24`, `acme/user:alice`: see subjectKeyOf. */
  readonly subjectKey: string;
  /** Of an imported entry the id of its list, which many entries share. */
  readonly blockId: string;
  readonly rule: string;
  readonly expiresAtMs: number;
  readonly action: BlockAction;
}

/** Where a follower of the change log stands. A new epoch means that the list was rolled back or replaced. */
export interface Cursor {
  readonly epoch: string;
  readonly sequence: number;
}

/** Who is never refused, whatever entry hits them. */
export interface Exemption {
  readonly subjectKey: string;
  readonly untilMs: number;
}

/**
 * A part of the list. All pages of one reading carry the position of the first: what changes while they are read is told
 * again by the changes after it. Another epoch than the first page's: begin again.
 */
export interface SnapshotPage extends Cursor {
  readonly entries: readonly BlockEntry[];
  readonly exemptions: readonly Exemption[];
  readonly switches: Switches;
  /** For the next call; null: this was the last. */
  readonly nextPage: string | null;
}

/** One record of the change log, as gates apply it. Applying one twice changes nothing. */
export type Change =
  | { readonly kind: 'added'; readonly sequence: number; readonly entries: readonly BlockEntry[] }
  | {
      readonly kind: 'removed';
      readonly sequence: number;
      /** An entry goes only while it is still this block's. */
      readonly entries: readonly Pick<BlockEntry, 'subjectKey' | 'blockId'>[];
    }
  /** `untilMs` 0: it has ended. */
  | { readonly kind: 'exempted'; readonly sequence: number; readonly exemption: Exemption }
  | { readonly kind: 'switched'; readonly sequence: number; readonly switches: Switches }
  /** Only people and the audit want to know: a proposal, a note, a changed rule mode. */
  | { readonly kind: 'noted'; readonly sequence: number };

/** Changes in order, without a gap behind the cursor that was asked about; `gap`: take a snapshot. */
export type Changes =
  | { readonly kind: 'changes'; readonly cursor: Cursor; readonly changes: readonly Change[] }
  | { readonly kind: 'gap' };

/** What a block kept away from the limiter, at one gate since it last told. */
export interface Refusals {
  readonly blockId: string;
  /** Requests, >= 1. */
  readonly refused: number;
  /** Commands to the counter store that were not sent for them, and the bytes of those and of their answers. */
  readonly commands: number;
  readonly bytes: number;
  /** The newest. */
  readonly lastAtMs: number;
}

/** What the read side of the list gives to gates. */
export interface BlockFeed {
  /** Everything in force now, page by page; without an argument the first page. */
  snapshot(page?: string): Promise<SnapshotPage>;
  /** What happened after the cursor; at most `maxChanges` records at once. */
  changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes>;
  /** Adds to what is told of each block; at most 1000 at once. Blocks that are gone are left out. */
  noteRefusals(refusals: readonly Refusals[]): Promise<void>;
}
