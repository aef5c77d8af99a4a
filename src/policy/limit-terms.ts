import { type Algorithm, emissionIntervalUs, type Policy } from './policy.ts';

/** What a counter has to know of a policy. */
export interface PolicyTerms {
  readonly algorithm: Algorithm;
  /** Microseconds, whole: between two units of a bucket, of a window, or until a place that nobody released is free again. */
  readonly periodUs: number;
  /** Units that fit at once, >= 1. */
  readonly capacity: number;
  /** It may be counted in process, and the store told now and then. */
  readonly approximate?: true;
}

type CountedPolicy = Pick<Policy, 'algorithm' | 'limit' | 'windowMs' | 'burst'> & Partial<Pick<Policy, 'consistency'>>;

/** The terms that a policy's counters are kept by. */
export const limitTermsOf = (policy: CountedPolicy): PolicyTerms => {
  const { algorithm, limit, windowMs, burst, consistency = 'exact' } = policy;
  const terms =
    algorithm === 'token-bucket' || algorithm === 'leaky-bucket'
      ? { algorithm, periodUs: emissionIntervalUs(policy), capacity: burst }
      : { algorithm, periodUs: windowMs * 1000, capacity: limit };
  return consistency === 'approximate' ? { ...terms, approximate: true } : terms;
};
