import type { Clock, Timer } from '../clock.ts';
import { CounterMap } from './counter-map.ts';
import { sameTerms } from './deny-cache.ts';
import type { GuardedSpend } from './guarded-store.ts';
import { HeavyHitters } from './heavy-hitters.ts';
import { LeaseCounter } from './lease-counter.ts';
import type { LimitAnswer, LimitKey, LimitRequest, LimitReturn, Spend } from './limit-store.ts';
import { subjectOf } from './subject.ts';

/** What a lease book asks: the guarded store. */
export interface LeaseOffice {
  spend(spend: Spend): GuardedSpend | Promise<GuardedSpend>;
  giveBack(returns: readonly LimitReturn[]): void | Promise<void>;
}

export interface LeaseBookOptions {
  readonly office: LeaseOffice;
  readonly clock: Clock;
  /** 0 ≤ random() < 1: spreads what many gates ask for. */
  readonly random: () => number;
  /** Counters with leases at the same time. Default 256. */
  readonly maxCounters?: number;
  /** Requests per second from which a counter is hot. Default 100. */
  readonly hotPerSecond?: number;
  /** One request in so many, drawn by lot, is shown to the sketch: it costs more than the rest together. Default 8. */
  readonly sampleEvery?: number;
  /** A counter that nobody spends from for so long gives its lease back, milliseconds. Default 500. */
  readonly idleMs?: number;
}

export interface LeaseStats {
  /** Counters that are hot now. */
  readonly counters: number;
  /** Units at hand now, and ever granted and given back unspent. */
  readonly units: number;
  readonly granted: number;
  readonly returned: number;
}

/** What a spend said about one of its limits, and when it was asked. */
export interface LeaseAnswer {
  /** Null: there was none. */
  readonly answer: LimitAnswer | null;
  readonly sentUs: number;
  /** The store's clock. */
  readonly storeUs: number;
}

/** Smaller buckets are asked each time: a lease of a quarter of them would be next to nothing. */
const leastCapacity = 20;
/** The store grants no fewer. */
const leastUnits = 4;
const sweepMs = 100;
/** A lease that ends within this time is given back while the store still knows it. */
const returnAheadUs = 200_000;
/** A store with nothing to spare is asked again no sooner; half of it is jitter. */
const refusedUs = 100_000;
/** An answer that was lost may have granted a lease: no more of those than one at a time. */
const lostUs = 1_000_000;

/** Of a lease that its counter has lost since: nothing more is known of it. */
const admitted: LimitAnswer = { allowed: true, remaining: 0, resetAfterUs: 0, retryAfterUs: 0, delayUs: 0 };

/** One string per counter, for the sketch. */
const nameOf = (key: LimitKey): string => `${key.policy}\u0000${subjectOf(key)}`;

const canBeLeased = ({ terms, mode, cost }: LimitRequest): boolean =>
  terms.algorithm === 'token-bucket' && terms.capacity >= leastCapacity && mode !== 'charge' && cost > 0;

/**
 * Spends hot token buckets in this process, out of units that the store has set aside for it. Leases are asked for along
 * with ordinary spends and, before they run out, on their own; what is unspent goes back when a counter falls idle, before a
 * lease ends, and on close. A lease is never the reason of a denial.
 *
 * A process that dies takes its leases with it: their units count as spent when they expire, a second after they were
 * granted. That admits less than the limit, never more.
 */
export class LeaseBook {
  readonly #office: LeaseOffice;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #maxCounters: number;
  readonly #hotPerSecond: number;
  readonly #sampleEvery: number;
  readonly #idleUs: number;
  readonly #counters = new CounterMap<LeaseCounter>();
  readonly #sketch = new HeavyHitters();
  readonly #underway = new Set<Promise<unknown>>();
  #sweep: Timer | null = null;
  #closed = false;
  #granted = 0;
  #returned = 0;

  constructor(options: LeaseBookOptions) {
    const { office, clock, random, maxCounters = 256, hotPerSecond = 100, sampleEvery = 8, idleMs = 500 } = options;
    this.#office = office;
    this.#clock = clock;
    this.#random = random;
    this.#maxCounters = maxCounters;
    this.#hotPerSecond = hotPerSecond;
    this.#sampleEvery = sampleEvery;
    this.#idleUs = idleMs * 1000;
  }

  /** Whether any counter is hot. */
  get isOpen(): boolean {
    return this.#counters.size > 0;
  }

  stats(): LeaseStats {
    const nowUs = this.#clock.monotonicUs();
    let units = 0;
    for (const counter of this.#counters.values()) units += counter.left(nowUs);
    return { counters: this.#counters.size, units, granted: this.#granted, returned: this.#returned };
  }

  /** Units of this request's counter at hand. */
  left(request: LimitRequest, nowUs: number): number {
    return this.#counterOf(request)?.left(nowUs) ?? 0;
  }

  /** Takes the whole cost here and now; null when the store has to be asked. */
  spend(request: LimitRequest, nowUs: number): LimitAnswer | null {
    if (this.#counters.size === 0) return null;
    const { cost, mode } = request;
    if (cost === 0 || mode === 'charge') return null;
    const counter = this.#counterOf(request);
    if (!counter || counter.left(nowUs) < cost) return null;
    this.#take(counter, cost, nowUs);
    if (counter.wantsMore && nowUs >= counter.askAfterUs) this.#renew(counter, request, nowUs);
    return counter.answer();
  }

  /** Takes what is at hand of a cost that is greater. Answers how much: the store has to be asked for the rest alone. */
  takePart(request: LimitRequest, nowUs: number): number {
    const counter = request.cost > 0 && request.mode !== 'charge' ? this.#counterOf(request) : null;
    const units = Math.min(request.cost, counter?.left(nowUs) ?? 0);
    if (counter && units > 0) this.#take(counter, units, nowUs);
    return units;
  }

  /** What to say of a limit: with what is at hand added to the store's answer or, without one, to what it said last. */
  answerWith(request: LimitRequest, answer: LimitAnswer | null, nowUs: number): LimitAnswer | null {
    const counter = this.#counterOf(request);
    if (!answer) return counter?.answer() ?? admitted;
    const left = counter?.left(nowUs) ?? 0;
    return left === 0 ? answer : { ...answer, remaining: Math.min(request.terms.capacity, answer.remaining + left) };
  }

  /** Units that were taken here for a request that another limit denied. */
  putBack(request: LimitRequest, units: number, nowUs: number): void {
    if (units === 0 || this.#counterOf(request)?.putBack(units, nowUs)) return;
    // Its lease has ended meanwhile, with these units spent.
    const { key, terms } = request;
    this.#giveBack([{ key, terms, cost: units, spentAtUs: this.#clock.nowMs() * 1000 }]);
  }

  /** Counts a request that goes to the store, and asks for a lease along with it where that is worth it. */
  prepare(request: LimitRequest, nowUs: number): LimitRequest {
    if (!canBeLeased(request) || this.#closed) return request;
    const counter = this.#counterOf(request) ?? this.#discover(request, nowUs);
    if (!counter) return request;
    counter.noteSpent(request.cost, nowUs);
    if (!counter.wantsMore || nowUs < counter.askAfterUs) return request;
    const leaseUnits = counter.wanted(nowUs);
    if (leaseUnits < leastUnits) return request;
    counter.isAsking = true;
    return { ...request, leaseUnits };
  }

  /** What came of a request that `prepare` has seen. */
  settle(request: LimitRequest, { answer, sentUs, storeUs }: LeaseAnswer): void {
    const counter = this.#counterOf(request);
    if (counter && answer) counter.noteRemaining(answer.remaining);
    if (!request.leaseUnits) return;
    const nowUs = this.#clock.monotonicUs();
    if (counter) counter.isAsking = false;
    if (!answer) {
      if (counter) counter.askAfterUs = nowUs + lostUs;
      return;
    }
    if (!answer.lease) {
      if (counter) counter.askAfterUs = nowUs + refusedUs * (0.5 + 0.5 * this.#random());
      return;
    }
    const { id, units } = answer.lease;
    this.#granted += units;
    if (counter && !this.#closed) counter.add(answer.lease, { sentUs, grantedAtUs: storeUs });
    else this.#giveBack([{ key: request.key, terms: request.terms, cost: units, spentAtUs: storeUs, lease: id }]);
  }

  /** Gives every lease back. Resolves when the store has heard of it, or will not. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweep?.cancel();
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
    for (const counter of [...this.#counters.values()]) this.#retire(counter);
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  /** The counter of a request, if it is hot and its policy still the same. */
  #counterOf({ key, terms }: LimitRequest): LeaseCounter | null {
    if (this.#counters.size === 0) return null;
    const counter = this.#counters.get(key);
    if (!counter) return null;
    if (sameTerms(counter.terms, terms)) return counter;
    this.#retire(counter);
    return null;
  }

  #discover({ key, terms, cost }: LimitRequest, nowUs: number): LeaseCounter | null {
    if (this.#random() * this.#sampleEvery >= 1) return null;
    const perSecond = this.#sketch.update(nameOf(key), nowUs) * this.#sampleEvery;
    if (perSecond < this.#hotPerSecond || this.#counters.size >= this.#maxCounters) return null;
    const counter = new LeaseCounter(key, terms, { ratePerSecond: perSecond * cost, nowUs });
    if (!this.#counters.set(key, counter)) return null;
    this.#sweep ??= this.#clock.schedule(sweepMs, () => this.#sweepAll());
    return counter;
  }

  #take(counter: LeaseCounter, units: number, nowUs: number): void {
    const ended = counter.take(units, nowUs);
    if (ended) this.#giveBack(ended);
  }

  /** Asks for more on its own, so that no request has to wait for it. */
  #renew(counter: LeaseCounter, { key, terms, mode }: LimitRequest, nowUs: number): void {
    const leaseUnits = counter.wanted(nowUs);
    if (this.#closed || leaseUnits < leastUnits) return;
    counter.isAsking = true;
    const request: LimitRequest = { key, terms, mode, cost: 0, leaseUnits };
    const settle = (spend: GuardedSpend): void => {
      const answer = 'result' in spend ? (spend.result.answers[0] ?? null) : null;
      this.settle(request, { answer, sentUs: nowUs, storeUs: 'result' in spend ? spend.result.nowUs : 0 });
    };
    const spend = this.#office.spend([request]);
    if (spend instanceof Promise) this.#follow(spend.then(settle));
    else settle(spend);
  }

  #giveBack(returns: readonly LimitReturn[]): void {
    if (returns.length === 0) return;
    for (const { cost } of returns) this.#returned += cost;
    const given = this.#office.giveBack(returns);
    if (given instanceof Promise) this.#follow(given);
  }

  #follow(work: Promise<unknown>): void {
    this.#underway.add(work);
    const done = (): void => void this.#underway.delete(work);
    work.then(done, done);
  }

  #retire(counter: LeaseCounter): void {
    this.#counters.delete(counter.key);
    this.#giveBack(counter.release(Number.POSITIVE_INFINITY));
  }

  #sweepAll(): void {
    const nowUs = this.#clock.monotonicUs();
    const returns: LimitReturn[] = [];
    for (const counter of [...this.#counters.values()]) {
      const isIdle = nowUs - counter.lastSpentUs >= this.#idleUs;
      returns.push(...counter.release(isIdle ? Number.POSITIVE_INFINITY : nowUs + returnAheadUs));
      const isCold = isIdle || counter.coolsBelow(this.#hotPerSecond / 2, nowUs);
      if (isCold && counter.holdsNothing && !counter.isAsking) this.#counters.delete(counter.key);
    }
    this.#giveBack(returns);
    const more = this.#counters.size > 0 && !this.#closed;
    this.#sweep = more ? this.#clock.schedule(sweepMs, () => this.#sweepAll()) : null;
  }
}
