import { arithmeticOf } from './algorithms/arithmetic.ts';
import type { Counter } from './algorithms/counter.ts';
import type { LimitAnswer, LimitKey, LimitRequest, LimitTerms } from './limit-store.ts';

/** Requests between two synchronisations at most. */
const mostRequests = 50;
/** Time between two synchronisations at most, while there are requests; of short windows, so small a part of them. */
const longestSyncUs = 100_000;
const syncsPerWindow = 20;
/** The less is left, the sooner others must know: after this share of it. */
const syncShare = 1 / 8;
/** A copy that could not be synchronised for so long is worth nothing. */
const staleUs = 1_000_000;
/** Over less time than this, what others take cannot be told from rounding. */
const measureUs = 100_000;

/** What the store said of a counter when it was told of units that had been spent here. */
export interface Synchronised {
  /** Before they were counted. */
  readonly before: LimitAnswer;
  readonly after: LimitAnswer;
  /** The store's clock. */
  readonly nowUs: number;
}

/** Units that the store is told of: those that were spent since it was last told, and of the debt. */
export interface Told {
  readonly spent: number;
  readonly owed: number;
}

const nothing: Told = { spent: 0, owed: 0 };

/** Units left in a bucket, to the fraction; in a window, whole ones. */
const unitsLeft = ({ algorithm, periodUs, capacity }: LimitTerms, { remaining, resetAfterUs }: LimitAnswer): number =>
  algorithm === 'token-bucket' ? capacity - resetAfterUs / periodUs : remaining;

/**
 * A copy of one counter of the store, spent in this process. Between two synchronisations it assumes that others go on
 * taking as much as they did, and what was spent here beyond what the store still had is made up for later. All times are
 * the store's.
 */
export class ApproximateCounter {
  readonly key: LimitKey;
  readonly terms: LimitTerms;
  /** The store is being told. */
  isTelling = false;
  lastAskedUs = 0;
  readonly #counter: Counter = { cells: new Float64Array(3), at: 0, places: null, grants: null };
  /** Units that the store has not been told of. */
  #untold = 0;
  #requests = 0;
  #told = nothing;
  /** Units that were spent though the store had them no more. */
  #debt = 0;
  /** What others take, as measured; and what they have taken since the measurement began. */
  #othersPerUs = 0;
  #othersTook = 0;
  #measuredUs: number;
  #syncedUs: number;
  readonly #syncEveryUs: number;

  constructor(key: LimitKey, terms: LimitTerms, { answer, nowUs }: { answer: LimitAnswer; nowUs: number }) {
    this.key = key;
    this.terms = terms;
    this.#syncedUs = nowUs;
    this.#measuredUs = nowUs;
    this.lastAskedUs = nowUs;
    const { algorithm, capacity, periodUs } = terms;
    const windowUs = algorithm === 'token-bucket' ? capacity * periodUs : periodUs;
    this.#syncEveryUs = Math.min(longestSyncUs, windowUs / syncsPerWindow);
    this.#copy(answer, nowUs);
  }

  /** Units that the store has not been told of. */
  get untold(): number {
    return this.#untold + Math.floor(this.#debt);
  }

  /** Whether anybody has asked for it of late. */
  isInUse(nowUs: number): boolean {
    return nowUs - this.lastAskedUs < 2 * this.#syncEveryUs;
  }

  isStale(nowUs: number): boolean {
    return nowUs - this.#syncedUs >= staleUs;
  }

  isDue(nowUs: number): boolean {
    if (this.isTelling) return false;
    if (nowUs - this.#syncedUs >= this.#syncEveryUs) return true;
    if (this.#untold === 0) return false;
    return this.#requests >= mostRequests || this.#untold >= this.remaining(nowUs) * syncShare;
  }

  /** Whole units that it believes to be left. */
  remaining(nowUs: number): number {
    return Math.max(0, Math.floor(this.#storeLeft(nowUs) - this.#missing(nowUs)));
  }

  fits({ cost }: LimitRequest, nowUs: number): boolean {
    return cost <= this.#storeLeft(nowUs) - this.#missing(nowUs);
  }

  take(cost: number): void {
    this.#untold += cost;
    this.#requests += 1;
  }

  /** Undoes a take. False: the store has been told of it. */
  putBack(cost: number): boolean {
    if (this.#untold < cost) return false;
    this.#untold -= cost;
    return true;
  }

  answer({ cost }: LimitRequest, nowUs: number, fits: boolean): LimitAnswer {
    this.lastAskedUs = nowUs;
    const arithmetic = arithmeticOf[this.terms.algorithm];
    // As if the missing units were part of what is asked for.
    const draw = { terms: this.terms, cost: Math.min(this.terms.capacity, cost + Math.ceil(this.#missing(nowUs))) };
    const waitUs = cost > this.terms.capacity ? null : arithmetic.retryAfterUs(this.#counter, draw, nowUs);
    return {
      allowed: fits,
      remaining: this.remaining(nowUs),
      resetAfterUs: arithmetic.resetAfterUs(this.#counter, this.terms, nowUs),
      retryAfterUs: fits ? 0 : waitUs === null ? null : Math.max(1, waitUs),
      delayUs: 0,
    };
  }

  /** What to tell the store now. */
  tell(): Told {
    this.#told = { spent: this.#untold, owed: Math.floor(this.#debt) };
    this.#untold = 0;
    this.#requests = 0;
    this.#debt -= this.#told.owed;
    return this.#told;
  }

  /** The store has not answered. `counted`: it may have heard all the same. */
  unheard(counted: boolean): void {
    const { spent, owed } = this.#told;
    this.#told = nothing;
    if (counted) return;
    this.#untold += spent;
    this.#debt += owed;
  }

  synchronise({ before, after, nowUs }: Synchronised): void {
    const left = unitsLeft(this.terms, before);
    this.#othersTook += this.#storeLeft(nowUs) - left;
    this.#measure(nowUs);
    this.#syncedUs = nowUs;
    const { spent, owed } = this.#told;
    this.#told = nothing;
    // A window that is full takes no debt into the next one; a bucket makes up for it as it refills.
    const debt = this.#debt + Math.max(0, spent + owed - left);
    this.#debt = this.terms.algorithm === 'fixed-window' ? 0 : debt;
    this.#copy(after, nowUs);
  }

  /** Units left with the store, had nobody taken any since it was heard of. */
  #storeLeft(nowUs: number): number {
    const { algorithm, capacity, periodUs } = this.terms;
    const arithmetic = arithmeticOf[algorithm];
    arithmetic.settle(this.#counter, this.terms, nowUs);
    if (algorithm === 'token-bucket')
      return capacity - arithmetic.resetAfterUs(this.#counter, this.terms, nowUs) / periodUs;
    return arithmetic.remaining(this.#counter, this.terms, nowUs);
  }

  #measure(nowUs: number): void {
    const elapsedUs = nowUs - this.#measuredUs;
    if (elapsedUs < measureUs) return;
    const sample = Math.max(0, this.#othersTook) / elapsedUs;
    const { algorithm, periodUs } = this.terms;
    const fading = Math.max(0, 1 - elapsedUs / (2 * periodUs));
    // A window that is used up in its first moments will be so again: there the peak counts, and fades over two windows.
    this.#othersPerUs =
      algorithm === 'fixed-window' ? Math.max(sample, this.#othersPerUs * fading) : (this.#othersPerUs + sample) / 2;
    this.#othersTook = 0;
    this.#measuredUs = nowUs;
  }

  /** Units that are gone though the store has not said so: spent here, owed, and those that others have probably taken. */
  #missing(nowUs: number): number {
    const { spent, owed } = this.#told;
    return this.#untold + spent + owed + this.#debt + this.#othersPerUs * Math.max(0, nowUs - this.#syncedUs);
  }

  #copy({ remaining, resetAfterUs }: LimitAnswer, nowUs: number): void {
    const { cells } = this.#counter;
    const { algorithm, capacity } = this.terms;
    if (algorithm === 'token-bucket') {
      cells[0] = nowUs + resetAfterUs;
      return;
    }
    const arithmetic = arithmeticOf[algorithm];
    arithmetic.settle(this.#counter, this.terms, nowUs);
    // Of a sliding window the store tells the weighted sum; how it divides, this copy knows from the window before.
    const used = arithmetic.remaining(this.#counter, this.terms, nowUs);
    cells[1] = Math.max(0, (cells[1] ?? 0) + used - remaining);
    if (remaining === capacity) cells.fill(0, 1);
  }
}
