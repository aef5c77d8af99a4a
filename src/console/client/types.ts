import type { Action, BlockView } from '../app/api-types.ts';

/** What `GET v1/explain` answers. Instants are RFC 3339 texts. */
export interface Explanation {
  readonly subject: string;
  readonly at: string;
  readonly verdict: string;
  readonly tone: 'bad' | 'doubtful' | 'good';
  readonly standing: Standing;
  /** Newest first, at most 20. */
  readonly blocks: readonly BlockView[];
  /** Null: the database is out of reach. */
  readonly decisions: readonly StoredDecision[] | null;
  readonly policies: readonly MatchedPolicy[];
}

export interface Standing {
  readonly entries: readonly {
    readonly subject: string;
    readonly blockId: string;
    readonly rule: string;
    readonly action: Action;
    readonly expiresAt: string;
  }[];
  readonly allowed: readonly {
    readonly subject: string;
    readonly kind: 'allow' | 'canary';
    readonly until: string;
    readonly note: string;
    readonly actor: string;
  }[];
  readonly tombstoneUntil: string | null;
  readonly strikes: readonly { readonly blockId: string; readonly until: string }[];
  readonly proposalId: string | null;
}

export interface StoredDecision {
  readonly at: string;
  readonly route: string;
  readonly method: string;
  readonly tenant: string;
  readonly region: string;
  readonly outcome: 'allowed' | 'denied' | 'blocked';
  readonly source: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly scope: string;
  readonly limit: number;
  readonly remaining: number;
  readonly degraded: string;
  readonly count: number;
  readonly isOwn: boolean;
}

export interface MatchedPolicy {
  readonly name: string;
  readonly verdict: 'applies' | 'loses';
  readonly reason: string;
  readonly algorithm: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  readonly scope: readonly string[];
  readonly mode: 'enforce' | 'shadow';
}

export interface NamedTotals {
  readonly name: string;
  readonly decisions: number;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
}

/** What `GET v1/analytics/client` answers. */
export interface ClientHistory {
  readonly from: string;
  readonly to: string;
  readonly stepMinutes: number;
  readonly points: readonly {
    readonly at: string;
    readonly allowed: number;
    readonly denied: number;
    readonly blocked: number;
    readonly degraded: number;
  }[];
  readonly routes: readonly NamedTotals[];
  readonly policies: readonly NamedTotals[];
  readonly addresses: readonly NamedTotals[];
  readonly tenants: readonly NamedTotals[];
  readonly firstSeenAt: string | null;
  readonly lastSeenAt: string | null;
}
