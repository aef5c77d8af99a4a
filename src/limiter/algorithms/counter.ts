import type { LimitRequest, LimitReturn, LimitTerms } from '../limit-store.ts';
import type { Places } from './places.ts';

/** An outstanding lease of a token bucket. `id` is when it expires, by the store's clock. */
export interface Grant {
  readonly id: number;
  readonly units: number;
}

/** One counter: a few numbers at a position of a larger array, so that a million of them are no million objects. */
export interface Counter {
  cells: Float64Array;
  /** Where its cells begin. */
  at: number;
  /** Concurrency: who holds what. */
  places: Places | null;
  /** Token bucket: in order of their ids. */
  grants: Grant[] | null;
}

/** What is asked of a counter. */
export type Draw = Pick<LimitRequest, 'terms' | 'cost' | 'permit' | 'leaseUnits'>;

/**
 * One algorithm in plain arithmetic: the reference of `lua/limits.lua`. All integers, so that both agree to the last
 * microsecond. Every method but `settle` expects a counter that is settled at the same instant.
 */
export interface Arithmetic {
  /** Cells of one counter. A counter of zeros is one that was never used. */
  readonly width: number;
  /**
   * Moves a counter on to now. Whether it had to be mended: what no honest clock could have written under these terms is
   * not believed, and must be stored anew even where nothing is taken, or it would be refused for as long as it lies ahead.
   */
  settle(counter: Counter, terms: LimitTerms, nowUs: number): boolean;
  fits(counter: Counter, draw: Draw, nowUs: number): boolean;
  take(counter: Counter, draw: Draw, nowUs: number): void;
  /** Undoes a `take` of the same instant. */
  undo(counter: Counter, draw: Draw): void;
  /** Leaves nothing. */
  empty(counter: Counter, terms: LimitTerms, nowUs: number): void;
  giveBack(counter: Counter, given: LimitReturn, nowUs: number): void;
  /** Whole units left. */
  remaining(counter: Counter, terms: LimitTerms, nowUs: number): number;
  /** Until it is whole again. */
  resetAfterUs(counter: Counter, terms: LimitTerms, nowUs: number): number;
  /** Until a draw that does not fit fits; null: never. */
  retryAfterUs(counter: Counter, draw: Draw, nowUs: number): number | null;
  /** When nothing of it is worth keeping any more. */
  endsAtUs(counter: Counter, terms: LimitTerms): number;
  /** Of a counter that is about to be stored: what `settle` has found to be over. Absent: there is nothing of the kind. */
  forgetExpired?(counter: Counter): void;
}
