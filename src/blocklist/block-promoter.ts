import type { Block, BlockAction, BlockDuration, Verdict } from './block.ts';

/**
 * How much a rule, or all rules together, may block. Up to `blocksPerHour` blocks an hour need no other leave, so that small
 * sites work; more only while the clients blocked within the hour are at most `clientShare` of all clients seen in it and
 * the requests that these were allowed at most `requestShare` of all that were. Never more than `blocksPerMinute`.
 */
export interface BlockBudget {
  readonly blocksPerHour: number;
  readonly blocksPerMinute: number;
  /** 0 to 1. */
  readonly requestShare: number;
  readonly clientShare: number;
}

/** What a rule does where people share the address. */
export interface SharedAddressTerms {
  /** From so many authenticated identities behind it on, >= 1. */
  readonly identities: number;
  /** `refuse`: no block; else the block is this limit. */
  readonly then: { readonly kind: 'suppress' } | Extract<BlockAction, { kind: 'limit' }>;
}

/** What a rule may do at most, from least to most. */
export const promotionModes = ['off', 'shadow', 'review', 'enforce'] as const;
export type PromotionMode = (typeof promotionModes)[number];

export interface Promotion {
  readonly verdict: Verdict;
  readonly duration: BlockDuration;
  /** The rule's, after its canary share. The override of the rule caps it. */
  readonly mode: PromotionMode;
  readonly action: BlockAction;
  readonly owner: string;
  readonly shared: SharedAddressTerms | null;
  readonly budget: { readonly rule: BlockBudget; readonly all: BlockBudget };
}

/** Why a verdict makes no block, in the order in which they are asked. */
export const suppressions = ['stale', 'off', 'allow-list', 'canary', 'tombstone', 'shared-address'] as const;
export type Suppression = (typeof suppressions)[number];

export type PromotionResult =
  | { readonly kind: 'activated' | 'proposed' | 'shadow'; readonly block: Block }
  /** The verdict was promoted before, or an entry or an open proposal of the subject, or of a network around it, is there. */
  | { readonly kind: 'already'; readonly blockId: string }
  | { readonly kind: 'suppressed'; readonly reason: Suppression };

/** What went through one partition of the log in one minute of log time: what shares are taken of. */
export interface TrafficNote {
  readonly partition: number;
  /** Aligned to {@link trafficWindowMs}. */
  readonly windowStartMs: number;
  readonly allowed: number;
  /** Distinct, as far as told apart. */
  readonly clients: number;
}

export const trafficWindowMs = 60_000;

/** An authenticated client that was served at an address. */
export interface IdentityNote {
  /** As a client id: IPv6 by its /64. */
  readonly address: string;
  /** `key:…` or `user:…`. */
  readonly clientKey: string;
}

/** What the detector writes. */
export interface BlockPromoter {
  /** Turns a verdict into a block, once per verdict id, whatever is called how often. */
  promote(promotion: Promotion): Promise<PromotionResult>;
  /** A note about the same partition and window replaces the one before. */
  noteTraffic(notes: readonly TrafficNote[]): Promise<void>;
  /** Bounded: what does not fit is left out. Forgotten a day after it was last noted. */
  noteIdentities(notes: readonly IdentityNote[]): Promise<void>;
}
