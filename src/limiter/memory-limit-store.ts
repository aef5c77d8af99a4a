import { type Clock, systemClock } from '../clock.ts';
import type { LimitKey, LimitRequest, LimitStore, SpendResult } from './limit-store.ts';
import { spendAll } from './spend.ts';

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

const counterOf = ({ policy, client, tenant, route }: LimitKey): string =>
  JSON.stringify([policy, client ?? null, tenant ?? null, route ?? null]);

const overflowCounterOf = (counter: string, policy: string): string => {
  let hash = 0;
  for (let index = 0; index < counter.length; index += 1) hash = (Math.imul(hash, 31) + counter.charCodeAt(index)) | 0;
  return `~overflow:${policy}:${(hash >>> 0) % overflowCounters}`;
};

/**
 * Counters of this process. No timers: a counter whose bucket is full again is forgotten by a sweep that runs with the
 * writes. When `maxKeys` live counters are held, new keys share a few overflow counters: neither evicting others nor
 * flooding with ids is a way around a limit.
 */
export class MemoryLimitStore implements LimitStore {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #tats = new Map<string, number>();
  #sweeper: IterableIterator<[string, number]> = this.#tats.entries();
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
    const counted = requests.map((request) => ({ request, counter: this.#place(request.key, nowUs) }));
    return spendAll(
      counted,
      {
        read: (counter) => this.#tats.get(counter) ?? 0,
        write: (counter, tatUs) => this.#tats.set(counter, tatUs),
      },
      nowUs,
    );
  }

  close(): Promise<void> {
    this.#tats.clear();
    return Promise.resolve();
  }

  #place(key: LimitKey, nowUs: number): string {
    const counter = counterOf(key);
    if (this.#tats.has(counter)) return counter;
    this.#sweep(nowUs);
    if (this.#tats.size < this.#maxKeys) return counter;
    this.#overflowed += 1;
    return overflowCounterOf(counter, key.policy);
  }

  #sweep(nowUs: number): void {
    for (let step = 0; step < sweepStep; step += 1) {
      const next = this.#sweeper.next();
      if (next.done) {
        this.#sweeper = this.#tats.entries();
        return;
      }
      const [counter, tatUs] = next.value;
      if (tatUs + clockSlackUs <= nowUs) this.#tats.delete(counter);
    }
  }
}
