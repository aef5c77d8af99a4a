import type { Status } from '../app/api-types.ts';
import { nothing, type OutcomeName, type OutcomePoint } from './outcome-points.ts';

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

/**
 * Samples as rates per second in slots of one width: they are of unlike length, for a poll is early or late. What a sample
 * counted is spread evenly over its time; a slot that is not over yet is as high as what is known of it.
 */
export const inSlots = (samples: readonly Sample[], slotMs: number): readonly OutcomePoint[] => {
  const slots = new Map<number, OutcomePoint & { readonly knownMs: number }>();
  for (const { atMs, spanMs, ...counts } of samples) {
    const endMs = atMs + spanMs;
    for (let slotAtMs = Math.floor(atMs / slotMs) * slotMs; slotAtMs < endMs; slotAtMs += slotMs) {
      const overlapMs = Math.min(endMs, slotAtMs + slotMs) - Math.max(atMs, slotAtMs);
      const slot = slots.get(slotAtMs) ?? { ...nothing, atMs: slotAtMs, knownMs: 0 };
      const part = (name: OutcomeName): number => slot[name] + (counts[name] * overlapMs) / spanMs;
      slots.set(slotAtMs, {
        atMs: slotAtMs,
        knownMs: slot.knownMs + overlapMs,
        ...{ allowed: part('allowed'), denied: part('denied'), blocked: part('blocked'), degraded: part('degraded') },
      });
    }
  }
  return [...slots.values()].map(({ atMs, knownMs, ...counts }) => {
    const rate = (name: OutcomeName): number => (counts[name] * 1000) / knownMs;
    return {
      atMs,
      allowed: rate('allowed'),
      denied: rate('denied'),
      blocked: rate('blocked'),
      degraded: rate('degraded'),
    };
  });
};

/** What was not looked at for longer was not watched. */
const longestMs = 60_000;

/** How the counters of a process grew between two looks at them. One that starts again, or is looked at again, begins again. */
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
      if (counters.decisions < last.counters.decisions || atMs - last.atMs > longestMs) {
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
