import type { Client } from '../client.ts';
import type { Algorithm, ScopePart } from '../policy/policy.ts';

export const outcomes = ['allowed', 'denied', 'blocked'] as const;
export type Outcome = (typeof outcomes)[number];

/** Who decided. `switched-off`: nobody, since an operator has switched the limits off. */
export const decisionSources = [
  'store',
  'lease',
  'deny-cache',
  'fallback',
  'fail-open',
  'fail-closed',
  'block-list',
  'overflow',
  'switched-off',
] as const;
export type DecisionSource = (typeof decisionSources)[number];

/** Why a decision was made without the primary store. */
export type DegradedReason = 'timeout' | 'error' | 'breaker-open' | 'read-only';

/** Where one limit stands after a decision. */
export interface LimitState {
  readonly policy: string;
  readonly scope: readonly ScopePart[];
  readonly shadow: boolean;
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  /** Whether this limit alone would have let the request through. */
  readonly allowed: boolean;
  /** Units left, >= 0, whole. */
  readonly remaining: number;
  /** Until the bucket is full again, milliseconds, rounded up. */
  readonly resetAfterMs: number;
  /** Until this cost fits, milliseconds, rounded up; 0 when it does now, null when it never can. */
  readonly retryAfterMs: number | null;
}

interface DecisionFacts {
  /** The one that the limit or the block is about. */
  readonly client: Client;
  readonly route: string;
  readonly source: DecisionSource;
  /** Null while the primary store decides. */
  readonly degraded: DegradedReason | null;
  /** Of the policies in force, whether or not they were asked. */
  readonly policyVersion: string;
  readonly cost: number;
  /** Every limit that was asked, enforced and shadow. */
  readonly limits: readonly LimitState[];
  /** What it would have come to with every candidate in the place of its live policy; null: no candidate was asked. */
  readonly candidateOutcome: 'allowed' | 'denied' | null;
  /** Units were taken in one part of a cluster and given back, because a limit in another one denied. */
  readonly compensated: boolean;
}

export interface Allowed extends DecisionFacts {
  readonly outcome: 'allowed';
  /** The enforced limit with the least share left; null when no policy matched. */
  readonly deciding: LimitState | null;
  /** How long to hold the request before it is served: a leaky bucket lets one out at a time. 0: serve it now. */
  readonly delayMs: number;
}

export interface Denied extends DecisionFacts {
  readonly outcome: 'denied';
  /** The enforced limit that takes longest to fit; null only when fail-closed. */
  readonly deciding: LimitState | null;
  /** Until this cost fits all limits; null: never. */
  readonly retryAfterMs: number | null;
}

export interface Blocked extends DecisionFacts {
  readonly outcome: 'blocked';
  readonly blockId: string;
  readonly rule: string;
  /** Until the block ends; of one that lets some requests through, until it lets the next one through, if that is sooner. */
  readonly retryAfterMs: number;
}

/** What the gate says of one request. A denial is a value, never an error. */
export type Decision = Allowed | Denied | Blocked;
