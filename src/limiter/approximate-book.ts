import type { Clock, Timer } from '../clock.ts';
import { ApproximateCounter } from './approximate-counter.ts';
import { CounterMap } from './counter-map.ts';
import { sameTerms } from './deny-cache.ts';
import type { GuardedSpend } from './guarded-store.ts';
import type { LeaseOffice } from './lease-book.ts';
import type { LimitAnswer, LimitRequest } from './limit-store.ts';

export interface ApproximateBookOptions {
  readonly office: LeaseOffice;
  readonly clock: Clock;
  /** Counters copied at the same time; the others are asked exactly. Default 10,000. */
  readonly maxCounters?: number;
}

export interface ApproximateStats {
  readonly counters: number;
  /** Units that were spent here and that the store may not have counted. */
  readonly untoldUnits: number;
}

/** What the store said before and after it was told of `cost` units. */
interface Heard {
  readonly before: GuardedSpend;
  readonly after: GuardedSpend;
  readonly cost: number;
}

const tickMs = 10;
/** Counters that are synchronised by one tick at most: a call must not hold up the server. */
const mostPerTick = 128;
/** A copy that nobody asks is given up. */
const idleUs = 1_000_000;

/**
 * Counters that are spent in process and told to the store every 100 ms or 50 requests, sooner when little is left. Cheaper
 * than exact and less so; how much less is measured, see docs. A copy that the store has not confirmed for a second is given
 * up, and the store asked as for any other counter.
 */
export class ApproximateBook {
  readonly #office: LeaseOffice;
  readonly #clock: Clock;
  readonly #maxCounters: number;
  readonly #counters = new CounterMap<ApproximateCounter>();
  readonly #underway = new Set<Promise<unknown>>();
  #storeAheadUs: number;
  #tick: Timer | null = null;
  #untoldUnits = 0;
  #closed = false;

  constructor({ office, clock, maxCounters = 10_000 }: ApproximateBookOptions) {
    this.#office = office;
    this.#clock = clock;
    this.#maxCounters = maxCounters;
    this.#storeAheadUs = clock.nowMs() * 1000 - clock.monotonicUs();
  }

  stats(): ApproximateStats {
    return { counters: this.#counters.size, untoldUnits: this.#untoldUnits };
  }

  /** The denial of an enforced limit; null when it fits, or when the store has to be asked. */
  deny(request: LimitRequest, nowUs: number): LimitAnswer | null {
    const counter = request.mode === 'enforce' ? this.#counterOf(request, nowUs) : null;
    const storeUs = nowUs + this.#storeAheadUs;
    if (!counter || counter.fits(request, storeUs)) return null;
    const answer = counter.answer(request, storeUs, false);
    this.#synchronise(counter, nowUs);
    return answer;
  }

  /** Spends here what fits; null when the store has to be asked. */
  spend(request: LimitRequest, nowUs: number): LimitAnswer | null {
    const counter = request.mode === 'charge' ? null : this.#counterOf(request, nowUs);
    if (!counter) return null;
    const storeUs = nowUs + this.#storeAheadUs;
    const fits = counter.fits(request, storeUs);
    if (fits && request.cost > 0) counter.take(request.cost);
    const answer = counter.answer(request, storeUs, fits);
    this.#synchronise(counter, nowUs);
    return answer;
  }

  /** A spend that another limit denied. */
  putBack(request: LimitRequest, nowUs: number): void {
    const { key, terms, cost } = request;
    if (cost === 0 || this.#counterOf(request, nowUs)?.putBack(cost)) return;
    this.#follow(this.#office.giveBack([{ key, terms, cost, spentAtUs: nowUs + this.#storeAheadUs }]));
  }

  /** The store's answer about a limit that may be copied from now on. */
  learn({ key, terms }: LimitRequest, answer: LimitAnswer, storeUs: number): void {
    this.#storeAheadUs = storeUs - this.#clock.monotonicUs();
    if (this.#closed || answer.overflow || this.#counters.size >= this.#maxCounters || this.#counters.get(key)) return;
    this.#counters.set(key, new ApproximateCounter(key, terms, { answer, nowUs: storeUs }));
    this.#tick ??= this.#clock.schedule(tickMs, () => this.#synchroniseAll());
  }

  /** Tells the store what was spent here. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tick?.cancel();
    for (const counter of [...this.#counters.values()]) this.#giveUp(counter);
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  #counterOf({ key, terms }: LimitRequest, nowUs: number): ApproximateCounter | null {
    const counter = this.#counters.get(key);
    if (!counter) return null;
    if (sameTerms(counter.terms, terms) && !counter.isStale(nowUs + this.#storeAheadUs)) return counter;
    this.#giveUp(counter);
    return null;
  }

  #giveUp(counter: ApproximateCounter): void {
    this.#counters.delete(counter.key);
    if (counter.untold > 0) this.#tell(counter);
  }

  #synchronise(counter: ApproximateCounter, nowUs: number): void {
    if (counter.isDue(nowUs + this.#storeAheadUs)) this.#tell(counter);
  }

  /** Two spends, which travel together: how much is left is asked before it is charged for what was spent here. */
  #tell(counter: ApproximateCounter): void {
    const { key, terms } = counter;
    const { spent, owed } = counter.tell();
    const cost = spent + owed;
    counter.isTelling = true;
    const peek = this.#office.spend([{ key, terms, cost: 0, mode: 'shadow' }]);
    const charge = cost > 0 ? this.#office.spend([{ key, terms, cost, mode: 'charge' }]) : peek;
    const heard = ([before, after]: readonly GuardedSpend[]): void => {
      counter.isTelling = false;
      if (before && after) this.#heard(counter, { before, after, cost });
    };
    if (peek instanceof Promise || charge instanceof Promise) this.#follow(Promise.all([peek, charge]).then(heard));
    else heard([peek, charge]);
  }

  #heard(counter: ApproximateCounter, { before, after, cost }: Heard): void {
    if (!('result' in after) || !('result' in before)) {
      // A call that failed may have counted. One that was not made has not.
      const counted = !('degraded' in after && after.degraded === 'breaker-open');
      counter.unheard(counted);
      if (counted) this.#untoldUnits += cost;
      return;
    }
    const { nowUs } = after.result;
    const [left] = before.result.answers;
    const [now] = after.result.answers;
    this.#storeAheadUs = nowUs - this.#clock.monotonicUs();
    if (left && now) counter.synchronise({ before: left, after: now, nowUs });
  }

  #follow(work: Promise<unknown> | ReturnType<LeaseOffice['giveBack']>): void {
    if (!(work instanceof Promise)) return;
    this.#underway.add(work);
    const done = (): void => void this.#underway.delete(work);
    work.then(done, done);
  }

  #synchroniseAll(): void {
    const nowUs = this.#clock.monotonicUs();
    const storeUs = nowUs + this.#storeAheadUs;
    let left = mostPerTick;
    for (const counter of [...this.#counters.values()]) {
      if (left === 0) break;
      const idle = storeUs - counter.lastAskedUs >= idleUs;
      if (idle || counter.isStale(storeUs)) this.#giveUp(counter);
      else if (counter.isInUse(storeUs) && counter.isDue(storeUs)) this.#tell(counter);
      else continue;
      left -= 1;
    }
    const more = this.#counters.size > 0 && !this.#closed;
    this.#tick = more ? this.#clock.schedule(tickMs, () => this.#synchroniseAll()) : null;
  }
}
