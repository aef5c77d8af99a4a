/**
 * A token bucket in one integer: the theoretical arrival time (TAT), the instant at which the bucket is full again.
 * Reference arithmetic of `lua/token-bucket.lua`; both must agree on every input. Source: the generic cell rate
 * algorithm, ITU-T Recommendation I.371, in its virtual-scheduling form.
 *
 * Bound: any interval of length t admits at most `burst + t / emissionInterval` units.
 */
export interface Bucket {
  /** Whole microseconds per unit, > 0. */
  readonly emissionIntervalUs: number;
  /** Units, >= 1. */
  readonly burst: number;
}

export interface BucketDraw {
  readonly fits: boolean;
  /** TAT before this draw, clamped to what the burst allows. */
  readonly tatUs: number;
  /** TAT if the draw is committed. */
  readonly spentTatUs: number;
  /** 0 when it fits, null when the cost exceeds the burst. */
  readonly retryAfterUs: number | null;
}

/** What drawing `cost` units at `nowUs` would do to a bucket last seen with `storedTatUs` (0: never). */
export const drawFromBucket = (
  bucket: Bucket,
  storedTatUs: number,
  { nowUs, cost }: { nowUs: number; cost: number },
): BucketDraw => {
  const capacityUs = bucket.burst * bucket.emissionIntervalUs;
  const tatUs = Math.min(Math.max(storedTatUs, nowUs), nowUs + capacityUs);
  const spentTatUs = tatUs + cost * bucket.emissionIntervalUs;
  const overUs = spentTatUs - nowUs - capacityUs;
  if (overUs <= 0) return { fits: true, tatUs, spentTatUs, retryAfterUs: 0 };
  return { fits: false, tatUs, spentTatUs, retryAfterUs: cost > bucket.burst ? null : overUs };
};

/** Whole units left in a bucket with this TAT. */
export const remainingUnits = (bucket: Bucket, tatUs: number, nowUs: number): number =>
  Math.floor((bucket.burst * bucket.emissionIntervalUs - (tatUs - nowUs)) / bucket.emissionIntervalUs);
