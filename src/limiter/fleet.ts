import type { GateBeat, GateReport } from './gate-report.ts';

/** The gates that share their limits, as one of them last knew them. */
export interface Fleet {
  /** Gates alive, this one among them, >= 1. Kept as it was while the store is away. */
  liveGates(): number;
  /** How many of them run each policy version; at most 32 versions. Empty before the first answer. */
  policyVersions(): ReadonlyMap<string, number>;
  /** Since the store last said so, milliseconds; null: never yet. */
  ageMs(): number | null;
  /**
   * How those alive are doing, at most {@link maxGates}, the ones heard last first. A gate of an earlier release says
   * nothing and is left out: `liveGates` counts it. @throws TidegateError STORE_FAILED.
   */
  gates(): Promise<readonly GateBeat[]>;
}

/** More are not listed. */
export const maxGates = 2000;

/** What was lost: some of the last writes, all of them, or perhaps some, since another server answers. */
export type CountersLostKind = 'rolled-back' | 'flushed' | 'failover';

/** Counters of the store are not what they were: limits admit more than they should until they have filled again. */
export interface CountersLost {
  readonly kind: CountersLostKind;
  /** Beats that the store had confirmed to this gate. */
  readonly expectedBeats: number;
  /**
   * Beats that it counts now, this one included: more than were expected when none was lost. The same number where it is
   * about another node of a cluster, which counts no beats.
   */
  readonly foundBeats: number;
}

/** What a gate tells the others, and what it wants to be told. */
export interface FleetMember {
  /** Names this gate for as long as it lives; no other may have it. 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly gateId: string;
  readonly policyVersion: () => string;
  /** Told with every beat; null: nothing to tell yet. Default: nothing. */
  readonly report?: () => GateReport | null;
  /** Called once for each loss that is found. */
  readonly onCountersLost?: (lost: CountersLost) => void;
}

export interface Membership extends Fleet {
  /** Leaves the fleet; never rejects. */
  stop(): Promise<void>;
}

export interface Alone extends Pick<FleetMember, 'policyVersion' | 'report'> {
  readonly gateId?: string;
  readonly nowMs?: () => number;
}

/** A gate that shares its limits with nobody. */
export const aloneWith = ({ policyVersion, report, gateId = 'alone', nowMs = () => 0 }: Alone): Membership => ({
  liveGates: () => 1,
  policyVersions: () => new Map([[policyVersion(), 1]]),
  ageMs: () => 0,
  gates: async () => {
    const told = report?.() ?? null;
    return told === null ? [] : [{ ...told, gateId, lastBeatAtMs: nowMs(), beatAgeMs: 0 }];
  },
  stop: () => Promise.resolve(),
});
