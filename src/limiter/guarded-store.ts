import type { Clock } from '../clock.ts';
import type { DegradedReason } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import { Breaker } from './breaker.ts';
import type { LimitRequest, LimitStore, SpendResult } from './limit-store.ts';

/** The store's answer, or why there is none. */
export type GuardedSpend = { readonly result: SpendResult } | { readonly degraded: DegradedReason };

export interface GuardedStoreOptions {
  readonly store: LimitStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** How long one spend may take, milliseconds. Default 20. */
  readonly deadlineMs?: number;
}

const reasonOf = (error: unknown): DegradedReason =>
  error instanceof TidegateError && error.code === 'STORE_TIMEOUT' ? 'timeout' : 'error';

/**
 * A store that answers within a deadline or not at all: a slow or failing one is given up for this decision, and left
 * alone for a while after three failures in a row. A call that was given up may still count: it is never repeated.
 */
export class GuardedStore {
  readonly #options: GuardedStoreOptions;
  readonly #breaker: Breaker;

  constructor(options: GuardedStoreOptions) {
    this.#options = options;
    this.#breaker = new Breaker({ clock: options.clock, random: options.random });
  }

  get isOpen(): boolean {
    return this.#breaker.isOpen;
  }

  spend(requests: readonly LimitRequest[]): GuardedSpend | Promise<GuardedSpend> {
    if (!this.#breaker.admits()) return { degraded: 'breaker-open' };
    try {
      const result = this.#options.store.spend(requests);
      if (!(result instanceof Promise)) return this.#answered(result);
      return this.#within(result);
    } catch (error) {
      return this.#failed(reasonOf(error));
    }
  }

  #within(pending: Promise<SpendResult>): Promise<GuardedSpend> {
    const { clock, deadlineMs = 20 } = this.#options;
    return new Promise((resolve) => {
      let open = true;
      const settle = (settled: () => GuardedSpend): void => {
        if (!open) return;
        open = false;
        deadline.cancel();
        resolve(settled());
      };
      const deadline = clock.schedule(deadlineMs, () => settle(() => this.#failed('timeout')));
      pending.then(
        (result) => settle(() => this.#answered(result)),
        (error: unknown) => settle(() => this.#failed(reasonOf(error))),
      );
    });
  }

  #answered(result: SpendResult): GuardedSpend {
    this.#breaker.succeeded();
    return { result };
  }

  #failed(degraded: DegradedReason): GuardedSpend {
    this.#breaker.failed();
    return { degraded };
  }
}
