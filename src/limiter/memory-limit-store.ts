import { type Clock, systemClock } from '../clock.ts';
import type { LimitKey, LimitRequest, LimitStore, SpendResult } from './limit-store.ts';
import { type CountedRequest, spendAll } from './spend.ts';
import { type TatCounter, TatTable } from './tat-table.ts';

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
/** A full bucket is kept this much longer: a clock that steps back a little must not find it forgotten. */
const clockSlackUs = 60_000_000;

/** Most counters are a client's alone: its key is subject enough. The other form starts with `[`, which no client's does. */
const subjectOf = ({ client, tenant, route }: LimitKey): string =>
  client !== undefined && tenant === undefined && route === undefined && !client.startsWith('[')
    ? client
    : JSON.stringify([client ?? null, tenant ?? null, route ?? null]);

const overflowSubjectOf = (subject: string): string => {
  let hash = 0;
  for (let index = 0; index < subject.length; index += 1) hash = (Math.imul(hash, 31) + subject.charCodeAt(index)) | 0;
  return `[overflow ${(hash >>> 0) % overflowCounters}]`;
};

/**
 * Counters of this process. No timers: a counter whose bucket is full again is forgotten by a sweep that runs with the
 * writes. When `maxKeys` live counters are held, new keys share a few overflow counters: neither evicting others nor
 * flooding with ids is a way around a limit.
 */
export class MemoryLimitStore implements LimitStore {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #tats = new TatTable();
  #overflowed = 0;

  constructor({ clock = systemClock, maxKeys = 100_000 }: MemoryLimitStoreOptions = {}) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  /** Live counters, and how many spends went to an overflow counter. */
  stats(): { readonly keys: number; readonly overflowed: number } {
    return { keys: this.#tats.size, overflowed: this.#overflowed };
  }

  spend(requests: readonly LimitRequest[]): SpendResult {
    const nowUs = this.#clock.nowMs() * 1000;
    const known = this.#countersOf(requests, false);
    const added = known.reduce((count, { counter }) => (counter.row < 0 ? count + 1 : count), 0);
    if (added === 0) return spendAll(known, this.#tats, nowUs);
    this.#tats.sweep(added * sweepStep, nowUs - clockSlackUs);
    return spendAll(this.#countersOf(requests, true), this.#tats, nowUs);
  }

  close(): Promise<void> {
    this.#tats.clear();
    return Promise.resolve();
  }

  /** `bounded`: counters that are new and have no room are replaced by overflow counters. */
  #countersOf(requests: readonly LimitRequest[], bounded: boolean): CountedRequest<TatCounter>[] {
    const counted: CountedRequest<TatCounter>[] = [];
    for (const request of requests) {
      const { policy } = request.key;
      const subject = subjectOf(request.key);
      const counter = this.#find(policy, subject, counted);
      const fits = !bounded || counter.row >= 0 || this.#tats.size < this.#maxKeys;
      if (!fits) this.#overflowed += 1;
      counted.push({ request, counter: fits ? counter : this.#find(policy, overflowSubjectOf(subject), counted) });
    }
    return counted;
  }

  /** A counter that is asked about twice in one call is one and the same, whether it has a row yet or not. */
  #find(policy: string, subject: string, earlier: readonly CountedRequest<TatCounter>[]): TatCounter {
    for (const { counter } of earlier) if (counter.policy === policy && counter.subject === subject) return counter;
    return this.#tats.find(policy, subject);
  }
}
