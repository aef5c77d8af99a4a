const mostWaiting = 16;

/** One at a time, in the order they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #taken = 0;

  /** Null: too many wait already. */
  async take<T>(run: () => Promise<T>): Promise<T | null> {
    if (this.#taken > mostWaiting) return null;
    this.#taken += 1;
    const mine = this.#last.then(run);
    // Whoever comes next waits for the end of it, whatever that was.
    this.#last = mine.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await mine;
    } finally {
      this.#taken -= 1;
    }
  }
}
