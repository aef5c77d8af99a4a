import { type Algorithm, emissionIntervalUs, type Policy } from './policy.ts';

/** What a counter has to know of a policy. */
export interface PolicyTerms {
  readonly algorithm: Algorithm;
  /** Microseconds, whole: between two units of a bucket, of a window, or until a place that nobody released is free again. */
  readonly periodUs: number;
  /** Units that fit at once, >= 1. */
  readonly capacity: number;
}

/** The terms that a policy's counters are kept by. */
export const limitTermsOf = (policy: Pick<Policy, 'algorithm' | 'limit' | 'windowMs' | 'burst'>): PolicyTerms => {
  const { algorithm, limit, windowMs, burst } = policy;
  return algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
    ? { algorithm, periodUs: emissionIntervalUs(policy), capacity: burst }
    : { algorithm, periodUs: windowMs * 1000, capacity: limit };
};
