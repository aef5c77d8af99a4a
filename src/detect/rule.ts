import type { BlockAction, BlockDuration } from '../blocklist/block.ts';
import type { BlockBudget, SharedAddressTerms } from '../blocklist/block-promoter.ts';
import type { PrecisionFloor } from '../blocklist/rule-book.ts';
import type { ClientKind } from '../client.ts';

/** `off` is not looked at, `shadow` is counted and logged, `review` is proposed to people, `enforce` blocks. */
export const ruleModes = ['off', 'shadow', 'review', 'enforce'] as const;
export type RuleMode = (typeof ruleModes)[number];

/** Which decisions a rule looks at. Every given list must match; an absent one matches all. */
export interface RuleMatch {
  readonly tenants?: readonly string[];
  /** `METHOD /path` patterns over the route, as in policies. */
  readonly routes?: readonly string[];
  /** Names of the policies whose denials count. */
  readonly policies?: readonly string[];
  readonly clientKinds?: readonly ClientKind[];
}

/** One window that is far over the top counts as several: a scanner is gone before there are many. */
export interface Overwhelming {
  /** Denied decisions in the window (breadth), or on one route of it (depth), at least. */
  readonly denied: number;
  /** How many windows it counts as. */
  readonly counts: number;
}

export interface Windows {
  /** Windows are aligned to the epoch. */
  readonly lengthMs: number;
  /** From the first to the last denial of a window at least: a page load or a batch sent at once is over before. */
  readonly lastingMs: number;
  /** The condition must hold in this many … */
  readonly hit: number;
  /** … of so many windows in a row. */
  readonly of: number;
  readonly overwhelming: Overwhelming | null;
}

/** What must hold in one window: one of them, or with both given both (`all`) or either (`any`). */
export interface Condition {
  readonly when: 'all' | 'any';
  /** Distinct limited route templates. */
  readonly breadth: { readonly distinctRoutes: number } | null;
  /** On one route: denied so often, and that share of the time. */
  readonly depth: { readonly denied: number; readonly deniedShare: number } | null;
}

/**
 * Whose decisions are put together and who is blocked: a client wherever it comes from, a client within one tenant, or the
 * network of an address (IPv4 /24, IPv6 /64: what one partition of the log holds).
 */
export const groupings = ['client', 'client-in-tenant', 'network'] as const;
export type Grouping = (typeof groupings)[number];

export interface Rule {
  readonly name: string;
  /**
   * 12 hex digits of the SHA-256 of what decides verdicts (by, match, condition, windows, compliance, evidence) and of what
   * decides blocks (block, action, shared, budget). Name, mode, canary share, owner, review date and precision are not in
   * it: a rule that goes from shadow to enforce is still the rule that was watched. Verdict ids do not depend on it.
   */
  readonly hash: string;
  readonly mode: RuleMode;
  /** The share of subjects, percent, over 0 up to 100, for which the mode holds; the others are in shadow. By a hash of each. */
  readonly canaryPercent: number;
  /** Who answers for it; '' when the file does not say. */
  readonly owner: string;
  /** When somebody has to look at it again, milliseconds since the epoch; null: the file does not say. */
  readonly reviewByMs: number | null;
  /** What people must find right, or it is capped to shadow; null: it never is. */
  readonly precision: PrecisionFloor | null;
  readonly by: Grouping;
  readonly match: RuleMatch;
  readonly condition: Condition;
  readonly windows: Windows;
  /**
   * A window in which a smaller share of the denied came back early does not count: that client waits as it is told.
   * 0: not judged. Windows in which nobody was told (replay) are not judged either.
   */
  readonly minEarlyShare: number;
  /** Denied decisions in the whole stretch of windows, at least. */
  readonly minEvidence: number;
  /** Of a network: clients in it that were denied, at least. Else 1. */
  readonly minClients: number;
  readonly block: BlockDuration;
  readonly action: BlockAction;
  readonly shared: SharedAddressTerms | null;
  readonly budget: BlockBudget;
}

/** What decides verdicts and blocks: the part of a rule that its hash covers. */
export type RuleContent = Omit<Rule, 'name' | 'hash' | 'mode' | 'canaryPercent' | 'owner' | 'reviewByMs' | 'precision'>;

export interface RuleSet {
  /** 12 hex digits of the SHA-256 of the content, modes and owners included. */
  readonly version: string;
  readonly rules: readonly Rule[];
  /** Of all rules together. */
  readonly budget: BlockBudget;
}

/**
 * The stretch of time in which a client gets at most one verdict of a rule; aligned to the epoch, so that a detector that
 * starts in the middle of a log agrees with one that read it from the beginning.
 */
export const incidentMs = ({ windows }: Rule): number => windows.lengthMs * windows.of;

/** The beginning of the incident that an instant belongs to; an infinite one is itself. */
export const incidentStartMs = (rule: Rule, atMs: number): number =>
  Math.floor(atMs / incidentMs(rule)) * incidentMs(rule);
