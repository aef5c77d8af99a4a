import type { BlockEntry } from '../blocklist/block-feed.ts';
import type { Switched } from '../blocklist/block-switches.ts';
import type { Client } from '../client.ts';
import type { Decision } from '../decision/decision.ts';
import type { DecisionRecord } from '../event/decision-event.ts';

/** Takes what was decided. Never waits, never throws, never loses a count. */
export interface EventSink {
  record(decision: DecisionRecord): void;
}

/** What the limiter was spared by one refusal: commands to the counter store, and the bytes of those and their answers. */
export interface Spared {
  readonly commands: number;
  readonly bytes: number;
}

/** The block list as a gate asks it: in process, synchronous, no allocation on a miss. */
export interface BlockLookup {
  /** The entry in force that hits this identity of a request, exactly or by its network, or null. Exempt ones have none. */
  find(client: Client, tenant: string, nowMs: number): BlockEntry | null;
  /**
   * Whether an allow entry exempts this identity itself, whatever entry there is. Asked only where an entry hits a less
   * specific identity of the same request, which it then protects. Default: never.
   */
  isExempt?(client: Client, tenant: string, nowMs: number): boolean;
  /**
   * Whether any key or user may be exempt at all. Only then is a request from a blocked address identified before it is
   * refused. Default: no.
   */
  hasExemptSenders?(): boolean;
  /** Whether an operator has switched this off. Default: never. */
  isOff?(what: Switched, nowMs: number): boolean;
  /** Is told of every request that an entry refused. */
  refused?(entry: BlockEntry, spared: Spared, nowMs: number): void;
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
  /** The store answered a call, or was given up, after so many microseconds. */
  storeCalled?(durationUs: number): void;
}
