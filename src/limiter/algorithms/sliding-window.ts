import type { LimitTerms } from '../limit-store.ts';
import type { Arithmetic, Counter } from './counter.ts';

/** Cell 0: when the current window began. Cell 1: units taken in it. Cell 2: units taken in the one before. */
const currentAt = (at: number): number => at + 1;
const previousAt = (at: number): number => at + 2;

/** Of the window before, what still lies within one window's length from now, if its units came evenly. Rounded up. */
const weighted = (units: number, { periodUs }: LimitTerms, elapsedUs: number): number =>
  Math.ceil(units * ((periodUs - elapsedUs) / periodUs));

const usedUnits = ({ cells, at }: Counter, terms: LimitTerms, nowUs: number): number =>
  (cells[currentAt(at)] ?? 0) + weighted(cells[previousAt(at)] ?? 0, terms, nowUs - (cells[at] ?? 0));

/** The least elapsed time of a window at which no more than `room` units of the window before still count. */
const elapsedUntil = (units: number, room: number, terms: LimitTerms): number => {
  if (units <= room) return 0;
  let elapsedUs = Math.ceil(terms.periodUs * (1 - room / units));
  // Fractions are rounded: a microsecond either way is found by looking.
  while (elapsedUs > 0 && weighted(units, terms, elapsedUs - 1) <= room) elapsedUs -= 1;
  while (elapsedUs < terms.periodUs && weighted(units, terms, elapsedUs) > room) elapsedUs += 1;
  return elapsedUs;
};

/**
 * Two windows aligned to the epoch, of which the one before counts by how much of it is less than a window ago. Source: the
 * approximation described by Cloudflare, "How we built rate limiting capable of scaling to millions of domains", 2017.
 *
 * Bound: any interval of length t admits at most `capacity + capacity * t / periodUs` units, and one aligned window at most
 * `capacity`.
 */
export const slidingWindow: Arithmetic = {
  width: 3,
  settle({ cells, at }, { periodUs }, nowUs) {
    const startUs = nowUs - (nowUs % periodUs);
    const storedUs = cells[at] ?? 0;
    if (storedUs < startUs) {
      cells[previousAt(at)] = storedUs === startUs - periodUs ? (cells[currentAt(at)] ?? 0) : 0;
      cells[currentAt(at)] = 0;
    }
    cells[at] = startUs;
    return storedUs > startUs;
  },
  fits: (counter, { terms, cost }, nowUs) => usedUnits(counter, terms, nowUs) + cost <= terms.capacity,
  take({ cells, at }, { cost }) {
    cells[currentAt(at)] = (cells[currentAt(at)] ?? 0) + cost;
  },
  undo({ cells, at }, { cost }) {
    cells[currentAt(at)] = (cells[currentAt(at)] ?? 0) - cost;
  },
  empty(counter, terms, nowUs) {
    const { cells, at } = counter;
    const missing = terms.capacity - usedUnits(counter, terms, nowUs);
    cells[currentAt(at)] = (cells[currentAt(at)] ?? 0) + Math.max(0, missing);
  },
  giveBack({ cells, at }, { terms, cost, spentAtUs }) {
    const startUs = cells[at] ?? 0;
    if (spentAtUs < startUs - terms.periodUs) return;
    const cell = spentAtUs < startUs ? previousAt(at) : currentAt(at);
    cells[cell] = Math.max(0, (cells[cell] ?? 0) - cost);
  },
  remaining: (counter, terms, nowUs) => Math.max(0, terms.capacity - usedUnits(counter, terms, nowUs)),
  resetAfterUs({ cells, at }, { periodUs }, nowUs) {
    if ((cells[currentAt(at)] ?? 0) > 0) return (cells[at] ?? 0) + 2 * periodUs - nowUs;
    return (cells[previousAt(at)] ?? 0) > 0 ? (cells[at] ?? 0) + periodUs - nowUs : 0;
  },
  retryAfterUs({ cells, at }, { terms, cost }, nowUs) {
    const { capacity, periodUs } = terms;
    if (cost > capacity) return null;
    const elapsedUs = nowUs - (cells[at] ?? 0);
    const current = cells[currentAt(at)] ?? 0;
    const room = capacity - cost - current;
    if (room >= 0) return elapsedUntil(cells[previousAt(at)] ?? 0, room, terms) - elapsedUs;
    return periodUs - elapsedUs + elapsedUntil(current, capacity - cost, terms);
  },
  endsAtUs({ cells, at }, { periodUs }) {
    if ((cells[currentAt(at)] ?? 0) > 0) return (cells[at] ?? 0) + 2 * periodUs;
    return (cells[previousAt(at)] ?? 0) > 0 ? (cells[at] ?? 0) + periodUs : 0;
  },
};
