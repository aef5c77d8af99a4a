/** One limit asked about, in the store's terms. */
export interface LimitRequest {
  /** Names the counter. Only a store's own key builder makes store keys of it. */
  readonly key: LimitKey;
  /** Whole microseconds per unit, > 0. */
  readonly emissionIntervalUs: number;
  /** Units, >= 1. */
  readonly burst: number;
  /** Units, >= 0; 0 peeks. */
  readonly cost: number;
  /** Spends its own counter, but never makes the whole call a denial. */
  readonly shadow: boolean;
}

/** What makes a counter one counter. Absent parts are not in the policy's scope. */
export interface LimitKey {
  readonly policy: string;
  readonly client?: string;
  readonly tenant?: string;
  readonly route?: string;
}

export interface LimitAnswer {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetAfterUs: number;
  /** Until this cost fits; 0 when it does now, null when it never can. */
  readonly retryAfterUs: number | null;
}

export interface SpendResult {
  /** All enforced limits had room, and all were spent; else none was (shadow ones are spent on their own). */
  readonly allowed: boolean;
  /** One answer per request, in its order. */
  readonly answers: readonly LimitAnswer[];
}

/**
 * Counters. All or nothing over the enforced limits of one call: either each is spent, or none.
 *
 * Throws (or rejects with) TidegateError STORE_FAILED or STORE_TIMEOUT; a timed-out call may have been counted.
 */
export interface LimitStore {
  /** Synchronous when no I/O is needed. At most 32 requests in one call. */
  spend(requests: readonly LimitRequest[]): SpendResult | Promise<SpendResult>;
  close(): Promise<void>;
}
