import { networkOf } from '../address.ts';
import type { Clock } from '../clock.ts';

/** Bad tokens from one address: so many at once, and one more every so often. */
const burst = 30;
const periodMs = 2000;
const maxAddresses = 10_000;

/**
 * Counts bad tokens by the address they came from (IPv6: the /64), so that a flood of them asks nobody else. A bucket as
 * limits have them: one number for each address, the instant at which it is whole again.
 */
export class FailedAttempts {
  readonly #clock: Clock;
  /** By address, the one that failed longest ago first. */
  readonly #wholeAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether so many came from there that nobody else is asked about one more. */
  isSuspect(address: string): boolean {
    const wholeAtMs = this.#wholeAtMs.get(keyOf(address)) ?? 0;
    return wholeAtMs > this.#clock.nowMs() + (burst - 1) * periodMs;
  }

  /** True for the first in a while: the log hears of that one. */
  count(address: string): boolean {
    const key = keyOf(address);
    const nowMs = this.#clock.nowMs();
    const before = Math.max(nowMs, this.#wholeAtMs.get(key) ?? 0);
    this.#wholeAtMs.delete(key);
    this.#wholeAtMs.set(key, Math.min(before + periodMs, nowMs + burst * periodMs));
    const [oldest] = this.#wholeAtMs.keys();
    if (this.#wholeAtMs.size > maxAddresses && oldest !== undefined) this.#wholeAtMs.delete(oldest);
    return before === nowMs;
  }
}

const keyOf = (address: string): string => networkOf(address) ?? '';
