import type { Algorithm } from '../policy/policy.ts';

/** What a policy says, in the store's terms. */
export interface LimitTerms {
  readonly algorithm: Algorithm;
  /**
   * Whole microseconds, > 0. Token and leaky bucket: between two units. Windows: the window. Concurrency: how long a place
   * is held that nobody releases.
   */
  readonly periodUs: number;
  /** Units, >= 1: the burst of a bucket, the limit of a window, the places of a concurrency limit. */
  readonly capacity: number;
  /** A gate may count by itself and tell the store now and then. No matter of the store's. */
  readonly approximate?: true;
}

/** What makes a counter one counter. Absent parts are not in the policy's scope. */
export interface LimitKey {
  readonly policy: string;
  readonly client?: string;
  readonly tenant?: string;
  readonly plan?: string;
  readonly service?: string;
  readonly route?: string;
  readonly address?: string;
  readonly network?: string;
}

/** One limit asked about. */
export interface LimitRequest {
  /** Names the counter. Only a store's own key builder makes store keys of it. */
  readonly key: LimitKey;
  readonly terms: LimitTerms;
  /** Units, >= 0; 0 peeks. */
  readonly cost: number;
  /**
   * `enforce`: denies the whole call when it does not fit. `shadow`: spends its own counter, on its own. `charge`: on its
   * own too, and taken even where it does not fit, down to nothing left.
   */
  readonly mode: 'enforce' | 'shadow' | 'charge';
  /** Concurrency: names the place that is taken. 1 to 64 characters of `A-Z a-z 0-9 _ -`. */
  readonly permit?: string;
  /** Token bucket: units wanted in advance beside the cost. A store grants fewer or none. Default 0. */
  readonly leaseUnits?: number;
}

/** Units set aside for one process, which spends them without asking. */
export interface Lease {
  /** Names it to the store. */
  readonly id: number;
  /** Units, >= 1. */
  readonly units: number;
  /** From the moment of the answer; what is unspent then is lost. */
  readonly expiresAfterUs: number;
}

export interface LimitAnswer {
  /** Whether this limit alone had room. */
  readonly allowed: boolean;
  /** Whole units left, >= 0. */
  readonly remaining: number;
  /** Until the counter is whole again. */
  readonly resetAfterUs: number;
  /** Until this cost fits; 0 when it does now, null when it never can. Concurrency: when it is worth asking again. */
  readonly retryAfterUs: number | null;
  /** Leaky bucket: how long to hold the request. Else 0. */
  readonly delayUs: number;
  readonly lease?: Lease;
  /** The store had no room for this key: a counter that several keys share has answered. */
  readonly overflow?: true;
}

export interface SpendResult {
  /** All enforced limits had room, and all were spent; else none was (the others are spent on their own). */
  readonly allowed: boolean;
  /** One answer per request, in its order. */
  readonly answers: readonly LimitAnswer[];
  /** The store's clock. */
  readonly nowUs: number;
  /** Something was taken and given back, because a limit elsewhere denied. */
  readonly compensated?: true;
}

/** Units given back. */
export interface LimitReturn {
  readonly key: LimitKey;
  readonly terms: LimitTerms;
  /** Units, >= 0. Of a lease: the unspent ones. */
  readonly cost: number;
  /** When they were taken, by the store's clock: a window that is over takes nothing back. */
  readonly spentAtUs: number;
  /** Concurrency: the place that is released. */
  readonly permit?: string;
  /** The lease that ends. */
  readonly lease?: number;
}

/** What asking a store costs: commands, and the bytes of those and of their answers. */
export interface StoreCost {
  readonly commands: number;
  readonly bytes: number;
}

/** The limits of one request. At most 32. */
export type Spend = readonly LimitRequest[];

/**
 * Counters. All or nothing over the enforced limits of one spend: either each is spent, or none. Spends of one call are
 * answered in their order, each as if it came alone.
 *
 * Throws (or rejects with) TidegateError STORE_FAILED, STORE_TIMEOUT or STORE_READ_ONLY; a timed-out call may have counted.
 */
export interface LimitStore {
  /** Whether it answers without I/O, synchronously. */
  readonly immediate: boolean;
  spend(spends: readonly Spend[]): readonly SpendResult[] | Promise<readonly SpendResult[]>;
  /**
   * The same with an answer for each spend, where one may fail or be late without the others: a store of several servers.
   * Stores of one have none.
   */
  readonly spendEach?: ((spends: readonly Spend[]) => readonly Promise<SpendResult>[]) | undefined;
  /** What this spend costs if it is asked by itself. A store that sends nothing has none. Nothing is asked for it. */
  readonly costOf?: ((spend: Spend) => StoreCost) | undefined;
  /** Counters that have moved on take back what still counts; none ends up with more than it can hold. */
  giveBack(returns: readonly LimitReturn[]): void | Promise<void>;
  close(): Promise<void>;
}

/** Spends one request's limits. For callers that have no batch. */
export const spendOne = (store: LimitStore, spend: Spend): SpendResult | Promise<SpendResult> => {
  const only = ([result]: readonly SpendResult[]): SpendResult => result as SpendResult;
  const results = store.spend([spend]);
  return results instanceof Promise ? results.then(only) : only(results);
};

/** What a spend took: for giving it back. */
export const takenBy = (spend: Spend, { allowed, answers, nowUs }: SpendResult): LimitReturn[] => {
  const taken: LimitReturn[] = [];
  for (const [index, { key, terms, cost, mode, permit }] of spend.entries()) {
    if (cost === 0 || !answers[index]?.allowed || !(allowed || mode !== 'enforce')) continue;
    taken.push({ key, terms, cost, spentAtUs: nowUs, ...(permit === undefined ? {} : { permit }) });
  }
  return taken;
};
