import type { Clock } from '../clock.ts';
import type { Sample } from '../metrics/sample.ts';
import type { SampleWindow } from './definition.ts';

export interface HeldSamplesOptions {
  readonly clock: Clock;
  /** Older samples go, milliseconds. Default one hour. */
  readonly keepMs?: number;
  /** Beyond it the oldest go and are counted. Default 200,000: about 5 MB. */
  readonly maxSamples?: number;
}

export interface HeldSamplesStats {
  readonly held: number;
  readonly series: number;
  /** Gone before their time, for lack of room. */
  readonly dropped: number;
  /** Not held: of a time that is over, or of one that is not there yet. */
  readonly untimely: number;
}

/** What a process whose clock is ahead says is still of use; what one says whose clock is wrong would stay for ever. */
const maxAheadMs = 300_000;
const pruneEveryMs = 30_000;
/** Of the time held, in what steps room is made. */
const steps = 16;

/** What tells one series from another, said once, and its points in order of time. */
class Series {
  readonly told: Omit<Sample, 'atMs' | 'value'>;
  #times: number[] = [];
  #values: number[] = [];

  constructor({ process, command, region, figure, labels }: Sample) {
    this.told = { process, command, region, figure, labels };
  }

  get size(): number {
    return this.#times.length;
  }

  get oldestMs(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** False: there is one of that instant already, which stays. */
  add(atMs: number, value: number): boolean {
    const at = this.#placeOf(atMs);
    if (this.#times[at - 1] === atMs) return false;
    this.#times.splice(at, 0, atMs);
    this.#values.splice(at, 0, value);
    return true;
  }

  /** How many went. */
  dropBefore(sinceMs: number): number {
    const count = this.#times.findIndex((atMs) => atMs >= sinceMs);
    const gone = count === -1 ? this.size : count;
    this.#times = this.#times.slice(gone);
    this.#values = this.#values.slice(gone);
    return gone;
  }

  /** How many went. */
  dropAfter(untilMs: number): number {
    const kept = this.#placeOf(untilMs);
    const gone = this.size - kept;
    this.#times = this.#times.slice(0, kept);
    this.#values = this.#values.slice(0, kept);
    return gone;
  }

  *since(sinceMs: number): Generator<Sample> {
    for (const [index, atMs] of this.#times.entries()) {
      if (atMs >= sinceMs) yield { ...this.told, atMs, value: this.#values[index] ?? 0 };
    }
  }

  /** Behind all that are not later: almost always the end. */
  #placeOf(atMs: number): number {
    let at = this.#times.length;
    while (at > 0 && (this.#times[at - 1] ?? 0) > atMs) at -= 1;
    return at;
  }
}

const keyOf = ({ process, labels }: Sample): string => JSON.stringify([process, Object.entries(labels).sort()]);

/** What processes told within the last hour, in bounded memory. Of two samples of one series and instant the first stays. */
export class HeldSamples implements SampleWindow {
  readonly #clock: Clock;
  readonly #keepMs: number;
  readonly #maxSamples: number;
  readonly #figures = new Map<string, Map<string, Series>>();
  #held = 0;
  #dropped = 0;
  #untimely = 0;
  #newestAtMs: number | null = null;
  #prunedAtMs = 0;

  constructor({ clock, keepMs = 3_600_000, maxSamples = 200_000 }: HeldSamplesOptions) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#maxSamples = maxSamples;
  }

  add(samples: readonly Sample[]): void {
    const nowMs = this.#clock.nowMs();
    if (this.#newestAtMs !== null && this.#newestAtMs > nowMs + maxAheadMs) this.#forgetAfter(nowMs + maxAheadMs);
    for (const sample of samples) {
      const { atMs } = sample;
      if (atMs < nowMs - this.#keepMs || atMs > nowMs + maxAheadMs) {
        this.#untimely += 1;
        continue;
      }
      // By this clock: another one that is ahead must not hide for minutes that nobody tells anything any more.
      this.#newestAtMs = Math.max(this.#newestAtMs ?? 0, Math.min(atMs, nowMs));
      if (this.#seriesOf(sample).add(atMs, sample.value)) this.#held += 1;
    }
    if (Math.abs(nowMs - this.#prunedAtMs) >= pruneEveryMs) {
      this.#prunedAtMs = nowMs;
      this.#dropBefore(nowMs - this.#keepMs);
    }
    if (this.#held > this.#maxSamples) this.#makeRoom();
  }

  /** Those of `sinceMs` and later, the oldest first. */
  samples(figure: string, sinceMs: number): readonly Sample[] {
    const oldestMs = Math.max(sinceMs, this.#clock.nowMs() - this.#keepMs);
    const found: Sample[] = [];
    for (const series of this.#figures.get(figure)?.values() ?? []) found.push(...series.since(oldestMs));
    return found.sort((one, other) => one.atMs - other.atMs);
  }

  newestAtMs(): number | null {
    return this.#newestAtMs;
  }

  stats(): HeldSamplesStats {
    const series = [...this.#figures.values()].reduce((sum, { size }) => sum + size, 0);
    return { held: this.#held, series, dropped: this.#dropped, untimely: this.#untimely };
  }

  #seriesOf(sample: Sample): Series {
    const known = this.#figures.get(sample.figure) ?? new Map<string, Series>();
    this.#figures.set(sample.figure, known);
    const key = keyOf(sample);
    const series = known.get(key) ?? new Series(sample);
    known.set(key, series);
    return series;
  }

  #makeRoom(): void {
    while (this.#held > this.#maxSamples) {
      let oldestMs = Number.POSITIVE_INFINITY;
      for (const figure of this.#figures.values())
        for (const series of figure.values()) oldestMs = Math.min(oldestMs, series.oldestMs);
      this.#dropped += this.#dropBefore(oldestMs + Math.max(1, this.#keepMs / steps));
    }
  }

  /** The clock was set back: what was told by the wrong one would stand before everything that comes now. */
  #forgetAfter(untilMs: number): void {
    this.#newestAtMs = null;
    this.#untimely += this.#drop((series) => series.dropAfter(untilMs));
  }

  #dropBefore(sinceMs: number): number {
    return this.#drop((series) => series.dropBefore(sinceMs));
  }

  #drop(dropIn: (series: Series) => number): number {
    let gone = 0;
    for (const [name, figure] of this.#figures) {
      for (const [key, series] of figure) {
        gone += dropIn(series);
        if (series.size === 0) figure.delete(key);
      }
      if (figure.size === 0) this.#figures.delete(name);
    }
    this.#held -= gone;
    return gone;
  }
}
