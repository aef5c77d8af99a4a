import type { BlockEntry } from '../blocklist/block-list.ts';
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
