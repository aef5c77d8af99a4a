import { type Client, clientKeyOf } from '../client.ts';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { BlockEntry, BlockFeed, Change, Cursor } from './block-feed.ts';
import { nothingSwitchedOff, type Switched, type Switches } from './block-switches.ts';
import { type BlockListReplicaOptions, type ReplicaStats, replicaDefaults } from './replica-options.ts';

export { type BlockListReplicaOptions, type ReplicaStats, replicaDefaults } from './replica-options.ts';

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
  #switches: Switches = nothingSwitchedOff;
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
  find(client: Client, _tenant: string, nowMs: number): BlockEntry | null {
    const entry = this.#entries.get(clientKeyOf(client));
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry : null;
  }

  /** Whether an operator has switched this off. */
  isOff(what: Switched, nowMs: number): boolean {
    const off = this.#switches[what];
    return off !== null && off.untilMs > nowMs;
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
    const none = { refusalsDropped: 0, refusalFailures: 0, filesWritten: 0, fileFailures: 0, filesIgnored: 0 };
    return { entries: this.#entries.size, networks: 0, exemptions: 0, ...none, ...this.#counts };
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
    let page = await this.#feed.snapshot();
    const { epoch, sequence } = page;
    this.#entries = new Map();
    for (;;) {
      if (page.epoch !== epoch) return;
      for (const entry of page.entries) this.#keep(entry);
      if (page.nextPage === null) break;
      page = await this.#feed.snapshot(page.nextPage);
    }
    this.#switches = page.switches;
    this.#cursor = { epoch, sequence };
    this.#counts.snapshots += 1;
  }

  #keep(entry: BlockEntry): void {
    if (this.#entries.size < this.#maxEntries || this.#entries.has(entry.subjectKey)) {
      this.#entries.set(entry.subjectKey, entry);
    } else this.#counts.dropped += 1;
  }

  #apply(change: Change): void {
    if (change.kind === 'added') for (const entry of change.entries) this.#keep(entry);
    if (change.kind === 'switched') this.#switches = change.switches;
    if (change.kind === 'removed') {
      for (const { subjectKey, blockId } of change.entries) {
        // A newer block of the same subject stays.
        if (this.#entries.get(subjectKey)?.blockId === blockId) this.#entries.delete(subjectKey);
      }
    }
  }

  /** At most once a second of this clock: a lookup honours the expiry anyway, this gives the memory back. */
  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && this.#sweepAtMs - nowMs <= 1000) return;
    this.#sweepAtMs = nowMs + 1000;
    for (const [subjectKey, entry] of this.#entries) {
      if (entry.expiresAtMs <= nowMs) this.#entries.delete(subjectKey);
    }
  }
}
