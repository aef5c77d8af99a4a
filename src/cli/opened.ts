type Close = () => Promise<void> | void;

/** What has been opened so far. Closing goes backwards, and a failure on the way stops none of the rest. */
export class Opened {
  #closers: Close[] = [];

  /** Remembers how to close `value` and gives it back. */
  add<T>(value: T, close: (value: T) => Promise<void> | void): T {
    this.#closers.push(() => close(value));
    return value;
  }

  /** Closes everything once; a second call does nothing. Rejects with the first failure, after the last close. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Runs `open`; when it fails half-way, what it had opened by then is closed before its error goes on. */
export const openingAll = async <T>(open: (opened: Opened) => Promise<T>): Promise<T> => {
  const opened = new Opened();
  try {
    return await open(opened);
  } catch (error) {
    // The first failure is the one to report; those that follow from it would hide it.
    await opened.close().catch(() => undefined);
    throw error;
  }
};
