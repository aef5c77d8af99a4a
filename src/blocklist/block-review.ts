import type { BlockSubject } from '../client.ts';
import type { Block, BlockAction, BlockState } from './block.ts';
import type { BlockEntry, Refusals } from './block-feed.ts';

export interface BlockQuery {
  readonly states?: readonly BlockState[];
  readonly rule?: string;
  readonly subjectKey?: string;
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

/** Who does it, and why. */
export interface Act {
  readonly actor: string;
  readonly note: string;
}

/** What a person does to a block. Which state each leads to: see blockTransitions. */
export type Transition = Act & {
  /** Refuses with BLOCK_CONFLICT when the block has another version by now. */
  readonly ifVersion?: number;
} & (
    | { readonly kind: 'confirm' }
    /** The block lasts from then on as long as it was proposed for, and is a strike. Not while the subject is allowed. */
    | { readonly kind: 'activate' }
    | {
        readonly kind: 'lift';
        /** A false positive takes the strike back too; goodwill does not, and says nothing against the rule. */
        readonly reason: 'false-positive' | 'goodwill';
        /** How long the subject cannot be promoted again. Default 24 h. */
        readonly tombstoneMs?: number;
      }
    /** Later than now; earlier than it is shortens it. */
    | { readonly kind: 'extend'; readonly untilMs: number }
    /** A limit instead of a refusal, or back. Like `extend` not for the block of a list: import that again. */
    | { readonly kind: 'change-action'; readonly action: BlockAction }
  );

/** A block by hand. */
export interface ManualBlock extends Act {
  readonly subject: BlockSubject;
  readonly action: BlockAction;
  readonly untilMs: number;
}

/** Why a subject cannot be blocked by hand or by an import. */
export type Refusal = 'allow-list' | 'canary';

export type AddResult =
  /** The block and the open proposal that were there for the same subject are superseded; an entry of a list is replaced. */
  | { readonly kind: 'added'; readonly block: Block }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly by: AllowEntry };

/**
 * Who must not be blocked. `allow`: verdicts are suppressed in silence, and gates exempt them. `canary`: declared good, and
 * whatever would hit it is wrong: the promotion is refused and told. The subject may be a network.
 */
export interface AllowEntry extends Act {
  readonly subject: BlockSubject;
  readonly kind: 'allow' | 'canary';
  readonly untilMs: number;
}

/** A list of addresses and networks from elsewhere. */
export interface ListImport extends Act {
  /** `[a-z0-9][a-z0-9._-]{0,63}`: what was imported under this name before and is not in it any more goes. */
  readonly list: string;
  readonly subjects: readonly BlockSubject[];
  readonly action: BlockAction;
  readonly untilMs: number;
}

export interface ImportResult {
  /** Of the block that stands for the list. */
  readonly blockId: string;
  readonly added: number;
  /** In it before, now until the new end. */
  readonly renewed: number;
  readonly removed: number;
  /** Hit by the allow list, a canary or a tombstone. */
  readonly refused: number;
  /** Blocked by something else already, which stays. */
  readonly shadowed: number;
}

/** Everything that the list knows of one subject. */
export interface Standing {
  /** What gates enforce: its own entry, and those of networks around it. */
  readonly entries: readonly BlockEntry[];
  /** Allow entries that hold for it, for a part of it, or for who was served behind it lately: all that refuse a block. */
  readonly allowed: readonly AllowEntry[];
  readonly tombstoneUntilMs: number | null;
  /** Its own. */
  readonly strikes: readonly { readonly blockId: string; readonly untilMs: number }[];
  readonly proposalId: string | null;
  /** Authenticated identities behind it; null: it is no address. */
  readonly identities: number | null;
}

/** What people ask and do. */
export interface BlockReview {
  get(blockId: string): Promise<Block | null>;
  list(query: BlockQuery): Promise<BlockPage>;
  /**
   * The block as it is then. Failures: BLOCK_NOT_FOUND; BLOCK_CONFLICT when another version or state is there; INPUT_INVALID,
   * as of everything here that takes what a person wrote: an end in the past or more than 366 days ahead, a bad subject.
   */
  transition(blockId: string, transition: Transition): Promise<Block>;
  add(block: ManualBlock): Promise<AddResult>;
  /**
   * At once, canaries too: the block in force and the open proposal of exactly this subject are lifted, and gates exempt it
   * from those of wider networks. One entry per subject: a second replaces the first.
   */
  allow(entry: AllowEntry): Promise<void>;
  /** False: there was none. */
  disallow(subject: BlockSubject, act: Act): Promise<boolean>;
  /** In force, soonest end first. */
  allowEntries(): Promise<readonly AllowEntry[]>;
  /** Added, renewed, refused and shadowed are together the distinct subjects. Lifting the list's block ends all of it. */
  importList(list: ListImport): Promise<ImportResult>;
  standing(subject: BlockSubject): Promise<Standing>;
  /** What these blocks kept away; blocks without a refusal are left out. At most 500 at once. */
  refusals(blockIds: readonly string[]): Promise<readonly Refusals[]>;
  /** The same for all blocks that there ever were. */
  allRefusals(): Promise<Omit<Refusals, 'blockId'>>;
}
