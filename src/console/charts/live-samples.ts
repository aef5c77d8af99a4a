import type { Status } from '../app/api-types.ts';
import type { OutcomePoint } from './outcome-points.ts';

export interface Sample extends OutcomePoint {
  /** How long it was. */
  readonly spanMs: number;
}

type Counters = Pick<Status['gate'], 'allowed' | 'denied' | 'blocked' | 'degraded' | 'decisions'>;

export interface LiveSamples {
  /** Takes what the counters say at an instant; the same instant twice is one. */
  add(atMs: number, counters: Counters): void;
  readonly all: readonly Sample[];
}

/** Each sample per second, for drawing samples of unlike length beside each other. */
export const perSecond = (samples: readonly Sample[]): readonly OutcomePoint[] =>
  samples.map(({ atMs, spanMs, allowed, denied, blocked, degraded }) => {
    const rate = (count: number): number => (count * 1000) / spanMs;
    return { atMs, allowed: rate(allowed), denied: rate(denied), blocked: rate(blocked), degraded: rate(degraded) };
  });

/** How the counters of a process grew between two looks at them. One that starts again begins again. */
export const createLiveSamples = (kept: number): LiveSamples => {
  let samples: readonly Sample[] = [];
  let before: { readonly atMs: number; readonly counters: Counters } | null = null;
  return {
    get all() {
      return samples;
    },
    add: (atMs, counters) => {
      const last = before;
      if (last !== null && atMs <= last.atMs) return;
      before = { atMs, counters };
      if (last === null) return;
      if (counters.decisions < last.counters.decisions) {
        samples = [];
        return;
      }
      const grown = (name: keyof Counters): number => counters[name] - last.counters[name];
      const sample = {
        atMs: last.atMs,
        spanMs: atMs - last.atMs,
        allowed: grown('allowed'),
        denied: grown('denied'),
        blocked: grown('blocked'),
        degraded: grown('degraded'),
      };
      samples = [...samples, sample].slice(-kept);
    },
  };
};
