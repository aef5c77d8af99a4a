import { type Clock, systemClock, type Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { BlockEntry, BlockFeed, Change, Cursor } from './block-list.ts';

export const replicaDefaults = {
  /** Between two looks at the change log: with a second to spare for everything else, an add or a lift is seen in time. */
  pollMs: 200,
  /** The longest pause while the list cannot be reached. */
  maxBackOffMs: 5000,
  /** More entries than this are left out and counted: admitting a blocked client is better than exhausting memory. */
  maxEntries: 1_000_000,
  changesPerPull: 1000,
} as const;

export interface BlockListReplicaOptions {
  readonly feed: BlockFeed;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Spreads the starts and retries of many gates. [0, 1). */
  readonly random?: () => number;
  /** Default {@link replicaDefaults}.maxEntries. */
  readonly maxEntries?: number;
}

export interface ReplicaStats {
  readonly entries: number;
  readonly snapshots: number;
  readonly changes: number;
  readonly failures: number;
  /** Entries left out for lack of room. */
  readonly dropped: number;
}

/** A pull that never ends would mean a list that changes faster than it can be read; the next pull goes on. */
const maxPullsPerSync = 1000;
const maxSnapshotsPerSync = 3;

/**
 * The block list in this process. `find` answers without I/O; a follower keeps the entries up to date. When the list
 * cannot be reached, the last known entries stay in force until they expire, and `ageMs` grows.
 */
export class BlockListReplica {
  readonly #feed: BlockFeed;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #maxEntries: number;
  #entries = new Map<string, BlockEntry>();
  #cursor: Cursor | null = null;
  #syncedAtMs: number | null = null;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: Timer | null = null;
  #following = false;
  #failuresInARow = 0;
  #sweepAtMs = 0;
  #counts = { snapshots: 0, changes: 0, failures: 0, dropped: 0 };

  constructor(options: BlockListReplicaOptions) {
    const { feed, clock = systemClock, logger = silentLogger, random = () => 0.5, maxEntries } = options;
    this.#feed = feed;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
    this.#maxEntries = maxEntries ?? replicaDefaults.maxEntries;
  }

  /** The entry in force for this client, or null. */
  find(clientKey: string, nowMs: number): BlockEntry | null {
    const entry = this.#entries.get(clientKey);
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry : null;
  }

  /** Entries held, expired ones that are not swept yet included. */
  get size(): number {
    return this.#entries.size;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  /** Since the list was last known to be complete, milliseconds; null before the first time. */
  ageMs(): number | null {
    return this.#syncedAtMs === null ? null : Math.max(0, this.#clock.nowMs() - this.#syncedAtMs);
  }

  stats(): ReplicaStats {
    return { entries: this.#entries.size, ...this.#counts };
  }

  /** Takes over everything that was written before this call. Rejects when the list cannot be read. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start();
    // The pull under way may have read before the caller's write: it needs one that starts now.
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  /** Pulls again and again until `stop`. Default {@link replicaDefaults}.pollMs. */
  follow({ pollMs = replicaDefaults.pollMs }: { readonly pollMs?: number } = {}): void {
    if (this.#following) return;
    this.#following = true;
    this.#schedule(this.#random() * pollMs, pollMs);
  }

  stop(): void {
    this.#following = false;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #start(): Promise<void> {
    this.#next = null;
    const run = this.#pullAll().finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }

  #schedule(delayMs: number, pollMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.sync().then(
        () => this.#followed(pollMs),
        (error: unknown) => this.#failed(error, pollMs),
      );
    });
  }

  #followed(pollMs: number): void {
    if (this.#failuresInARow > 0) this.#logger.info({ failures: this.#failuresInARow }, 'block list followed again');
    this.#failuresInARow = 0;
    if (this.#following) this.#schedule(pollMs, pollMs);
  }

  #failed(error: unknown, pollMs: number): void {
    this.#failuresInARow += 1;
    const fields = { err: messageOf(error), ageMs: this.ageMs(), entries: this.size };
    if (this.#failuresInARow === 1) this.#logger.warn(fields, 'block list out of reach: the last known one stays');
    const ceilingMs = Math.min(replicaDefaults.maxBackOffMs, pollMs * 2 ** Math.min(this.#failuresInARow, 20));
    if (this.#following) this.#schedule(ceilingMs * (0.5 + this.#random() / 2), pollMs);
  }

  async #pullAll(): Promise<void> {
    try {
      const snapshotsBefore = this.#counts.snapshots;
      for (let pull = 0; pull < maxPullsPerSync && !(await this.#pull()); pull += 1) {
        if (this.#counts.snapshots - snapshotsBefore > maxSnapshotsPerSync) {
          throw new TidegateError('STORE_FAILED', 'the block list changes faster than a snapshot of it can be read', {
            retryable: true,
          });
        }
      }
    } catch (error) {
      this.#counts.failures += 1;
      throw error;
    }
    const nowMs = this.#clock.nowMs();
    this.#syncedAtMs = nowMs;
    this.#sweep(nowMs);
  }

  /** One step towards the end of the change log; true at the end. */
  async #pull(): Promise<boolean> {
    if (this.#cursor === null) {
      await this.#takeSnapshot();
      return false;
    }
    const answer = await this.#feed.changesAfter(this.#cursor, replicaDefaults.changesPerPull);
    if (answer.kind === 'gap') {
      this.#cursor = null;
      return false;
    }
    for (const change of answer.changes) this.#apply(change);
    this.#counts.changes += answer.changes.length;
    this.#cursor = answer.cursor;
    return answer.changes.length < replicaDefaults.changesPerPull;
  }

  async #takeSnapshot(): Promise<void> {
    const { epoch, sequence, entries } = await this.#feed.snapshot();
    const next = new Map<string, BlockEntry>();
    for (const entry of entries) {
      if (next.size < this.#maxEntries) next.set(entry.clientKey, entry);
      else this.#counts.dropped += 1;
    }
    this.#entries = next;
    this.#cursor = { epoch, sequence };
    this.#counts.snapshots += 1;
  }

  #apply(change: Change): void {
    if (change.kind === 'removed') {
      // A newer block of the same client stays.
      if (this.#entries.get(change.clientKey)?.blockId === change.blockId) this.#entries.delete(change.clientKey);
    } else if (this.#entries.size < this.#maxEntries || this.#entries.has(change.entry.clientKey)) {
      this.#entries.set(change.entry.clientKey, change.entry);
    } else {
      this.#counts.dropped += 1;
    }
  }

  /** At most once a second of this clock: a lookup honours the expiry anyway, this gives the memory back. */
  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && this.#sweepAtMs - nowMs <= 1000) return;
    this.#sweepAtMs = nowMs + 1000;
    for (const [clientKey, entry] of this.#entries) {
      if (entry.expiresAtMs <= nowMs) this.#entries.delete(clientKey);
    }
  }
}
