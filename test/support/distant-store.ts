import type { Clock } from '../../src/clock.ts';
import { TidegateError } from '../../src/errors.ts';
import type { LimitReturn, LimitStore, Spend, SpendResult } from '../../src/limiter/limit-store.ts';

/** How one call travels. */
export interface Journey {
  readonly toMs: number;
  readonly backMs: number;
  /** `request`: it never arrives. `answer`: it is done, and nobody learns of it. */
  readonly lost?: 'request' | 'answer';
}

export interface DistantStoreOptions {
  /** What answers at once when a call has arrived. */
  readonly store: LimitStore;
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

  async spend(spends: readonly Spend[]): Promise<readonly SpendResult[]> {
    return this.#travel(() => this.#options.store.spend(spends));
  }

  async giveBack(returns: readonly LimitReturn[]): Promise<void> {
    return this.#travel(() => this.#options.store.giveBack(returns));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #travel<Answer>(work: () => Answer): Promise<Answer> {
    const { clock, journey } = this.#options;
    const { toMs, backMs, lost } = journey();
    this.calls += 1;
    return new Promise((resolve, reject) => {
      clock.schedule(toMs, () => {
        const answer = lost === 'request' ? null : work();
        clock.schedule(backMs, () => {
          if (answer === null || lost === 'answer') reject(new TidegateError('STORE_TIMEOUT', 'nobody answers'));
          else resolve(answer);
        });
      });
    });
  }
}
