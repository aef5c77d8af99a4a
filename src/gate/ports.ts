import type { BlockEntry } from '../blocklist/block-list.ts';
import type { Decision } from '../decision/decision.ts';
import type { DecisionRecord } from '../event/decision-event.ts';

/** Takes what was decided. Never waits, never throws, never loses a count. */
export interface EventSink {
  record(decision: DecisionRecord): void;
}

/** The block list as a gate asks it: in process, synchronous, no allocation. */
export interface BlockLookup {
  /** The entry in force for this client (see clientKeyOf), or null. */
  find(clientKey: string, nowMs: number): BlockEntry | null;
}

/** What is known of a decision besides itself. */
export interface DecisionFacts {
  readonly method: string;
  readonly tenant: string;
  readonly latencyUs: number;
  /** Whether it came before the retry time its client was told; null: nobody was told. */
  readonly early: boolean | null;
}

/** Is told of every decision, on the request's path: it must be quick and must not throw. */
export interface DecisionObserver {
  decided(decision: Decision, facts: DecisionFacts): void;
}
