import type { Inspected } from './block.ts';

/**
 * Months that one block may touch: each is a part of its own in the database, and an insert of hundreds takes seconds.
 * Counted, not measured from the first to the last: one clock that is years off must not cut all others' blocks.
 */
export const maxMonths = 24;

/** Since year 0. */
const monthOf = (timeMs: number): number => {
  const time = new Date(timeMs);
  return time.getUTCFullYear() * 12 + time.getUTCMonth();
};

type Clean = Extract<Inspected, { kind: 'clean' }>;

/** At most, of a frame: one that spans more than its rows touch is told by {@link Clean.months}. */
export const monthsOf = ({ headers, months }: Pick<Clean, 'headers' | 'months'>): readonly number[] => {
  if (months) return months;
  const [first, last] = [monthOf(headers.minTimeMs), monthOf(headers.maxTimeMs)];
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
};

/** How many months lie between the first and the last row of a frame, both included. */
export const monthsSpanned = (minTimeMs: number, maxTimeMs: number): number =>
  monthOf(maxTimeMs) - monthOf(minTimeMs) + 1;

/** The months of these times. */
export const monthsOfTimes = (timesMs: readonly number[]): readonly number[] => [...new Set(timesMs.map(monthOf))];
