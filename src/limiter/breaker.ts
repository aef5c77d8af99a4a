import type { Clock } from '../clock.ts';

export interface BreakerOptions {
  readonly clock: Clock;
  /** 0 ≤ random() < 1: spreads the probes of many gates. */
  readonly random: () => number;
  /** Failures in a row that open it. Default 3. */
  readonly failures?: number;
  /** They must fall within this time. Default 1,000. */
  readonly withinMs?: number;
  /** Until a probe is let through, milliseconds; half of it is jitter. Default 1,000. */
  readonly probeAfterMs?: number;
}

/** Stops asking a store that fails, and lets one call at a time through to see whether it is back. */
export class Breaker {
  readonly #options: Required<BreakerOptions>;
  #streak = 0;
  #streakStartedAtMs = 0;
  #probeAtMs: number | null = null;

  constructor({ clock, random, failures = 3, withinMs = 1000, probeAfterMs = 1000 }: BreakerOptions) {
    this.#options = { clock, random, failures, withinMs, probeAfterMs };
  }

  get isOpen(): boolean {
    return this.#probeAtMs !== null;
  }

  /** Whether to ask the store now. While open, true once per probe interval. */
  admits(): boolean {
    if (this.#probeAtMs === null) return true;
    if (this.#options.clock.nowMs() < this.#probeAtMs) return false;
    this.#arm();
    return true;
  }

  succeeded(): void {
    this.#streak = 0;
    this.#probeAtMs = null;
  }

  failed(): void {
    const { clock, failures, withinMs } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#streak === 0 || nowMs - this.#streakStartedAtMs > withinMs) {
      this.#streak = 0;
      this.#streakStartedAtMs = nowMs;
    }
    this.#streak += 1;
    if (this.#streak >= failures && this.#probeAtMs === null) this.#arm();
  }

  #arm(): void {
    const { clock, random, probeAfterMs } = this.#options;
    this.#probeAtMs = clock.nowMs() + probeAfterMs * (0.5 + 0.5 * random());
  }
}
