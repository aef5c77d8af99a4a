import type { Client } from '../client.ts';
import type { DecisionEvent } from '../event/decision-event.ts';
import type {
  DecisionTotals,
  DeniedClient,
  DeniedClientsQuery,
  ThrottleDimension,
  ThrottlePoint,
  TimeRange,
} from './decision-reader.ts';

/** Which decisions are meant. Every given part must hold, exactly as it is stored. */
export interface DecisionFilter {
  readonly tenant?: string;
  readonly route?: string;
  readonly region?: string;
  readonly policy?: string;
  /** Under all ids that it may be stored by, pseudonyms included. */
  readonly client?: Client;
}

export const groupings = ['tenant', 'route', 'region', 'policy', 'client'] as const;
export type Grouping = ThrottleDimension | 'client';

export interface RatesQuery extends TimeRange, DecisionFilter {
  /** `client` is answered from single rows, so for as long as those are kept: the clients that were denied most, as `ip:…`. */
  readonly by: Grouping;
  /** Whole minutes, 1 to 1,440. Default 1. */
  readonly stepMinutes?: number;
  /** The busiest groups only, 1 to 100. Default 20. */
  readonly groups?: number;
}

export interface OutcomesQuery extends TimeRange, DecisionFilter {
  /** Whole minutes, 1 to 1,440. Default 1. */
  readonly stepMinutes?: number;
}

export interface OutcomePoint extends DecisionTotals {
  /** Start of the step, milliseconds since the epoch. */
  readonly atMs: number;
  /** Of all these, decisions made without the primary store. */
  readonly degraded: number;
}

export interface NearLimitQuery extends TimeRange {
  /** At least this share of the limit was used, 0 to 1. Default 0.8. */
  readonly leastUsedShare?: number;
  /** 1 to 1,000. Default 20. */
  readonly limit?: number;
}

/** A client that a limit of its own let through with little left. */
export interface NearLimit {
  readonly client: Client;
  readonly route: string;
  readonly policy: string;
  /** Units per window. */
  readonly limit: number;
  /** Units left, at the worst moment. */
  readonly leastRemaining: number;
  /** What that moment had used of the limit, 0 to 1. */
  readonly usedShare: number;
  /** Decisions of this client by this policy on this route in the range. */
  readonly allowed: number;
  /** Above 0: it was throttled already. */
  readonly denied: number;
  readonly lastAtMs: number;
}

/** One minute, and what the limiter did in the three that end with it: a row of `throttle_spikes`. */
export interface Spike {
  readonly minuteMs: number;
  /** `all`, or what `value` names. */
  readonly dimension: 'all' | ThrottleDimension;
  readonly value: string;
  readonly allowed: number;
  readonly denied: number;
  /** 0 to 1, as the next two. */
  readonly throttleRate: number;
  readonly baselineRate: number;
  readonly spread: number;
  readonly baselineMinutes: number;
  /** Distance from the baseline, as a normal variable would stray; 4.5 is a spike. */
  readonly z: number;
  /** Denied in these three minutes; 0 by region. */
  readonly clients: number;
  readonly topClientShare: number;
  readonly earlyShare: number;
  readonly degradedShare: number;
  readonly newPolicyVersions: number;
  readonly cause: string;
}

export interface SpikesQuery extends TimeRange {
  /** 1 to 1,000, newest first. Default 200. */
  readonly limit?: number;
}

export interface ClientHistoryQuery extends TimeRange {
  readonly client: Client;
  readonly tenant?: string;
  /** Whole minutes, 1 to 1,440. Default 1. */
  readonly stepMinutes?: number;
}

/** Decisions that have one thing in common. */
export interface NamedTotals extends DecisionTotals {
  readonly name: string;
}

/** All that is stored of one client in a range of time, without the rows in which it is the address beside another one. */
export interface ClientHistory {
  /** In order of time; steps without a decision are left out. */
  readonly points: readonly OutcomePoint[];
  /** Most decisions first, at most 50 of each. */
  readonly routes: readonly NamedTotals[];
  readonly policies: readonly NamedTotals[];
  /** Those beside it; of an address none. */
  readonly addresses: readonly NamedTotals[];
  readonly tenants: readonly NamedTotals[];
  /** Null: nothing in the range. */
  readonly firstSeenAtMs: number | null;
  readonly lastSeenAtMs: number | null;
}

export interface DecisionsAroundQuery {
  readonly client: Client;
  readonly tenant?: string;
  readonly route?: string;
  readonly atMs: number;
  /** How far before and after it, milliseconds, at most 6 h. Default 15 min. */
  readonly reachMs?: number;
}

type StoredFacts = Pick<
  DecisionEvent,
  | 'route'
  | 'method'
  | 'tenant'
  | 'region'
  | 'outcome'
  | 'source'
  | 'policy'
  | 'policyVersion'
  | 'scope'
  | 'limit'
  | 'remaining'
  | 'degraded'
  | 'count'
>;

/** One stored row: one or more decisions that agree in all of it. Of a blocked one `policyVersion` is the id of the block. */
export interface StoredDecision extends StoredFacts {
  readonly atMs: number;
  /** False: who was asked about is the address beside another client. */
  readonly isOwn: boolean;
}

/**
 * What people ask of the stored decisions while they look for a reason. Every question has a bound on its time, on what it
 * reads and on its answer: over it, it rejects with QUERY_TOO_EXPENSIVE; TABLE_BUSY where too many are asked at once; else
 * TABLE_FAILED, and INPUT_INVALID for a question without a bound. All ranges are taken in whole minutes, or in whole hours
 * where steps are: the first one may begin before fromMs.
 */
export interface DecisionQuestions {
  /** In order of time, then group; at most 20,000 points. */
  throttleRates(query: RatesQuery): Promise<readonly ThrottlePoint[]>;
  /** In order of time; at most 20,000. */
  outcomes(query: OutcomesQuery): Promise<readonly OutcomePoint[]>;
  /** Most denied first. */
  offenders(query: DeniedClientsQuery): Promise<readonly DeniedClient[]>;
  /**
   * Newest first. Looks at single rows, over at most 6 h. It cannot see how a limit has refilled since, nor anybody whose
   * deciding limit is not keyed by the client: of several limits an allowed decision names the one with the least share left.
   */
  nearLimit(query: NearLimitQuery): Promise<readonly NearLimit[]>;
  /** Over at most 24 h. */
  spikes(query: SpikesQuery): Promise<readonly Spike[]>;
  clientHistory(query: ClientHistoryQuery): Promise<ClientHistory>;
  /** Newest first: of the refused and of the allowed ones the 50 that are nearest to the instant. */
  decisionsAround(query: DecisionsAroundQuery): Promise<readonly StoredDecision[]>;
}
