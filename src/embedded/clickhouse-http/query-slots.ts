import type { Clock } from '../../clock.ts';
import { exception } from './exception.ts';

export interface QuerySlotsOptions {
  readonly clock: Clock;
  /** Queries that run at a time. */
  readonly running: number;
  /** Queries that wait for one to end. */
  readonly waiting: number;
  /** How long one waits. */
  readonly waitMs: number;
}

interface Waiter {
  start(): void;
}

/** Lets so many queries run and so many wait: the engine computes on the threads that the rest of the process needs too. */
export class QuerySlots {
  readonly #options: QuerySlotsOptions;
  readonly #waiters = new Set<Waiter>();
  #running = 0;
  #refused = 0;

  constructor(options: QuerySlotsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when a query may run, to what has to be called once it is over.
   *
   * @throws Exception TOO_MANY_SIMULTANEOUS_QUERIES when too many wait already, or this one waited too long.
   */
  take(): Promise<() => void> {
    if (this.#running < this.#options.running) {
      this.#running += 1;
      return Promise.resolve(() => this.#free());
    }
    if (this.#waiters.size >= this.#options.waiting) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          timer.cancel();
          resolve(() => this.#free());
        },
      };
      const timer = this.#options.clock.schedule(this.#options.waitMs, () => {
        this.#waiters.delete(waiter);
        reject(this.#refusal());
      });
      this.#waiters.add(waiter);
    });
  }

  stats(): { readonly running: number; readonly waiting: number; readonly refused: number } {
    return { running: this.#running, waiting: this.#waiters.size, refused: this.#refused };
  }

  #free(): void {
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiters.delete(next);
    next.start();
  }

  #refusal(): Error {
    this.#refused += 1;
    return exception(
      'TOO_MANY_SIMULTANEOUS_QUERIES',
      `Too many simultaneous queries. Maximum: ${this.#options.running}`,
    );
  }
}
