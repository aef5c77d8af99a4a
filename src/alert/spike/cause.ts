import type { Cause } from '../definition.ts';

/** What tells causes apart, in the minutes of the spike. Shares are 0 to 1. */
export interface CauseNumbers {
  /** Of the denials, those made without the primary store. */
  readonly degradedDenialShare: number;
  /** Limits of policy versions first loaded within a quarter of an hour that are new or lower than before. */
  readonly tightenedPolicies: number;
  /** Of the denials, those of the most denied client; 0 where clients are not known. */
  readonly topClientShare: number;
  /** Of the denials, those that came before their retry time. */
  readonly earlyShare: number;
}

/**
 * The likeliest cause: what would bring the others about comes first. A limiter without its store denies whatever clients do, and a lower
 * limit makes one client stand out and others come back early; what is left is that there is more to do.
 */
export const causeOf = (numbers: CauseNumbers): Cause => {
  if (numbers.degradedDenialShare > 0.5) return 'store-fault';
  if (numbers.tightenedPolicies > 0) return 'policy-change';
  if (numbers.topClientShare > 0.5) return 'one-client';
  if (numbers.earlyShare > 0.5) return 'retry-storm';
  return 'real-demand';
};
