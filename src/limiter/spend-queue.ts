import type { Spend } from './limit-store.ts';

/** Spends that leave together, and what waits for their answers. */
export interface Batch<Answer> {
  readonly spends: Spend[];
  readonly answered: ((answer: Answer) => void)[];
}

/**
 * Gathers the spends of one turn of the event loop. They leave when its callbacks have run, so that requests that arrived
 * together share a call and one that came alone waits for nobody.
 */
export class SpendQueue<Answer> {
  readonly #opened: (batch: Batch<Answer>) => void;
  readonly #leave: (batch: Batch<Answer>) => void;
  #batch: Batch<Answer> | null = null;

  /** `opened` is told of a batch with its first spend, `leave` when no more are coming. */
  constructor(opened: (batch: Batch<Answer>) => void, leave: (batch: Batch<Answer>) => void) {
    this.#opened = opened;
    this.#leave = leave;
  }

  add(spend: Spend): Promise<Answer> {
    return new Promise((resolve) => {
      const batch = this.#batch ?? this.#open();
      batch.spends.push(spend);
      batch.answered.push(resolve);
    });
  }

  #open(): Batch<Answer> {
    const batch: Batch<Answer> = { spends: [], answered: [] };
    this.#batch = batch;
    this.#opened(batch);
    setImmediate(() => {
      this.#batch = null;
      this.#leave(batch);
    });
    return batch;
  }
}
