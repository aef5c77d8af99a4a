import { TidegateError } from '../errors.ts';

export interface SlotsOptions {
  /** How many run at once, >= 1. */
  readonly atOnce: number;
  /** How many wait for their turn; one more is turned away. */
  readonly waiting: number;
}

/** Lets so much work run at once, in the order in which it came. */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #queue: (() => void)[] = [];
  #running = 0;
  #refused = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  /** Rejects with TABLE_BUSY where too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      // A turn is handed on, so that nobody who comes now takes it first.
      if (next) next();
      else this.#running -= 1;
    }
  }

  stats(): { readonly running: number; readonly waiting: number; readonly refused: number } {
    return { running: this.#running, waiting: this.#queue.length, refused: this.#refused };
  }

  #turn(): Promise<void> {
    const { atOnce, waiting } = this.#options;
    if (this.#running < atOnce) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#queue.length < waiting) return new Promise((resolve) => this.#queue.push(resolve));
    this.#refused += 1;
    const message = `${waiting} questions to the analytics database are waiting already`;
    return Promise.reject(new TidegateError('TABLE_BUSY', message, { retryable: true }));
  }
}
