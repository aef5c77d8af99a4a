/** A timer that has been armed and can still be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time and of delays. Everything that waits or stamps takes one, so that tests and replay move time
 * by hand.
 */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch, whole. */
  nowMs(): number;
  /** A counter that never goes back, microseconds, from an arbitrary start: for durations only. */
  monotonicUs(): number;
  /** Runs `task` once after `delayMs`. The timer does not keep the process alive. */
  schedule(delayMs: number, task: () => void): Timer;
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>;
}

/** Node refuses longer timers: it would fire them after 1 ms instead. */
const maxDelayMs = 2 ** 31 - 1;

/** The machine's clock. The one place where wall time is read. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicUs: () => Math.floor(performance.now() * 1000),
  schedule: (delayMs, task) => {
    const handle = setTimeout(task, Math.min(Math.max(0, delayMs), maxDelayMs));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (delayMs) =>
    new Promise((resolve) => {
      setTimeout(resolve, Math.min(Math.max(0, delayMs), maxDelayMs));
    }),
};

/** The machine's dice: 0 ≤ value < 1. Whatever draws lots takes such a function, so that tests can load it. */
export const systemRandom: () => number = Math.random;

interface Pending {
  atMs: number;
  order: number;
  task: () => void;
}

/** A clock that moves only when told to. Timers run in order of their due time, then of their arming. */
export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #pending: Pending[] = [];

  constructor(startMs = 1_750_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicUs(): number {
    return this.#nowMs * 1000;
  }

  schedule(delayMs: number, task: () => void): Timer {
    const entry: Pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, task };
    this.#pending.push(entry);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== entry);
      },
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(delayMs, resolve);
    });
  }

  /** Moves to an instant, running what falls due on the way. An earlier instant steps the clock back and runs nothing. */
  setMs(atMs: number): void {
    for (let next = this.#takeDue(atMs); next !== undefined; next = this.#takeDue(atMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.task();
    }
    this.#nowMs = atMs;
  }

  /** Moves forward by `byMs`. */
  advance(byMs: number): void {
    this.setMs(this.#nowMs + byMs);
  }

  #takeDue(atMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.atMs > atMs) continue;
      if (!first || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order)) first = entry;
    }
    if (first) this.#pending = this.#pending.filter((entry) => entry !== first);
    return first;
  }
}
