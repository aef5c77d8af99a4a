import type { DecisionSource } from '../decision/decision.ts';
import type { ApproximateStats } from '../limiter/approximate-book.ts';
import type { Latencies } from '../limiter/latency-tally.ts';
import type { LeaseStats } from '../limiter/lease-book.ts';
import type { BlockCheck } from './block-check.ts';

/** What a gate has done since it was made, and how it stands now. */
export interface GateStats {
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
  /** Decided without the primary store. */
  readonly degraded: number;
  /** Took longer than the deadline of the store. */
  readonly overDeadline: number;
  /** Decisions by who decided. */
  readonly bySource: Readonly<SourceCounts>;
  /** What calls of the store took within the last quarter to half minute. A store in memory is not timed. */
  readonly storeLatency: Latencies;
  /**
   * Store calls that the block list made unnecessary, and the bytes of those and of their answers: what the refused requests
   * would have cost, had each been asked about by itself. An upper bound.
   */
  readonly storeCommandsSaved: number;
  readonly storeBytesSaved: number;
  /** Calls of the block list that threw: requests were decided on without it. */
  readonly blockListFailures: number;
  /** Entries that let some requests through and are counted here now; those that were forgotten for lack of room. */
  readonly limitedEntries: number;
  readonly forgottenEntries: number;
  /** Decided by a limit's share in this process, while the store was away. */
  readonly fallback: number;
  /** Let through, or refused, because no counter could be asked and the policies say so. */
  readonly failedOpen: number;
  readonly failedClosed: number;
  /** Let through while an operator had the limits switched off. */
  readonly switchedOff: number;
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

export type SourceCounts = Record<DecisionSource, number>;

/** Nothing decided yet. */
export const sourceCounts = (): SourceCounts => ({
  store: 0,
  lease: 0,
  'deny-cache': 0,
  fallback: 0,
  'fail-open': 0,
  'fail-closed': 0,
  'block-list': 0,
  overflow: 0,
  'switched-off': 0,
});

type SourceStats = Pick<
  GateStats,
  'fallback' | 'failedOpen' | 'failedClosed' | 'switchedOff' | 'overflowed' | 'leased' | 'denyCached'
>;

export const sourceStats = (by: SourceCounts): SourceStats => ({
  fallback: by.fallback,
  failedOpen: by['fail-open'],
  failedClosed: by['fail-closed'],
  switchedOff: by['switched-off'],
  overflowed: by.overflow,
  leased: by.lease,
  denyCached: by['deny-cache'],
});

/** Without a block list there is nothing to tell. */
export const blockStats = (
  blocks: BlockCheck | null,
): Pick<GateStats, 'blockListFailures' | 'limitedEntries' | 'forgottenEntries'> => {
  const { failures = 0, limited = 0, forgotten = 0 } = blocks?.stats() ?? {};
  return { blockListFailures: failures, limitedEntries: limited, forgottenEntries: forgotten };
};
