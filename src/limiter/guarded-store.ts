import type { Clock, Timer } from '../clock.ts';
import type { DegradedReason } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import { Breaker } from './breaker.ts';
import { type LimitReturn, type LimitStore, type Spend, type SpendResult, takenBy } from './limit-store.ts';
import { type Batch, SpendQueue } from './spend-queue.ts';

/** The store's answer, or why there is none. */
export type GuardedSpend = { readonly result: SpendResult } | { readonly degraded: DegradedReason };

export interface GuardedStoreOptions {
  readonly store: LimitStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long one spend may take, milliseconds. Default 20. */
  readonly deadlineMs?: number;
  /** Told of each call, however it ended: what it took, microseconds. */
  readonly onCall?: (durationUs: number) => void;
}

interface OpenCall {
  readonly deadline: Timer;
  readonly sinceUs: number;
}

/** Spends that wait for an answer. A server that hangs must not be owed more than this. */
const maxWaiting = 16_384;

/** Places that could not be given back yet; beyond, they stay taken until they expire. */
const maxOwed = 10_000;
/** Of these with each answer: a store that has just come back gets no burst of them. */
const owedPerAnswer = 128;

/** Calls in a row that say that a server is away; and of a store of several, of which some may be, that all are. */
const failuresOfOne = 3;
const failuresOfMany = 12;

const reasonOf = (error: unknown): DegradedReason => {
  const code = error instanceof TidegateError ? error.code : null;
  if (code === 'STORE_TIMEOUT') return 'timeout';
  return code === 'STORE_READ_ONLY' ? 'read-only' : 'error';
};

/** What must not stay taken by a spend that nobody waits for any more: places that nobody would release, and leases. */
const heldBy = (spends: readonly Spend[], results: readonly SpendResult[]): LimitReturn[] => {
  const held: LimitReturn[] = [];
  for (const [index, result] of results.entries()) {
    const spend = spends[index] ?? [];
    held.push(...takenBy(spend, result).filter(({ permit }) => permit !== undefined));
    for (const [at, { lease }] of result.answers.entries()) {
      const request = spend[at];
      if (!lease || !request) continue;
      const { key, terms } = request;
      held.push({ key, terms, cost: lease.units, spentAtUs: result.nowUs, lease: lease.id });
    }
  }
  return held;
};

/**
 * A store that answers within a deadline or not at all: a slow or failing one is given up for this decision, and left
 * alone for a while after three failures in a row. The spends of one turn of the event loop travel as one call, which has
 * one deadline and counts as one failure. A call that was given up may still count: it is never repeated.
 */
export class GuardedStore {
  readonly #options: GuardedStoreOptions;
  readonly #breaker: Breaker;
  readonly #queue: SpendQueue<GuardedSpend>;
  /** Calls of which some spend has been answered. */
  readonly #partly = new WeakSet<Batch<GuardedSpend>>();
  /** Calls whose answers are waited for, and when they are given up. */
  readonly #open = new Map<Batch<GuardedSpend>, OpenCall>();
  #waiting = 0;
  /** Places that wait for the store to answer. */
  readonly #owed: LimitReturn[] = [];
  #lostReturns = 0;

  constructor(options: GuardedStoreOptions) {
    const { clock, random, deadlineMs = 20 } = options;
    this.#options = options;
    const failures = options.store.spendEach ? failuresOfMany : failuresOfOne;
    this.#breaker = new Breaker({ clock, random, failures });
    this.#queue = new SpendQueue(
      (batch) =>
        this.#open.set(batch, {
          sinceUs: clock.monotonicUs(),
          // After a stall of this process its timers run first, before it reads what came in time: the rest of the turn is
          // for that, or a pause of its own would count as a failure of the store.
          deadline: clock.schedule(deadlineMs, () => setImmediate(() => this.#fail(batch, 'timeout'))),
        }),
      (batch) => void this.#send(batch),
    );
  }

  /** Whether the store is left alone. */
  get isOpen(): boolean {
    return this.#breaker.isOpen;
  }

  /** Whether it answers without I/O. */
  get immediate(): boolean {
    return this.#options.store.immediate;
  }

  /** Returns that the store did not take. */
  get lostReturns(): number {
    return this.#lostReturns;
  }

  spend(spend: Spend): GuardedSpend | Promise<GuardedSpend> {
    if (!this.#breaker.admits()) return { degraded: 'breaker-open' };
    if (this.#options.store.immediate) return this.#spendNow(spend);
    if (this.#waiting >= maxWaiting) {
      this.#breaker.failed();
      return { degraded: 'error' };
    }
    this.#waiting += 1;
    return this.#queue.add(spend);
  }

  /** Gives units back, as far as the store can be reached: what fails is lost to the client, never to the limit. */
  async giveBack(returns: readonly LimitReturn[]): Promise<void> {
    if (returns.length === 0) return;
    if (this.isOpen) return this.#owe(returns);
    try {
      await this.#options.store.giveBack(returns);
    } catch {
      // The store is judged by its spends.
      this.#owe(returns);
    }
  }

  /**
   * Places go back when the store answers again: a short absence must not lock a client out until they expire, and one that is
   * released twice is released once. Of units nobody knows whether they have come back: lost, the limit is stricter, not weaker.
   */
  #owe(returns: readonly LimitReturn[]): void {
    for (const given of returns) {
      if (given.permit !== undefined && this.#owed.length < maxOwed) this.#owed.push(given);
      else this.#lostReturns += 1;
    }
  }

  #answers(): void {
    this.#breaker.succeeded();
    if (this.#owed.length > 0) void this.giveBack(this.#owed.splice(0, owedPerAnswer));
  }

  #spendNow(spend: Spend): GuardedSpend {
    try {
      const [result] = this.#options.store.spend([spend]) as readonly SpendResult[];
      if (!result) throw new TidegateError('STORE_FAILED', 'The store left a spend without an answer');
      this.#answers();
      return { result };
    } catch (error) {
      this.#breaker.failed();
      return { degraded: reasonOf(error) };
    }
  }

  async #send(batch: Batch<GuardedSpend>): Promise<void> {
    const { spends, answered } = batch;
    const { store } = this.#options;
    if (store.spendEach) return this.#sendEach(batch, store.spendEach(spends));
    try {
      const results = await this.#options.store.spend(spends);
      if (results.length !== spends.length) throw new TidegateError('STORE_FAILED', 'The store left spends unanswered');
      if (!this.#close(batch)) return void this.giveBack(heldBy(spends, results));
      this.#answers();
      for (let index = 0; index < answered.length; index += 1) {
        answered[index]?.({ result: results[index] as SpendResult });
      }
    } catch (error) {
      this.#fail(batch, reasonOf(error));
    }
  }

  /** Each spend is answered when its own answer is there; only when none is has the call failed. */
  async #sendEach(batch: Batch<GuardedSpend>, pending: readonly Promise<SpendResult>[]): Promise<void> {
    const settle = async (result: Promise<SpendResult>, index: number): Promise<void> => {
      const spend = batch.spends[index] ?? [];
      try {
        const answer = await result;
        if (!this.#open.has(batch)) return void this.giveBack(heldBy([spend], [answer]));
        this.#partly.add(batch);
        this.#answers();
        batch.answered[index]?.({ result: answer });
      } catch (error) {
        batch.answered[index]?.({ degraded: reasonOf(error) });
      }
    };
    await Promise.all(pending.map(settle));
    this.#fail(batch, 'error');
  }

  /** Ends a call: what has no answer yet gets none. */
  #fail(batch: Batch<GuardedSpend>, degraded: DegradedReason): void {
    if (!this.#close(batch)) return;
    if (!this.#partly.has(batch)) this.#breaker.failed();
    for (const answer of batch.answered) answer({ degraded });
  }

  /** Whether it was still waited for. */
  #close(batch: Batch<GuardedSpend>): boolean {
    const call = this.#open.get(batch);
    if (!call) return false;
    call.deadline.cancel();
    this.#open.delete(batch);
    const { clock, onCall } = this.#options;
    onCall?.(clock.monotonicUs() - call.sinceUs);
    this.#waiting -= batch.spends.length;
    return true;
  }
}
