/**
 * What the instruments look at, said in their own words: gates, emitters, block lists, policy sources, ingesters,
 * detectors and logs are all of this shape, and this room imports none of theirs.
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
    readonly storeBytesSaved: number;
    readonly blockListFailures: number;
    readonly foldedRoutes: number;
    readonly storeOpen: boolean;
    readonly overDeadline: number;
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
    readonly coarse: number;
    readonly folded: number;
    readonly foldedTwice: number;
    readonly rows: number;
    readonly failures: number;
    readonly oldestWaitMs: number;
    readonly partitions?: number;
  };
}

/** Whatever reads partitions of the log. */
export interface LagSource {
  /** Partition → records. */
  lag(): Promise<ReadonlyMap<number, number>>;
}

export interface IngestSource extends LagSource {
  positions(): { readonly size: number };
  stats(): {
    readonly blocks: number;
    readonly rows: number;
    readonly settledBlocks: number;
    readonly repairedRows: number;
    readonly doubledRows: number;
    readonly lostRecords: number;
    readonly missingRows: number;
    readonly deadLetters: number;
    readonly retries: number;
    readonly waitingPartitions: number;
    readonly changedBlocks: number;
    readonly storedTwiceRows: number;
  };
}

/** A block that is stored. */
export interface ObservedBlock {
  readonly topic: string;
  readonly rows: number;
  /** Time of its oldest and its newest event, milliseconds since the epoch. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** What an audit came to. */
export interface ObservedAudit {
  readonly drift: number;
  /** By kind of finding, 0 where there is none: always the same few kinds. */
  readonly amounts: ReadonlyMap<string, number>;
}

/** What the checks at the start came to. */
export interface ObservedChecks {
  /** How many times the longest pause fits into what the tables remember; null: they remember by other means. */
  readonly dedupMarginRatio: number | null;
  readonly skewMs: number;
  /** Null: no topic is known to forget. */
  readonly retentionMs: number | null;
  readonly findings: readonly { readonly state: string }[];
}

export interface DetectSource extends LagSource {
  stats(): {
    readonly partitions: number;
    readonly verdicts: number;
    /** What became of them. */
    readonly promotions: Readonly<Record<string, number>>;
    /** Of the suppressed ones, why. */
    readonly suppressed: Readonly<Record<string, number>>;
    readonly heldBack: number;
    readonly promotionsRefused: number;
    readonly promotionFailures: number;
    readonly corruptFrames: number;
    readonly badRows: number;
    readonly trafficDropped: number;
    readonly identitiesDropped: number;
    readonly rules: { readonly inForce: readonly { readonly mode: string }[] };
    readonly events: number;
    readonly evidence: number;
    readonly late: number;
    readonly duplicates: number;
    readonly evictedClients: number;
    readonly clients: number;
  };
}

/** What publishes the changes of the block list. */
export interface RelaySource {
  stats(): {
    readonly isLeader: boolean;
    readonly lagMs: number;
    readonly published: number;
    readonly lost: number;
    readonly failures: number;
  };
}

/** What delivers webhooks. */
export interface DelivererSource {
  stats(): {
    readonly isLeader: boolean;
    readonly delivered: number;
    readonly failures: number;
    readonly givenUp: number;
    readonly dropped: number;
    readonly waiting: number;
    readonly disabled: number;
  };
}

/** What publishes what this process tells of itself. */
export interface HealthSource {
  stats(): {
    readonly published: number;
    readonly dropped: number;
    readonly omitted: number;
    readonly failures: number;
  };
}

/** What knows how many blocks wait for a person. Null: not told here, or not known. */
export interface ReviewQueueSource {
  stats(): { readonly waiting: number | null; readonly oldestWaitMs: number | null };
}

/** What takes judgements of people back to the rules. */
export interface LearningSource {
  stats(): { readonly demotions: number; readonly failures: number };
}

/** What is switched off, and which rules are over their budget, as last known. Nothing before it is known. */
export interface RuleStateSource {
  stats(): {
    readonly switchedOff: readonly { readonly what: string; readonly isOff: boolean }[];
    readonly breakers: readonly {
      readonly rule: string;
      readonly state: 'closed' | 'open' | 'half-open';
      readonly blocks: number;
    }[];
  };
}

/** A log inside this process. */
export interface LogSource {
  stats(): { readonly records: number; readonly bytes: number; readonly droppedRecords: number };
}

/** The process itself, in seconds, bytes and shares. */
export interface ProcessSource {
  stats(): {
    readonly uptimeS: number;
    readonly cpuUserS: number;
    readonly cpuSystemS: number;
    readonly memoryBytes: number;
    readonly loopDelayP99S: number;
    readonly loopDelayMaxS: number;
    readonly loopUtilization: number;
  };
}

export interface BlockListStatsSource {
  readonly size: number;
  ageMs(): number | null;
  stats(): {
    readonly failures: number;
    readonly dropped: number;
    readonly networks: number;
    readonly snapshots: number;
    readonly gaps: number;
    readonly refusalsDropped: number;
    readonly fileFailures: number;
    readonly filesIgnored: number;
    readonly fileAgeMs: number | null;
  };
}

export interface ObservedPolicies {
  readonly version: string;
  readonly policies: readonly unknown[];
}

export interface PolicyLoadSource {
  current(): ObservedPolicies;
  onChange(listener: (next: ObservedPolicies) => void): () => void;
}

/** What writes down which policies were loaded. */
export interface PolicyRecordsSource {
  stats(): { readonly dropped: number };
}

export interface ObservedLoss {
  readonly kind: string;
}
