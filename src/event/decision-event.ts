import type { ClientKind } from '../client.ts';
import type { DecisionSource, DegradedReason, Outcome } from '../decision/decision.ts';

export const eventVersion = 1;

export const candidateOutcomes = ['allowed', 'denied'] as const;
export type CandidateOutcome = (typeof candidateOutcomes)[number];

/**
 * DecisionEvent v1: one or many decisions that agree in every dimension. `count` says how many. The unit of all totals:
 * Σ count over stored events = decisions taken.
 *
 * On the wire the names are the ones of {@link wireNames}, which are the columns of `decisions_raw`.
 */
export interface DecisionEvent {
  /** When the first of these decisions was taken, milliseconds since the epoch. */
  readonly timeMs: number;
  /** Names the process that decided, for as long as it lives. */
  readonly emitter: string;
  /** Partition of the decisions topic this event is in: an owner can find its rows again. */
  readonly partition: number;
  /** Position in the emitter's events of this partition: 1, 2, 3, …, with no gap. */
  readonly seq: number;
  readonly region: string;
  readonly tenant: string;
  readonly clientKind: ClientKind;
  readonly client: string;
  /** The address beside a key or user client, else ''. */
  readonly address: string;
  /** `GET /orders/:id`. */
  readonly route: string;
  readonly method: string;
  /** The deciding policy, or the rule of the block; '' when no policy matched. */
  readonly policy: string;
  /** Of the policies in force. Of a blocked decision the id of the block: what one refused can be summed. */
  readonly policyVersion: string;
  /** What the deciding limit is keyed by, joined by `+`: `client+route`; '' is global or none. */
  readonly scope: string;
  /** The deciding limit, units per window; 0 when there is none. */
  readonly limit: number;
  /** The least that was left among these decisions. */
  readonly remaining: number;
  readonly outcome: Outcome;
  readonly source: DecisionSource;
  /** '' while the primary store decides. */
  readonly degraded: DegradedReason | '';
  /** Shadow policies that would have denied. */
  readonly shadowDenied: readonly string[];
  /**
   * What the outcome would have been, had each live policy that has a candidate been replaced by it; '' when no candidate
   * was evaluated.
   */
  readonly candidateOutcome: CandidateOutcome | '';
  /** 1: what was spent in other slots of a cluster was taken back, because one of them denied. */
  readonly compensated: 0 | 1;
  readonly cost: number;
  /** Upper bound of the logarithmic bucket that the decision's latency fell in, microseconds. */
  readonly latencyUs: number;
  /**
   * How many of these decisions came before the retry time, and at least a second after this gate had sent the denial;
   * a lower bound in a fleet. Null in replay, where nobody was told.
   */
  readonly early: number | null;
  /** >= 1. */
  readonly count: number;
}

/** What the gate knows of one decision; the emitter adds emitter, partition, seq, region and count. */
export type DecisionRecord = Omit<DecisionEvent, 'emitter' | 'partition' | 'seq' | 'region' | 'count' | 'early'> & {
  readonly early: boolean | null;
};

/** Field → wire name, in wire order. */
export const wireNames = {
  timeMs: 'time',
  emitter: 'emitter',
  partition: 'partition',
  seq: 'seq',
  region: 'region',
  tenant: 'tenant',
  clientKind: 'client_kind',
  client: 'client',
  address: 'address',
  route: 'route',
  method: 'method',
  policy: 'policy',
  policyVersion: 'policy_version',
  scope: 'scope',
  limit: 'limit',
  remaining: 'remaining',
  outcome: 'outcome',
  source: 'source',
  degraded: 'degraded',
  shadowDenied: 'shadow_denied',
  candidateOutcome: 'candidate_outcome',
  compensated: 'compensated',
  cost: 'cost',
  latencyUs: 'latency_us',
  early: 'early',
  count: 'count',
} as const satisfies Record<keyof DecisionEvent, string>;
