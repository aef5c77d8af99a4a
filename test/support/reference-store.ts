import type { Clock } from '../../src/clock.ts';
import { TidegateError } from '../../src/errors.ts';
import { arithmeticOf } from '../../src/limiter/algorithms/arithmetic.ts';
import type { Counter } from '../../src/limiter/algorithms/counter.ts';
import type { LimitKey, LimitReturn, LimitStore, Spend, SpendResult } from '../../src/limiter/limit-store.ts';
import { spendAll } from '../../src/limiter/spend.ts';

/** The reference arithmetic as a store of its own, leases included: what a script of a server does, without a server. */
export class ReferenceStore {
  readonly #counters = new Map<string, Counter>();
  /** Told of every return when it takes effect. */
  onReturn: (given: LimitReturn, nowUs: number) => void = () => undefined;

  spend(spends: readonly Spend[], nowUs: number): SpendResult[] {
    return spends.map((spend) =>
      spendAll(
        spend,
        spend.map(({ key }) => this.#counterOf(key)),
        nowUs,
      ),
    );
  }

  giveBack(returns: readonly LimitReturn[], nowUs: number): void {
    for (const given of returns) {
      const counter = this.#counterOf(given.key);
      const arithmetic = arithmeticOf[given.terms.algorithm];
      arithmetic.settle(counter, given.terms, nowUs);
      arithmetic.giveBack(counter, given, nowUs);
      this.onReturn(given, nowUs);
    }
  }

  #counterOf(key: LimitKey): Counter {
    const name = JSON.stringify(Object.entries(key).sort());
    const known = this.#counters.get(name) ?? { cells: new Float64Array(3), at: 0, places: null, grants: null };
    this.#counters.set(name, known);
    return known;
  }
}

/** How one call travels. */
export interface Journey {
  readonly toMs: number;
  readonly backMs: number;
  /** `request`: it never arrives. `answer`: it is done, and nobody learns of it. */
  readonly lost?: 'request' | 'answer';
}

export interface DistantStoreOptions {
  readonly store: ReferenceStore;
  readonly clock: Clock;
  readonly journey: () => Journey;
}

/** A gate's way to a store that takes time, and loses calls now and then. Calls overtake each other. */
export class DistantStore implements LimitStore {
  readonly immediate = false;
  readonly #options: DistantStoreOptions;
  calls = 0;

  constructor(options: DistantStoreOptions) {
    this.#options = options;
  }

  spend(spends: readonly Spend[]): Promise<readonly SpendResult[]> {
    const { store } = this.#options;
    return this.#travel((nowUs) => store.spend(spends, nowUs));
  }

  giveBack(returns: readonly LimitReturn[]): Promise<void> {
    const { store } = this.#options;
    return this.#travel((nowUs) => store.giveBack(returns, nowUs));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #travel<Answer>(work: (nowUs: number) => Answer): Promise<Answer> {
    const { clock, journey } = this.#options;
    const { toMs, backMs, lost } = journey();
    this.calls += 1;
    return new Promise((resolve, reject) => {
      clock.schedule(toMs, () => {
        const answer = lost === 'request' ? null : work(clock.nowMs() * 1000);
        clock.schedule(backMs, () => {
          if (answer === null || lost === 'answer') reject(new TidegateError('STORE_TIMEOUT', 'nobody answers'));
          else resolve(answer as Answer);
        });
      });
    });
  }
}
