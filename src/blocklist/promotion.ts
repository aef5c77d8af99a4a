import type { BlockDuration } from './block.ts';
import type { Promotion } from './block-promoter.ts';
import type { Transition } from './block-review.ts';

const million = 1_000_000;

/** A duration in whole numbers, as scripts compute with it. */
export interface DurationTerms {
  readonly baseMs: number;
  readonly factorThousandths: number;
  readonly maxMs: number;
  readonly jitterMillionths: number;
}

export const durationTermsOf = (duration: BlockDuration): DurationTerms => ({
  baseMs: duration.baseMs,
  factorThousandths: Math.round(duration.factor * 1000),
  maxMs: duration.maxMs,
  jitterMillionths: Math.round(duration.jitter * million),
});

/** A random number of [0, 1) as millionths. */
export const millionthsOf = (random: number): number =>
  Math.min(million - 1, Math.max(0, Math.floor(random * million)));

/**
 * How long the block of a client with this many active strikes lasts: base × factor^(strikes − 1), at most max, less a
 * random share. The same whole-number arithmetic as `lua/block-promote.lua`.
 */
export const blockDurationMs = (terms: DurationTerms, strikes: number, randomMillionths: number): number => {
  let durationMs = Math.min(terms.baseMs, terms.maxMs);
  for (let strike = 1; strike < strikes && durationMs < terms.maxMs; strike += 1) {
    durationMs = Math.min(terms.maxMs, Math.floor((durationMs * terms.factorThousandths) / 1000));
  }
  const spreadMs = Math.floor((durationMs * terms.jitterMillionths) / million);
  return Math.max(1, durationMs - Math.floor((spreadMs * randomMillionths) / million));
};

/** One block per verdict, so the verdict names it. */
export const blockIdOf = ({ verdict }: Promotion): string => `b-${verdict.id}`;

export const defaultTombstoneMs = 24 * 3_600_000;
/** How long a rule's budget looks back. */
export const budgetWindowMs = 3_600_000;

type Lift = Extract<Transition, { kind: 'lift' }>;

export const liftReason = (lift: Lift): string => (lift.note === '' ? lift.reason : `${lift.reason}: ${lift.note}`);
export const overBudgetReason = (rule: string): string => `over the hourly budget of rule ${rule}`;
export const underReviewReason = (rule: string): string => `rule ${rule} asks for review`;
