import type { Counter } from '../../src/limiter/algorithms/counter.ts';
import type { LimitRequest, LimitReturn, LimitStore, Spend, SpendResult } from '../../src/limiter/limit-store.ts';
import { giveBackTo, spendAll } from '../../src/limiter/spend.ts';

/**
 * The plain arithmetic with a map around it, and nothing else: what every other store is compared with. Forgets nothing,
 * bounds nothing.
 */
export class ReferenceLimitStore implements LimitStore {
  readonly immediate = true;
  readonly #counters = new Map<string, Counter>();
  readonly #nowUs: () => number;

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  spend(spends: readonly Spend[]): SpendResult[] {
    return spends.map((spend) => {
      const counters = spend.map((request) => this.#counterOf(request));
      return spendAll(spend, counters, this.#nowUs());
    });
  }

  giveBack(returns: readonly LimitReturn[]): void {
    for (const given of returns) giveBackTo(this.#counterOf(given), given, this.#nowUs());
  }

  close(): Promise<void> {
    this.#counters.clear();
    return Promise.resolve();
  }

  #counterOf({ key, terms }: Pick<LimitRequest, 'key' | 'terms'>): Counter {
    const name = JSON.stringify([terms.algorithm, Object.entries(key).sort()]);
    const known = this.#counters.get(name);
    if (known) return known;
    const made: Counter = { cells: new Float64Array(3), at: 0, places: null, grants: null };
    this.#counters.set(name, made);
    return made;
  }
}
