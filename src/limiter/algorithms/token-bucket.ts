import type { LimitTerms } from '../limit-store.ts';
import type { Arithmetic, Counter, Draw, Grant } from './counter.ts';

/** How long a lease lasts by the store's clock. */
export const leaseLifetimeUs = 1_000_000;
/** Of what is left a lease takes this share at most, so that one process does not starve the others. */
const leaseShare = 0.25;
/** Fewer are not worth the bookkeeping. */
const leastLease = 4;
/** Leases that one bucket knows at the same time. */
const maxGrants = 128;

const outstanding = (grants: readonly Grant[]): number => grants.reduce((sum, { units }) => sum + units, 0);

/**
 * Leases that ran out took their units with them: spent, as far as anyone knows, in the last moment. One that would last
 * longer than a lease does was written by a clock that ran ahead: spent now. Answers what is still lent, units.
 */
const settleGrants = (counter: Counter, { periodUs }: LimitTerms, nowUs: number): number => {
  const { cells, at, grants } = counter;
  if (!grants || grants.length === 0) return 0;
  let lent = outstanding(grants);
  const live: Grant[] = [];
  for (const grant of grants) {
    const { id, units } = grant;
    if (id > nowUs && id <= nowUs + leaseLifetimeUs + maxGrants) {
      live.push(grant);
      continue;
    }
    cells[at] = Math.max(cells[at] ?? 0, Math.min(id, nowUs) + lent * periodUs);
    lent -= units;
  }
  counter.grants = live;
  return lent;
};

/**
 * A token bucket in one integer: the theoretical arrival time (TAT), the instant at which the bucket is full again.
 * Source: the generic cell rate algorithm, ITU-T Recommendation I.371, in its virtual-scheduling form.
 *
 * Bound: any interval of length t admits at most `capacity + t / periodUs` units, leases included: what is lent is
 * missing from the bucket until it is spent, given back or expired.
 */
export const tokenBucket: Arithmetic = {
  width: 1,
  settle(counter, terms, nowUs) {
    const { cells, at } = counter;
    const lent = settleGrants(counter, terms, nowUs);
    const fullUs = nowUs + Math.max(terms.capacity, lent) * terms.periodUs;
    const tatUs = cells[at] ?? 0;
    // What is lent is missing: the bucket is never fuller than its capacity less that.
    cells[at] = Math.min(Math.max(tatUs, nowUs + lent * terms.periodUs), fullUs);
    return tatUs > fullUs;
  },
  fits: ({ cells, at }, { terms, cost }, nowUs) => (cells[at] ?? 0) - nowUs <= (terms.capacity - cost) * terms.periodUs,
  take({ cells, at }, { terms, cost }) {
    cells[at] = (cells[at] ?? 0) + cost * terms.periodUs;
  },
  undo({ cells, at }, { terms, cost }) {
    cells[at] = (cells[at] ?? 0) - cost * terms.periodUs;
  },
  empty({ cells, at }, { capacity, periodUs }, nowUs) {
    cells[at] = Math.max(cells[at] ?? 0, nowUs + capacity * periodUs);
  },
  giveBack(counter, { terms, cost, lease }, nowUs) {
    const { cells, at, grants } = counter;
    const ended = lease === undefined ? -1 : (grants ?? []).findIndex(({ id }) => id === lease);
    // It is over already: what was unspent then counts as spent.
    if (lease !== undefined && ended < 0) return;
    const [grant] = ended >= 0 && grants ? grants.splice(ended, 1) : [];
    const units = grant ? Math.min(cost, grant.units) : cost;
    const leastUs = nowUs + outstanding(grants ?? []) * terms.periodUs;
    cells[at] = Math.max((cells[at] ?? 0) - units * terms.periodUs, leastUs);
  },
  remaining: ({ cells, at }, { capacity, periodUs }, nowUs) =>
    Math.max(0, Math.floor((capacity * periodUs - ((cells[at] ?? 0) - nowUs)) / periodUs)),
  resetAfterUs: ({ cells, at }, _terms, nowUs) => (cells[at] ?? 0) - nowUs,
  retryAfterUs: ({ cells, at }, { terms, cost }, nowUs) =>
    cost > terms.capacity ? null : (cells[at] ?? 0) - nowUs - (terms.capacity - cost) * terms.periodUs,
  endsAtUs({ cells, at, grants }, { periodUs }) {
    const last = grants?.at(-1);
    return Math.max(cells[at] ?? 0, last && grants ? last.id + outstanding(grants) * periodUs : 0);
  },
};

/** Sets units aside for the asking process, of a bucket that the draw itself has been taken from. Null: none to spare. */
export const grantLease = (counter: Counter, { terms, leaseUnits = 0 }: Draw, nowUs: number): Grant | null => {
  const { cells, at } = counter;
  const spare = Math.floor(tokenBucket.remaining(counter, terms, nowUs) * leaseShare);
  const units = Math.min(leaseUnits, spare);
  counter.grants ??= [];
  const { grants } = counter;
  if (units < leastLease || grants.length >= maxGrants) return null;
  const last = grants.at(-1)?.id ?? 0;
  // Ids tell leases of the same microsecond apart.
  const id = Math.max(nowUs + leaseLifetimeUs, last + 1);
  cells[at] = (cells[at] ?? 0) + units * terms.periodUs;
  grants.push({ id, units });
  return { id, units };
};
