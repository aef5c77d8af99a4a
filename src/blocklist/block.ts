import type { BlockSubject } from '../client.ts';

/**
 * `shadow` is what a rule in shadow would have blocked, `proposed` is over budget or under review: nothing is blocked. Which
 * state may follow which: see blockTransitions.
 */
export const blockStates = ['shadow', 'proposed', 'active', 'confirmed', 'lifted', 'expired', 'superseded'] as const;
export type BlockState = (typeof blockStates)[number];

/** What a block does to a request: refuses it, or lets through so many in a window (for addresses that people share). */
export type BlockAction =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'limit'; readonly limit: number; readonly windowMs: number };

/** Who made a block: the detector, a person, or an imported list. */
export type BlockOrigin = 'detector' | 'person' | 'list';

/** Why a client was promoted, in numbers that a person can check. */
export interface Evidence {
  /** The limited decisions that count: denied, by a limit keyed by this client, with the store in charge. */
  readonly denied: number;
  readonly allowed: number;
  /** Denied decisions that came back before their retry time; null in replay. */
  readonly early: number | null;
  /** Of a network: the clients in it that were denied, and at most 10 of them, the most denied first. Else null. */
  readonly members: { readonly clients: number; readonly most: readonly string[] } | null;
  /**
   * Who else a block would hit: authenticated identities that were served at this address or network lately, as far as
   * known when it was promoted. Null: not asked, because it is no address.
   */
  readonly collateral: { readonly identities: number } | null;
  /**
   * Windows in which the rule's condition held, of how many it looks at. `weight` is the same with overwhelming ones
   * counted as several: at least `needed`, or there would be no verdict.
   */
  readonly windows: {
    readonly hit: number;
    readonly weight: number;
    readonly needed: number;
    readonly of: number;
    readonly windowMs: number;
  };
  /** Distinct limited route templates. */
  readonly distinctRoutes: number;
  /** The most denied ones first, at most 10. */
  readonly routes: readonly { readonly route: string; readonly denied: number }[];
  readonly policies: readonly string[];
  readonly firstSeenAtMs: number;
  readonly lastSeenAtMs: number;
  /** Where in the log it stands: records [fromOffset, toOffset] of one partition. */
  readonly log: {
    readonly partition: number;
    readonly fromOffset: number;
    readonly toOffset: number;
    /**
     * Which rows it was concluded from: of each emitter with rows of this subject, the position of the last one that had been
     * read. With it the stored rows give the same numbers again, whatever came later. Null: of an older detector, or too many
     * emitters to name.
     */
    readonly marks: readonly { readonly emitter: string; readonly seq: number }[] | null;
    /**
     * Why the stored rows may say otherwise all the same: some of that time came too `late` to count, an emitter's `clock`
     * was ahead of the log's, or the detector may have `forgotten` earlier ones of this subject for lack of room. Left out
     * by an older detector.
     */
    readonly doubts?: readonly ('late' | 'clock' | 'forgotten')[];
  };
}

/** What the detector concludes about a client. The same log gives the same verdicts with the same ids. */
export interface Verdict {
  /** Hash of rule, client and the window that completed the evidence: promoting it twice is promoting it once. */
  readonly id: string;
  readonly rule: string;
  /** Of the rule's content. */
  readonly ruleHash: string;
  readonly subject: BlockSubject;
  /** Where the evidence is from; '' when from several. */
  readonly tenant: string;
  /** Log time. */
  readonly atMs: number;
  readonly evidence: Evidence;
}

export interface BlockDuration {
  readonly baseMs: number;
  /** Each active strike multiplies the duration by this. */
  readonly factor: number;
  readonly maxMs: number;
  /** Share of the duration that is random, 0 to 1, so that nobody can compute the end. */
  readonly jitter: number;
  /** How long a strike counts. */
  readonly strikeTtlMs: number;
}

export interface Block {
  readonly id: string;
  readonly state: BlockState;
  /** Grows by 1 with every transition; `If-Match` compares it. */
  readonly version: number;
  readonly subject: BlockSubject;
  readonly action: BlockAction;
  readonly origin: BlockOrigin;
  /** Where the evidence is from; '' when there is none, or from several. */
  readonly tenant: string;
  /** The rule that concluded it; `manual` of a person's, the name of the list of an imported one. */
  readonly rule: string;
  readonly ruleHash: string;
  /** '' where no detector concluded it. */
  readonly verdictId: string;
  /** Who answers for it: the rule's owner, or the person who made it. */
  readonly owner: string;
  readonly blockedAtMs: number;
  readonly expiresAtMs: number;
  /** Active strikes when it was made, this one included. */
  readonly strikes: number;
  /** Null where no detector concluded it. */
  readonly evidence: Evidence | null;
  /** Why it is not active, or who ended it and why; '' when there is nothing to say. */
  readonly reason: string;
  /** Who made the last transition: `detector`, or a person's name. */
  readonly actor: string;
  /** Who has taken it on to judge it; '': nobody. */
  readonly assignee: string;
  /** What a person concluded; null: nobody did yet, or it was undone. */
  readonly label: Label | null;
}

/** What a review says of a block. Goodwill lets a client back in and says nothing against the rule. */
export const labels = ['confirmed', 'false-positive', 'goodwill'] as const;
export type Label = (typeof labels)[number];
