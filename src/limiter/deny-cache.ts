import { CounterMap } from './counter-map.ts';
import type { LimitAnswer, LimitKey, LimitRequest, LimitTerms } from './limit-store.ts';

/** Refunds, returned leases and changes made by other gates are seen after this at the latest. */
const longestUs = 1_000_000;

export interface DenyCacheOptions {
  /** Denials remembered at the same time. Default 10,000. */
  readonly maxDenials?: number;
}

/** When a denial was asked for and answered, by the monotonic clock. */
export interface Exchange {
  readonly sentUs: number;
  readonly answeredUs: number;
}

interface Denial extends Exchange {
  readonly terms: LimitTerms;
  readonly cost: number;
  readonly answer: LimitAnswer;
  readonly untilUs: number;
}

/** Whether two requests mean the same limit. A policy that changed has other terms. */
export const sameTerms = (a: LimitTerms, b: LimitTerms): boolean =>
  a === b ||
  (a.algorithm === b.algorithm &&
    a.periodUs === b.periodUs &&
    a.capacity === b.capacity &&
    a.approximate === b.approximate);

const isBucket = ({ algorithm }: LimitTerms): boolean => algorithm === 'token-bucket' || algorithm === 'leaky-bucket';

/**
 * Denials that are certain without asking: until its `retryAfterUs` has passed, a counter denies this cost and any greater
 * one, whoever asks. Counted from the moment of asking, so that it never outlasts the truth. Bounded, the oldest first; no
 * timers. Not for concurrency limits: places come free at any moment.
 */
export class DenyCache {
  readonly #denials = new CounterMap<Denial>();
  readonly #maxDenials: number;
  #dropped = 0;
  #hits = 0;

  constructor({ maxDenials = 10_000 }: DenyCacheOptions = {}) {
    this.#maxDenials = maxDenials;
  }

  /** Denials held, requests denied by them, and denials forgotten for lack of room. */
  stats(): { readonly size: number; readonly hits: number; readonly dropped: number } {
    return { size: this.#denials.size, hits: this.#hits, dropped: this.#dropped };
  }

  /** Notes what the store said of an enforced request, if that says something of the next one. */
  remember({ key, terms, cost, mode }: LimitRequest, answer: LimitAnswer, { sentUs, answeredUs }: Exchange): void {
    if (answer.allowed || answer.overflow || mode !== 'enforce') return;
    if (terms.algorithm === 'concurrency' || terms.approximate) return;
    const untilUs = sentUs + Math.min(answer.retryAfterUs ?? longestUs, longestUs);
    if (untilUs <= answeredUs) return;
    this.#denials.delete(key);
    while (this.#denials.size >= this.#maxDenials) this.#dropped += this.#denials.dropOldest();
    const denial = { terms, cost, answer, untilUs, sentUs, answeredUs };
    if (this.#denials.set(key, denial)) return;
    this.#dropped += this.#denials.dropLike(key);
    this.#denials.set(key, denial);
  }

  /** The denial of a request, as the store would give it now; null when it has to be asked. */
  find({ key, terms, cost, mode }: LimitRequest, nowUs: number): LimitAnswer | null {
    if (this.#denials.size === 0 || mode !== 'enforce') return null;
    const denial = this.#denials.get(key);
    if (!denial) return null;
    if (nowUs >= denial.untilUs) {
      this.#denials.delete(key);
      return null;
    }
    if (cost < denial.cost || !sameTerms(terms, denial.terms)) return null;
    this.#hits += 1;
    return this.#answerOf(denial, { terms, cost, nowUs });
  }

  /** Units came back to a counter: it is asked again. */
  forget(key: LimitKey): void {
    if (this.#denials.size > 0) this.#denials.delete(key);
  }

  /** A greater cost waits longer: a bucket says by how much, of a window the least is told. */
  #answerOf(denial: Denial, { terms, cost, nowUs }: { terms: LimitTerms; cost: number; nowUs: number }): LimitAnswer {
    const { answer, answeredUs } = denial;
    const passedUs = nowUs - answeredUs;
    const never = answer.retryAfterUs === null || cost > terms.capacity;
    const moreUs = isBucket(terms) ? (cost - denial.cost) * terms.periodUs : 0;
    return {
      allowed: false,
      remaining: answer.remaining,
      resetAfterUs: Math.max(0, answer.resetAfterUs - passedUs),
      retryAfterUs: never ? null : Math.max(1, (answer.retryAfterUs ?? 0) + moreUs - passedUs),
      delayUs: 0,
    };
  }
}
