import type { BlockSubject, SubjectKind } from '../client.ts';
import type { Block, BlockAction, BlockOrigin, BlockState } from './block.ts';
import type { BlockEntry, Refusals } from './block-feed.ts';

/** Which blocks are meant. Every given part must hold. */
export interface BlockFilter {
  readonly states?: readonly BlockState[];
  readonly rule?: string;
  readonly subjectKey?: string;
  readonly subjectKinds?: readonly SubjectKind[];
  readonly origins?: readonly BlockOrigin[];
  /** Limited to one of these tenants, or with its evidence from one of them. */
  readonly tenants?: readonly string[];
  /** '': those that nobody has taken on. */
  readonly assignee?: string;
  /** True: nobody has judged it. */
  readonly isUnjudged?: boolean;
  /** Made at or after, and before; milliseconds since the epoch. */
  readonly madeFromMs?: number;
  readonly madeToMs?: number;
  /** Denied decisions in its evidence, at least. */
  readonly minDenied?: number;
}

/** `ending`: what ends soonest first. `most-denied`: by its evidence; those without come last. */
export const blockSorts = ['newest', 'oldest', 'ending', 'most-denied'] as const;
export type BlockSort = (typeof blockSorts)[number];

export interface BlockQuery extends BlockFilter {
  /** Default `newest`. */
  readonly sort?: BlockSort;
  /** 1 to 500, default 100. */
  readonly limit?: number;
  /** From a previous page of the same filter and sort. */
  readonly cursor?: string;
}

export interface BlockPage {
  /**
   * In the order asked for. May be fewer than asked for, even none, with more behind `nextCursor`: a page reads a bounded
   * number of blocks.
   */
  readonly blocks: readonly Block[];
  readonly nextCursor: string | null;
}

export interface BlockCount {
  readonly count: number;
  /** False: there are more, and counting stopped. */
  readonly isExact: boolean;
}

/** One step in the life of a block, as it is told to people. */
export interface BlockStep {
  readonly atMs: number;
  readonly kind: 'made' | Transition['kind'] | 'comment' | 'superseded';
  readonly actor: string;
  /** Of a lift its reason; else ''. */
  readonly reasonCode: string;
  readonly note: string;
  /** The bulk change that it was part of; '': none. */
  readonly batchId: string;
  /** As the step left it; a comment leaves it as it was. */
  readonly version: number;
  readonly state: BlockState;
  readonly expiresAtMs: number;
  readonly action: BlockAction;
  readonly assignee: string;
}

/** Who does it, and why. */
export interface Act {
  readonly actor: string;
  readonly note: string;
  /** The bulk change that it is part of. Default: none. */
  readonly batchId?: string;
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
    /** '': nobody. */
    | { readonly kind: 'assign'; readonly assignee: string }
    /**
     * Takes back the last transition, whatever it was: state, end, action, assignee, label, strike and tombstone are as they
     * were before. Only a person's own kind of step can be undone, once, while the block would still be open and nothing else
     * has taken its place; else BLOCK_CONFLICT. What a step superseded stays superseded.
     */
    | { readonly kind: 'undo' }
  );

/** A block by hand. */
export interface ManualBlock extends Act {
  readonly subject: BlockSubject;
  readonly action: BlockAction;
  readonly untilMs: number;
  /**
   * Said again with the same key it is the same block, whatever became of it since, as long as it is kept. 1 to 60 of letters,
   * digits, dash and underscore. Default: each is one of its own.
   */
  readonly key?: string;
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
  /** Of the refused ones at most 20, in no order, and what they were hit by. */
  readonly refusedSubjects: readonly RefusedSubject[];
}

export interface RefusedSubject {
  readonly subjectKey: string;
  readonly by: Refusal | 'tombstone';
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

/** What people said of the blocks that one content of a rule made. */
export interface RuleJudgement {
  readonly rule: string;
  readonly ruleHash: string;
  /** Blocks that it made or proposed; those in shadow apart. */
  readonly made: number;
  readonly confirmed: number;
  readonly falsePositives: number;
  readonly goodwill: number;
  /** Of the newest of these labels; null: there is none. */
  readonly lastLabelAtMs: number | null;
}

/** What people ask and do. */
export interface BlockReview {
  get(blockId: string): Promise<Block | null>;
  list(query: BlockQuery): Promise<BlockPage>;
  /** Counts up to `most`, at most 10,000, within the same bound on reading as {@link list}. */
  count(filter: BlockFilter, most: number): Promise<BlockCount>;
  /** Oldest first, the making of it first of all; at most the newest 200. Empty: no such block. */
  history(blockId: string): Promise<readonly BlockStep[]>;
  /** Leaves the block and its version as they are. BLOCK_NOT_FOUND; INPUT_INVALID without a note. */
  comment(blockId: string, act: Act): Promise<BlockStep>;
  /** Of blocks that a detector made; a label that changes counts once, as it is now. */
  judgements(): Promise<readonly RuleJudgement[]>;
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
