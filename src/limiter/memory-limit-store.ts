import { type Clock, systemClock } from '../clock.ts';
import type { Algorithm } from '../policy/policy.ts';
import { arithmeticOf } from './algorithms/arithmetic.ts';
import type { Counter } from './algorithms/counter.ts';
import { CounterTable } from './counter-table.ts';
import type { LimitRequest, LimitReturn, LimitStore, Spend, SpendResult } from './limit-store.ts';
import { answerFrom, draw, giveBackTo, spendAll } from './spend.ts';
import { subjectOf } from './subject.ts';

export interface MemoryLimitStoreOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Counters held at most. Default 100,000. */
  readonly maxKeys?: number;
}

/** How many shared counters take the keys that have no room: enough that one abuser rarely meets another client. */
const overflowCounters = 256;
/** Expired counters looked at per new key: the sweep keeps up with any growth and never walks the whole map. */
const sweepStep = 2;
/** A counter that is over is kept this much longer: a clock that steps back a little must not find it forgotten. */
const clockSlackUs = 60_000_000;

const overflowSubjectOf = (subject: string): string => {
  let hash = 0;
  for (let index = 0; index < subject.length; index += 1) hash = (Math.imul(hash, 31) + subject.charCodeAt(index)) | 0;
  return `\u0000overflow ${(hash >>> 0) % overflowCounters}`;
};

/** Where the counter of a request is. */
interface Located {
  readonly table: CounterTable;
  readonly subject: string;
  readonly row: number;
  readonly isNew: boolean;
  readonly overflow: boolean;
}

/**
 * Counters of this process. No timers: a counter that is over is forgotten by a sweep that runs with the writes. When
 * `maxKeys` live counters are held, new keys share a few overflow counters: neither evicting others nor flooding with ids is
 * a way around a limit. Grants no leases: there is nobody to ask.
 */
export class MemoryLimitStore implements LimitStore {
  readonly immediate = true;
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #tables: Readonly<Record<Algorithm, CounterTable>>;
  readonly #allTables: readonly CounterTable[];
  #overflowed = 0;

  constructor({ clock = systemClock, maxKeys = 100_000 }: MemoryLimitStoreOptions = {}) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
    this.#tables = {
      'token-bucket': new CounterTable('token-bucket'),
      'leaky-bucket': new CounterTable('leaky-bucket'),
      'fixed-window': new CounterTable('fixed-window'),
      'sliding-window': new CounterTable('sliding-window'),
      concurrency: new CounterTable('concurrency'),
    };
    this.#allTables = Object.values(this.#tables);
  }

  /** Live counters, and how many spends went to an overflow counter. */
  stats(): { readonly keys: number; readonly overflowed: number } {
    return { keys: this.#size(), overflowed: this.#overflowed };
  }

  spend(spends: readonly Spend[]): SpendResult[] {
    const nowUs = this.#clock.nowMs() * 1000;
    const results: SpendResult[] = [];
    for (const spend of spends) {
      const [only] = spend;
      results.push(spend.length === 1 && only ? this.#spendOne(only, nowUs) : this.#spendSeveral(spend, nowUs));
    }
    return results;
  }

  giveBack(returns: readonly LimitReturn[]): void {
    const nowUs = this.#clock.nowMs() * 1000;
    for (const given of returns) {
      const table = this.#tables[given.terms.algorithm];
      const row = this.#rowOf(given, table);
      if (row < 0) continue;
      const counter = table.counterAt(row);
      giveBackTo(counter, given, nowUs);
      table.keepPlaces(row, counter);
    }
  }

  /**
   * The counter that units go back to. A place that was taken while there was no room is one of a shared counter: left
   * there, it would lock out all who share it. What else a shared counter has counted stays so: nobody knows any more.
   */
  #rowOf({ key, terms, permit }: LimitReturn, table: CounterTable): number {
    const own = subjectOf(key);
    const row = table.find(key.policy, own);
    if (terms.algorithm !== 'concurrency' || permit === undefined) return row;
    if (row >= 0 && table.holdsPlace(row, permit)) return row;
    const shared = table.find(key.policy, overflowSubjectOf(own));
    return shared >= 0 && table.holdsPlace(shared, permit) ? shared : row;
  }

  close(): Promise<void> {
    for (const table of this.#allTables) table.clear();
    return Promise.resolve();
  }

  #size(): number {
    let size = 0;
    for (const table of this.#allTables) size += table.size;
    return size;
  }

  /** What nearly every request is, without the lists that several limits need. */
  #spendOne(request: LimitRequest, nowUs: number): SpendResult {
    const { terms, key, mode } = request;
    const table = this.#tables[terms.algorithm];
    const subject = subjectOf(key);
    const known = table.find(key.policy, subject);
    if (known < 0 || terms.algorithm === 'concurrency') return this.#spendSeveral([request], nowUs);
    const counter = table.counterAt(known);
    table.save();
    const mended = arithmeticOf[terms.algorithm].settle(counter, terms, nowUs);
    const fits = draw(counter, request, nowUs);
    const answers = [answerFrom(counter, request, { nowUs, fits, taken: fits })];
    const changed = mended || (fits ? request.cost > 0 : mode === 'charge');
    if (!changed) table.restore();
    return { allowed: fits || mode !== 'enforce', answers, nowUs };
  }

  #spendSeveral(spend: Spend, nowUs: number): SpendResult {
    for (const { key, terms } of spend) {
      if (this.#tables[terms.algorithm].find(key.policy, subjectOf(key)) < 0) this.#sweep(nowUs - clockSlackUs);
    }
    // No sweep from here on: the rows stay whose they are.
    const located = spend.map((request) => this.#locate(request));
    const counters = this.#countersAt(located);
    const result = spendAll(spend, counters, nowUs);
    for (const [index, place] of located.entries()) this.#keep(place, spend[index], counters[index]);
    if (!located.some(({ overflow }) => overflow)) return result;
    const answers = result.answers.map((answer, index) =>
      located[index]?.overflow ? { ...answer, overflow: true as const } : answer,
    );
    return { ...result, answers };
  }

  /** Every table: counters of an algorithm that no policy has any more would take the room of the others for ever. */
  #sweep(untilUs: number): void {
    for (const table of this.#allTables) table.sweep(sweepStep, untilUs);
  }

  #locate({ key, terms }: LimitRequest): Located {
    const table = this.#tables[terms.algorithm];
    const own = subjectOf(key);
    const known = table.find(key.policy, own);
    if (known >= 0) return { table, subject: own, row: known, isNew: false, overflow: false };
    const overflow = this.#size() >= this.#maxKeys;
    const subject = overflow ? overflowSubjectOf(own) : own;
    const shared = overflow ? table.find(key.policy, subject) : -1;
    if (overflow) this.#overflowed += 1;
    const row = shared >= 0 ? shared : table.place(key.policy, subject, terms);
    return { table, subject, row, isNew: shared < 0, overflow };
  }

  /** A counter that is asked about twice in one spend is one and the same. */
  #countersAt(located: readonly Located[]): Counter[] {
    const counters: Counter[] = [];
    for (const [index, { table, row }] of located.entries()) {
      const earlier = located.findIndex((other) => other.table === table && other.row === row);
      const known = earlier < index ? counters[earlier] : undefined;
      counters.push(known ?? { ...table.counterAt(row) });
    }
    return counters;
  }

  /** A row that nothing was written to is given back: asking in vain must not fill the store. */
  #keep(
    { table, subject, row, isNew }: Located,
    request: LimitRequest | undefined,
    counter: Counter | undefined,
  ): void {
    if (!request || !counter) return;
    const { terms, key } = request;
    if (terms.algorithm === 'concurrency') table.keepPlaces(row, counter);
    const unused = isNew && arithmeticOf[terms.algorithm].resetAfterUs(counter, terms, this.#clock.nowMs() * 1000) <= 0;
    if (unused && table.find(key.policy, subject) === row) table.drop(key.policy, subject, row);
  }
}
