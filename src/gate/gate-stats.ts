import type { ApproximateStats } from '../limiter/approximate-book.ts';
import type { LeaseStats } from '../limiter/lease-book.ts';

/** What a gate has done since it was made, and how it stands now. */
export interface GateStats {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  /** Decided without the primary store. */
  readonly degraded: number;
  /** Store calls that the block list made unnecessary. */
  readonly storeCommandsSaved: number;
  /** Decided by a limit's share in this process, while the store was away. */
  readonly fallback: number;
  /** Let through, or refused, because no counter could be asked and the policies say so. */
  readonly failedOpen: number;
  readonly failedClosed: number;
  /** Decided by a counter that several clients share, for lack of room. */
  readonly overflowed: number;
  /** Decided from units that had been taken in advance, and by a denial that was remembered. */
  readonly leased: number;
  readonly denyCached: number;
  /** Counters and units lent to this process now; units ever lent, and given back unspent. */
  readonly leases: LeaseStats;
  /** Counters that are counted approximately here; units spent on them that the store may never have counted. */
  readonly approximate: ApproximateStats;
  /** Units, leases and places that could not be given back: limits are stricter by them, never weaker. */
  readonly lostReturns: number;
  /** Whether the store is being left alone after failures. */
  readonly storeOpen: boolean;
  /** Gates that share the limits, as last known. */
  readonly liveGates: number;
  /** Requests whose derived route was folded into `~other`. */
  readonly foldedRoutes: number;
  readonly policyVersion: string;
}
