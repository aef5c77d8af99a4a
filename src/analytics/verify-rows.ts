import type { Client, ClientKind } from '../client.ts';

/** Which stored decisions a verdict was concluded from. */
export interface EvidenceQuestion {
  /** The client, or the network whose addresses are put together: `203.0.113.0/24`, an IPv6 /64. */
  readonly of: { readonly client: Client } | { readonly network: string };
  /** Only within this tenant. */
  readonly tenant?: string;
  /** What the rule looks at; an absent list matches all. */
  readonly match: {
    readonly tenants?: readonly string[];
    /** Patterns `METHOD /path`. */
    readonly routes?: readonly string[];
    /** Of denied decisions. */
    readonly policies?: readonly string[];
    readonly clientKinds?: readonly ClientKind[];
  };
  /** Of the event log. */
  readonly partition: number;
  /** [fromMs, toMs), both at the edge of a window. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Windows are aligned to the epoch. */
  readonly windowMs: number;
  /** Of each emitter the last row that counts; rows of others do not. At most 32. */
  readonly marks: readonly { readonly emitter: string; readonly seq: number }[];
}

/** The decisions of one window and route that are evidence, by outcome. */
export interface EvidenceCount {
  readonly windowStartMs: number;
  readonly outcome: 'allowed' | 'denied';
  /** Null: folded together with others. */
  readonly route: string | null;
  readonly decisions: number;
  /** Of these, those of which it is known whether they came early, and how many did. */
  readonly judged: number;
  readonly early: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** At most 11. */
  readonly policies: readonly string[];
}

/** Of a network: what one of its clients was denied in one window. */
export interface MemberCount {
  readonly windowStartMs: number;
  /** As it is stored: a pseudonym, where there are some. */
  readonly client: string;
  readonly denied: number;
}

export interface EvidenceCounts {
  readonly counts: readonly EvidenceCount[];
  readonly members: readonly MemberCount[];
}

/** For `clickhouse-client`: each parameter as `--param_<name>` takes it. */
export interface EvidenceQuery {
  readonly sql: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Why the stored rows may be fewer than those that were counted. */
export interface EvidenceState {
  /** Emitters of the marks whose rows are not stored up to there. */
  readonly behind: readonly string[];
  /** Rows before this may be gone, milliseconds since the epoch; negative infinity: none are. */
  readonly keepsSinceMs: number;
  /** Rows of that time and those emitters that were somebody's who has been erased. */
  readonly erasedRows: number;
}

/** What the stored decisions say of a verdict. Bounded in time and rows. */
export interface EvidenceReader {
  /** Asks the database nothing; rejects where it has never been in reach, because it may know clients by pseudonyms. */
  queryFor(question: EvidenceQuestion): Promise<EvidenceQuery>;
  /** Rejects with QUERY_TOO_EXPENSIVE, TABLE_BUSY or TABLE_FAILED. */
  counts(question: EvidenceQuestion): Promise<EvidenceCounts>;
  state(question: EvidenceQuestion): Promise<EvidenceState>;
}
