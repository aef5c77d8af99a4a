/**
 * What the instruments look at, said in their own words: a gate, an emitter, a block list and a policy source are all of
 * this shape, and this room imports none of theirs.
 */

/** A decision, as far as it is measured. */
export interface ObservedDecision {
  readonly outcome: 'allowed' | 'denied' | 'blocked';
  readonly source: string;
  readonly degraded: string | null;
  /** The limit that decided. Blocked requests have none, but a rule. */
  readonly deciding?: { readonly policy: string; readonly remaining: number } | null;
  readonly rule?: string;
}

/** What a decision does not say of itself. */
export interface ObservedFacts {
  readonly method: string;
  readonly tenant: string;
  readonly latencyUs: number;
  /** Whether the client came back before it was told to; null: it was not told. */
  readonly early: boolean | null;
}

export interface GateStatsSource {
  stats(): {
    readonly storeCommandsSaved: number;
    readonly foldedRoutes: number;
    readonly storeOpen: boolean;
    readonly overflowed: number;
    readonly liveGates: number;
    readonly lostReturns: number;
    readonly approximate: { readonly counters: number; readonly untoldUnits: number };
    readonly leases: {
      readonly counters: number;
      readonly units: number;
      readonly granted: number;
      readonly returned: number;
    };
  };
}

export interface EmitterStatsSource {
  stats(): {
    readonly recorded: number;
    readonly sent: number;
    readonly waiting: number;
    readonly lost: number;
    readonly folded: number;
  };
}

export interface BlockListStatsSource {
  readonly size: number;
  ageMs(): number | null;
  stats(): { readonly failures: number; readonly dropped: number };
}

export interface ObservedPolicies {
  readonly version: string;
  readonly policies: readonly unknown[];
}

export interface PolicyLoadSource {
  current(): ObservedPolicies;
  onChange(listener: (next: ObservedPolicies) => void): () => void;
}

export interface ObservedLoss {
  readonly kind: string;
}
