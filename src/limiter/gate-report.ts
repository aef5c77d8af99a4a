/** How a gate is doing, in its own words. */
export interface GateReport {
  readonly region: string;
  /** What the gate runs in; `up` and `serve` are tidegate's own processes. */
  readonly service: string;
  /** Of tidegate. */
  readonly version: string;
  readonly policyVersion: string;
  readonly startedAtMs: number;
  /** Decisions since it started, and of these those that were denied, blocked, or taken without the primary store. */
  readonly decisions: number;
  readonly denied: number;
  readonly blocked: number;
  readonly degraded: number;
  /** Of the decisions since the beat before: 0 to 1. */
  readonly degradedShare: number;
  /** Since its block list was last known to be complete; null: it never was, or the gate has none. */
  readonly blockListAgeMs: number | null;
  readonly blockListEntries: number;
  /** Decisions whose events wait to be sent, and those that were given up. */
  readonly eventsWaiting: number;
  readonly eventsLost: number;
  /** Not told by gates of earlier releases. */
  readonly health?: GateHealth;
}

/** What a gate says for alerts and dashboards, beside the rest. */
export interface GateHealth {
  /** Decisions since it started, by who decided; those that are 0 may be left out. */
  readonly bySource: Readonly<Record<string, number>>;
  /** Decisions since it started that took longer than the store's deadline. */
  readonly overDeadline: number;
  /** What its store took for a call within the last half minute, microseconds; null: there was none. */
  readonly storeP50Us: number | null;
  readonly storeP99Us: number | null;
  /** Whether it leaves its store alone because it failed. */
  readonly isStoreOpen: boolean;
}

/** What a gate last said of itself. */
export interface GateBeat extends GateReport {
  readonly gateId: string;
  readonly lastBeatAtMs: number;
  /** The times of both are the store's: what has passed since the beat when it was asked. */
  readonly beatAgeMs: number;
}

/**
 * How long a gate counts as alive after a beat. One that misses a few is still counted: too many gates make local shares
 * smaller, which is the safe side. Half of it is a reason to look.
 */
export const aliveMs = 5000;
const listTooOldMs = 5000;

/** Whether a person should look at this gate: it decides without its store, its list is old, or it loses events. */
export const isDegraded = ({ degradedShare, blockListAgeMs, eventsLost, beatAgeMs }: GateBeat): boolean =>
  degradedShare > 0 || (blockListAgeMs ?? 0) > listTooOldMs || eventsLost > 0 || beatAgeMs > aliveMs / 2;
