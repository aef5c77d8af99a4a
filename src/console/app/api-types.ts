// What the API answers, as far as several pages read it. Instants are RFC 3339 texts.

export interface Session {
  readonly name: string;
  readonly role: string;
  /** null: all. */
  readonly tenants: readonly string[] | null;
  readonly expiresAt: string | null;
  /** What the role may do beyond reading: `mayResetBreakers`, `allowMs`, … */
  readonly limits: Readonly<Record<string, number | boolean>>;
}

export interface Subject {
  readonly kind: string;
  readonly id: string;
  readonly tenant?: string;
}

export type Action =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'limit'; readonly limit: number; readonly windowMs: number };

export interface Evidence {
  readonly denied: number;
  readonly allowed: number;
  readonly early: number | null;
  readonly members: { readonly clients: number; readonly most: readonly string[] } | null;
  readonly collateral: { readonly identities: number } | null;
  readonly windows: {
    readonly hit: number;
    readonly weight: number;
    readonly needed: number;
    readonly of: number;
    readonly windowMs: number;
  };
  readonly distinctRoutes: number;
  readonly routes: readonly { readonly route: string; readonly denied: number }[];
  readonly policies: readonly string[];
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly log: { readonly partition: number; readonly fromOffset: number; readonly toOffset: number };
  readonly features?: Readonly<Record<string, number>>;
}

export type BlockState = 'shadow' | 'proposed' | 'active' | 'confirmed' | 'lifted' | 'expired' | 'superseded';

export interface BlockView {
  readonly id: string;
  readonly state: BlockState;
  readonly version: number;
  readonly subject: Subject;
  readonly action: Action;
  readonly origin: string;
  readonly tenant: string;
  readonly rule: string;
  readonly ruleHash: string;
  readonly owner: string;
  readonly blockedAt: string;
  readonly expiresAt: string;
  readonly strikes: number;
  readonly evidence: Evidence | null;
  readonly refusals: {
    readonly refused: number;
    readonly savedCommands: number;
    readonly savedBytes: number;
    readonly lastAt: string;
  } | null;
  readonly reason: string;
  readonly actor: string;
  readonly assignee?: string | null;
  readonly label?: string | null;
  readonly query?: { readonly sql: string; readonly params: Readonly<Record<string, unknown>> } | null;
}

export interface RuleStatus {
  /** `*`: all together. */
  readonly rule: string;
  readonly mode: string | null;
  readonly cap: string | null;
  readonly breaker: 'closed' | 'open' | 'half-open';
}

export interface Status {
  readonly version: string;
  readonly region: string;
  readonly phase: string;
  readonly uptimeMs: number;
  readonly gate: {
    readonly decisions: number;
    readonly allowed: number;
    readonly denied: number;
    readonly blocked: number;
    readonly degraded: number;
    readonly storeCommandsSaved: number;
    readonly storeBytesSaved: number;
    readonly switchedOff: number;
    readonly policyVersion: string;
  };
  readonly fleet: {
    readonly liveGates: number;
    readonly policyVersions: Readonly<Record<string, number>>;
    readonly ageMs: number | null;
  };
  readonly blockList: { readonly entries: number; readonly ageMs: number | null };
  readonly events: {
    readonly recorded: number;
    readonly sent: number;
    readonly waiting: number;
    readonly lost: number;
  };
  readonly ingest: { readonly lagRecords: number } | null;
  readonly stored: {
    readonly decisions: number;
    readonly newestAt: string | null;
    readonly freshnessMs: number | null;
  } | null;
  readonly abuse: {
    readonly switchedOff: { readonly blocks: string | null; readonly limits: string | null };
    readonly rules: readonly RuleStatus[];
    readonly refusals: { readonly refused: number; readonly savedCommands: number; readonly savedBytes: number };
  } | null;
}

/** How far a bulk change, or its undo, has come. */
export interface Tally {
  readonly done: number;
  readonly failed: readonly { readonly id: string; readonly code: string; readonly detail: string }[];
  readonly failedCount: number;
}

/** A bulk change. */
export interface Batch extends Tally {
  readonly batchId: string;
  readonly act: string;
  readonly note: string;
  readonly by: string;
  readonly at: string;
  readonly total: number;
  readonly state: 'running' | 'done' | 'interrupted' | 'undoing' | 'undone';
  readonly undo: (Tally & { readonly by: string; readonly note: string; readonly at: string }) | null;
}

/** `acme/user:x`, `ip:203.0.113.7`: as the API reads subjects. */
export const subjectText = ({ kind, id, tenant }: Subject): string =>
  tenant === undefined ? `${kind}:${id}` : `${tenant.replace(/[%/:]/g, encodeURIComponent)}/${kind}:${id}`;
