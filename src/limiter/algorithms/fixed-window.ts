import type { Arithmetic } from './counter.ts';

/** Cell 0: when the window began. Cell 1: units taken in it. */
const usedAt = (at: number): number => at + 1;

/**
 * A counter per window, aligned to the epoch.
 *
 * Bound: a window admits at most `capacity` units; an interval no longer than a window, which may touch two of them, at
 * most twice as many.
 */
export const fixedWindow: Arithmetic = {
  width: 2,
  settle({ cells, at }, { periodUs }, nowUs) {
    const startUs = nowUs - (nowUs % periodUs);
    const storedUs = cells[at] ?? 0;
    // A window that begins later was written by a clock that ran ahead: its units count now, and no longer than this window.
    if (storedUs < startUs) cells[usedAt(at)] = 0;
    cells[at] = startUs;
    return storedUs > startUs;
  },
  fits: ({ cells, at }, { terms, cost }) => (cells[usedAt(at)] ?? 0) + cost <= terms.capacity,
  take({ cells, at }, { cost }) {
    cells[usedAt(at)] = (cells[usedAt(at)] ?? 0) + cost;
  },
  undo({ cells, at }, { cost }) {
    cells[usedAt(at)] = (cells[usedAt(at)] ?? 0) - cost;
  },
  empty({ cells, at }, { capacity }) {
    cells[usedAt(at)] = Math.max(cells[usedAt(at)] ?? 0, capacity);
  },
  giveBack({ cells, at }, { cost, spentAtUs }) {
    if (spentAtUs < (cells[at] ?? 0)) return;
    cells[usedAt(at)] = Math.max(0, (cells[usedAt(at)] ?? 0) - cost);
  },
  remaining: ({ cells, at }, { capacity }) => Math.max(0, capacity - (cells[usedAt(at)] ?? 0)),
  resetAfterUs: ({ cells, at }, { periodUs }, nowUs) =>
    (cells[usedAt(at)] ?? 0) === 0 ? 0 : (cells[at] ?? 0) + periodUs - nowUs,
  retryAfterUs: ({ cells, at }, { terms, cost }, nowUs) =>
    cost > terms.capacity ? null : (cells[at] ?? 0) + terms.periodUs - nowUs,
  endsAtUs: ({ cells, at }, { periodUs }) => ((cells[usedAt(at)] ?? 0) === 0 ? 0 : (cells[at] ?? 0) + periodUs),
};
