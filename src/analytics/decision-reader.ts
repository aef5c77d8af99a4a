import type { ClientKind } from '../client.ts';
import type { DecisionQuestions } from './decision-questions.ts';
import type { StoredChanges } from './stored-changes.ts';

/** Decisions by outcome. */
export interface DecisionTotals {
  /** allowed + denied + blocked. */
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
}

/** [fromMs, toMs), milliseconds since the epoch. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export const throttleDimensions = ['tenant', 'route', 'region', 'policy'] as const;
export type ThrottleDimension = (typeof throttleDimensions)[number];

export interface ThrottleQuery extends TimeRange {
  readonly by: ThrottleDimension;
  /** Width of a step, whole minutes, 1 to 1,440; see {@link wholeStep}. Default 1. */
  readonly stepMinutes?: number;
  /** The busiest groups only, 1 to 100. Default 20. */
  readonly groups?: number;
}

/** Steps of an hour and more are whole hours, answered from coarser tables: what is asked for, rounded up. */
export const wholeStep = (stepMinutes: number): number =>
  stepMinutes < 60 ? stepMinutes : Math.ceil(stepMinutes / 60) * 60;

export interface ThrottlePoint extends DecisionTotals {
  /** Start of the step, milliseconds since the epoch. */
  readonly atMs: number;
  /** Tenant, route, region or policy. */
  readonly group: string;
  /** Of what the limiter decided, the share it denied: 0 to 1. */
  readonly throttleRate: number;
}

export interface DeniedClientsQuery extends TimeRange {
  /** 1 to 1,000. Default 20. */
  readonly limit?: number;
}

export interface DeniedClient {
  readonly clientKind: ClientKind;
  readonly client: string;
  /** By the limiter, and by the block list. */
  readonly denied: number;
  readonly blocked: number;
  /** Of both, how many came before their retry time. */
  readonly early: number;
  /** Route templates on which it was denied; at most 20 are named. */
  readonly routes: readonly string[];
  readonly routeCount: number;
  readonly lastDeniedAtMs: number;
}

export interface LatencyQuery extends TimeRange {
  /** Default: over all decisions together. */
  readonly by?: ThrottleDimension;
  /** As in {@link ThrottleQuery}. Default: one step, the whole range. */
  readonly stepMinutes?: number;
  /** The busiest groups only, 1 to 100. Default 20. */
  readonly groups?: number;
}

/**
 * How long decisions took. Interpolated within buckets whose bounds are powers of two, so each value is off by less than a
 * factor of two, and mostly by a few percent.
 */
export interface LatencyPoint {
  /** Start of the step, milliseconds since the epoch. */
  readonly atMs: number;
  /** Tenant, route, region or policy; '' over all. */
  readonly group: string;
  /** Decisions whose latency is known. */
  readonly decisions: number;
  /** Microseconds. */
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
}

export interface Freshness {
  /** Time of the newest event stored, milliseconds since the epoch; null: there is none. */
  readonly newestEventAtMs: number | null;
  /** When the rows of the newest hour were last added to, to the second; null: there is none. */
  readonly newestStoredAtMs: number | null;
}

/** What people and the API ask of the stored decisions. Every question has a bound. Rejects with TABLE_FAILED. */
export interface DecisionReader {
  /** Σ count by outcome, over all rows or those of a time range. */
  totals(range?: TimeRange): Promise<DecisionTotals>;
  /**
   * In order of time, then group; at most 20,000 points. The range is taken in whole minutes, or in whole hours where
   * steps are: the first one may begin before fromMs.
   */
  throttleRates(query: ThrottleQuery): Promise<readonly ThrottlePoint[]>;
  /** Latencies, by the same rules. */
  latencies(query: LatencyQuery): Promise<readonly LatencyPoint[]>;
  /** Most denied first; whole minutes, the first one may begin before fromMs. */
  topDeniedClients(query: DeniedClientsQuery): Promise<readonly DeniedClient[]>;
  freshness(): Promise<Freshness>;
  /** What somebody may ask who sees these tenants alone; null: all. */
  within(tenants: readonly string[] | null): DecisionQuestions & StoredChanges;
}
