import type { Arithmetic, Counter } from './counter.ts';
import { Places } from './places.ts';

/** Cell 0: units in flight. Cells 1 and 2: when the first and the last place expires; 0: there is none. */
const firstAt = (at: number): number => at + 1;
const lastAt = (at: number): number => at + 2;

/** Places come free when requests end, which no store knows: worth asking again then at the latest. */
const askAgainAfterUs = 1_000_000;

const summarise = ({ cells, at, places }: Counter): void => {
  cells[at] = places?.liveUnits ?? 0;
  cells[firstAt(at)] = places?.firstUs ?? 0;
  cells[lastAt(at)] = places?.lastUs ?? 0;
};

/**
 * Requests in flight. Each holds a place until it is released, or until its time is over: a process that died gives its
 * places back by that.
 *
 * Bound: at no instant do more than `capacity` units hold a place that is neither released nor expired.
 */
export const concurrency: Arithmetic = {
  width: 3,
  settle(counter, { periodUs }, nowUs) {
    // No place of these terms lasts longer: it was taken under others, or by a clock that ran ahead.
    const mended = counter.places?.cutShort(nowUs + periodUs) ?? null;
    if (mended) counter.places = mended;
    counter.places?.lookAt(nowUs);
    summarise(counter);
    return mended !== null;
  },
  fits: ({ cells, at }, { terms, cost }) => (cells[at] ?? 0) + cost <= terms.capacity,
  take(counter, { terms, cost, permit = '' }, nowUs) {
    if (cost === 0) return;
    counter.places ??= new Places();
    counter.places.add({ permit, expiresAtUs: nowUs + terms.periodUs, units: cost });
    summarise(counter);
  },
  undo(counter, { permit = '' }) {
    counter.places?.delete(permit);
    summarise(counter);
  },
  // Places belong to requests: nobody holds the ones that are missing.
  empty: () => undefined,
  giveBack(counter, { permit = '' }) {
    counter.places?.delete(permit);
    summarise(counter);
  },
  remaining: ({ cells, at }, { capacity }) => Math.max(0, capacity - (cells[at] ?? 0)),
  resetAfterUs: ({ cells, at }, _terms, nowUs) => Math.max(0, (cells[lastAt(at)] ?? 0) - nowUs),
  retryAfterUs({ cells, at }, { terms, cost }, nowUs) {
    if (cost > terms.capacity) return null;
    return Math.min(askAgainAfterUs, Math.max(1, (cells[firstAt(at)] ?? 0) - nowUs));
  },
  endsAtUs: ({ cells, at }) => cells[lastAt(at)] ?? 0,
  forgetExpired: ({ places }) => places?.dropExpired(),
};
