import type { Clock } from '../clock.ts';

export interface Latencies {
  /** Microseconds, to an eighth of a doubling; null: there was no call lately. */
  readonly p50Us: number | null;
  readonly p99Us: number | null;
}

/** What is told is of this long at least, and of twice as long at most. */
const stretchUs = 15_000_000;
const cellsPerDoubling = 8;
/** Up to two minutes; longer ones count as that. */
const cells = 27 * cellsPerDoubling;

const cellOf = (us: number): number =>
  us <= 1 ? 0 : Math.min(cells - 1, Math.round(Math.log2(us) * cellsPerDoubling));

/** How long calls took lately, in a few kilobytes, whatever their number. */
export class LatencyTally {
  readonly #clock: Clock;
  #now = new Uint32Array(cells);
  #before = new Uint32Array(cells);
  #sinceUs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceUs = clock.monotonicUs();
  }

  record(us: number): void {
    this.#turn();
    const cell = cellOf(us);
    this.#now[cell] = (this.#now[cell] ?? 0) + 1;
  }

  read(): Latencies {
    this.#turn();
    const counts = this.#now.map((count, cell) => count + (this.#before[cell] ?? 0));
    const calls = counts.reduce((sum, count) => sum + count, 0);
    return { p50Us: quantile(counts, calls, 0.5), p99Us: quantile(counts, calls, 0.99) };
  }

  #turn(): void {
    const nowUs = this.#clock.monotonicUs();
    const passedUs = nowUs - this.#sinceUs;
    if (passedUs < stretchUs) return;
    const isOld = passedUs >= 2 * stretchUs;
    [this.#before, this.#now] = [isOld ? new Uint32Array(cells) : this.#now, new Uint32Array(cells)];
    this.#sinceUs = nowUs;
  }
}

const quantile = (counts: Uint32Array, calls: number, share: number): number | null => {
  let left = calls * share;
  for (const [cell, count] of counts.entries()) {
    left -= count;
    if (count > 0 && left <= 0) return Math.round(2 ** (cell / cellsPerDoubling));
  }
  return null;
};
