import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { BlockFeed } from './block-feed.ts';

export const replicaDefaults = {
  /** Between two looks at the change log: with a second to spare for everything else, an add or a lift is seen in time. */
  pollMs: 200,
  /** The longest pause while the list cannot be reached. */
  maxBackOffMs: 5000,
  /** More entries than this are left out and counted: admitting a blocked client is better than exhausting memory. */
  maxEntries: 1_000_000,
  /** The same of the networks among them. */
  maxNetworks: 200_000,
  changesPerPull: 1000,
  /** Between two tellings of what was refused. */
  refusalsMs: 10_000,
  /** Between two writings of the file, at least half of it. */
  fileMs: 60_000,
} as const;

export interface BlockListReplicaOptions {
  readonly feed: BlockFeed;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Spreads what many gates do: starts, retries, snapshots, files. [0, 1). Default: the middle, for a gate that is alone. */
  readonly random?: () => number;
  /** 1 to 2,000,000, default {@link replicaDefaults}.maxEntries. */
  readonly maxEntries?: number;
  /** Default {@link replicaDefaults}.maxNetworks. */
  readonly maxNetworks?: number;
  /**
   * Where the last known list is kept, so that a gate that starts while the list is away blocks from its first request.
   * Default: nowhere. One process per file.
   */
  readonly snapshotFile?: string;
  /** Which list it is: a file of another one is not used. Default ''. */
  readonly listName?: string;
  /** Default {@link replicaDefaults}.fileMs; a first file is written ten times as soon. */
  readonly fileMs?: number;
  /** Default {@link replicaDefaults}.refusalsMs. */
  readonly refusalsMs?: number;
}

/**
 * Over how long the gates of a fleet spread their snapshots when all of them need one at once, after a failover: with so many
 * entries each. They go on with what they have until then.
 */
export const snapshotSpreadMs = (entries: number): number => Math.min(30_000, 500 + entries / 100);

export interface ReplicaStats {
  /** Held, networks and expired ones that are not swept yet included. */
  readonly entries: number;
  /** Of these, networks. */
  readonly networks: number;
  readonly exemptions: number;
  readonly snapshots: number;
  readonly changes: number;
  /** Times that the change log did not go on where this replica stood. */
  readonly gaps: number;
  /** Attempts to follow that failed. */
  readonly failures: number;
  /** Entries left out: no room, no subject that can be read, or a network too wide to be meant. */
  readonly dropped: number;
  /** Blocks whose refusals were not told for lack of room, and attempts to tell that failed. */
  readonly refusalsDropped: number;
  readonly refusalFailures: number;
  /** Files written, attempts to write that failed, and files found at the start that were of no use. */
  readonly filesWritten: number;
  readonly fileFailures: number;
  readonly filesIgnored: number;
  /** Since what is in the file was complete; null: there is none. */
  readonly fileAgeMs: number | null;
}
