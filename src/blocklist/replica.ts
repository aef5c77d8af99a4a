import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from '../client.ts';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { BlockEntry, BlockFeed, Change, Changes, Cursor, Refusals } from './block-feed.ts';
import type { Switched } from './block-switches.ts';
import { HeldList, type HeldListLimits } from './held-list.ts';
import { ListKeeper } from './list-keeper.ts';
import { RefusalTally } from './refusal-tally.ts';
import type { Kept } from './replica-file.ts';
import {
  type BlockListReplicaOptions,
  type ReplicaStats,
  replicaDefaults,
  snapshotSpreadMs,
} from './replica-options.ts';

export { type BlockListReplicaOptions, type ReplicaStats, replicaDefaults } from './replica-options.ts';

/** A pull that never ends would mean a list that changes faster than it can be read; the next pull goes on. */
const maxPullsPerSync = 1000;
const maxSnapshotsPerSync = 3;
/** Entries taken over between two turns of the event loop: a millisecond or two. */
const entriesPerTurn = 500;

const noFile = { filesWritten: 0, fileFailures: 0, filesIgnored: 0 };

const neverRead = (): TidegateError =>
  new TidegateError('STORE_FAILED', 'the block list changes faster than a snapshot of it can be read', {
    retryable: true,
  });

/**
 * The block list in this process. `find` answers without I/O; a follower keeps the entries up to date. When the list
 * cannot be reached, the last known entries stay in force until they expire, and `ageMs` grows. Before there is a list, from
 * its engine or from the file of the last run, nobody is blocked.
 */
export class BlockListReplica {
  readonly #feed: BlockFeed;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #limits: HeldListLimits;
  readonly #tally: RefusalTally;
  readonly #keeper: ListKeeper | null;
  readonly #listName: string;
  #list: HeldList;
  /** Whether it is one that was read. */
  #isKnown = false;
  #cursor: Cursor | null = null;
  #syncedAtMs: number | null = null;
  #loading: Promise<void> | null = null;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: Timer | null = null;
  #following = false;
  #failuresInARow = 0;
  #sweepAtMs = 0;
  #snapshotDueAtMs = 0;
  #counts = { snapshots: 0, changes: 0, gaps: 0, failures: 0, droppedBefore: 0 };

  constructor(options: BlockListReplicaOptions) {
    const { feed, clock = systemClock, logger = silentLogger, random = () => 0.5, snapshotFile } = options;
    const { maxEntries, maxNetworks, refusalsMs, fileMs } = { ...replicaDefaults, ...options };
    this.#feed = feed;
    this.#clock = clock;
    this.#logger = logger;
    this.#random = random;
    this.#limits = { maxEntries, maxNetworks };
    this.#listName = options.listName ?? '';
    this.#list = new HeldList(this.#limits);
    const onFailure = (error: unknown): void =>
      logger.warn({ err: messageOf(error) }, 'what was refused could not be told; it is told later');
    this.#tally = new RefusalTally({ feed, clock, random, everyMs: refusalsMs, onFailure });
    const keeping = { clock, logger, random, everyMs: fileMs, listName: this.#listName, limits: this.#limits };
    this.#keeper =
      snapshotFile === undefined ? null : new ListKeeper({ ...keeping, path: snapshotFile, kept: () => this.#kept() });
  }

  /** The most specific entry in force that hits this client of this tenant, or null: exempt ones have none. */
  find(client: Client, tenant: string, nowMs: number): BlockEntry | null {
    return this.#list.find(client, tenant, nowMs);
  }

  /** Whether an allow entry exempts this client of this tenant itself, whatever there is about the address it comes from. */
  isExempt(client: Client, tenant: string, nowMs: number): boolean {
    return this.#list.isExempt(client, tenant, nowMs);
  }

  /** Whether any key or user is exempt: a gate then identifies who comes from a blocked address before it refuses. */
  hasExemptSenders(): boolean {
    return this.#list.hasExemptSenders();
  }

  /** Whether an operator has switched this off. Ends by itself, by the clock of this machine. */
  isOff(what: Switched, nowMs: number): boolean {
    const off = this.#list.switches[what];
    return off !== null && off.untilMs > nowMs;
  }

  /** Adds up what a refusal has spared, for the list. */
  refused(entry: BlockEntry, spared: Pick<Refusals, 'commands' | 'bytes'>, nowMs: number): void {
    this.#tally.add(entry, spared, nowMs);
  }

  /** Entries held, expired ones that are not swept yet included. */
  get size(): number {
    return this.#list.size;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  /** Since the list was last known to be complete, milliseconds; null before the first time. */
  ageMs(): number | null {
    return this.#syncedAtMs === null ? null : Math.max(0, this.#clock.nowMs() - this.#syncedAtMs);
  }

  stats(): ReplicaStats {
    const { droppedBefore, ...counts } = this.#counts;
    const { size, networks, exempted, dropped } = this.#list;
    const writtenAtMs = this.#keeper?.writtenAtMs ?? null;
    return {
      entries: size,
      networks,
      exemptions: exempted,
      ...counts,
      dropped: droppedBefore + dropped,
      refusalsDropped: this.#tally.dropped,
      refusalFailures: this.#tally.failures,
      ...(this.#keeper?.counts ?? noFile),
      fileAgeMs: writtenAtMs === null ? null : Math.max(0, this.#clock.nowMs() - writtenAtMs),
    };
  }

  /**
   * Takes the list of the last run from its file, if there is one and no list is known yet. Never rejects. A first `sync`
   * or `follow` does so by itself; whoever decides requests before that one is through waits for this.
   */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Takes over everything that was written before this call. Rejects when the list cannot be read. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start({ isPatient: false });
    // The pull under way may have read before the caller's write: it needs one that starts now.
    this.#next ??= this.#running.then(
      () => this.#start({ isPatient: false }),
      () => this.#start({ isPatient: false }),
    );
    return this.#next;
  }

  /** Pulls again and again until `stop`. Default {@link replicaDefaults}.pollMs. */
  follow({ pollMs = replicaDefaults.pollMs }: { readonly pollMs?: number } = {}): void {
    if (this.#following) return;
    this.#following = true;
    this.#tally.start();
    this.#schedule(this.#random() * pollMs, pollMs);
  }

  /** Tells the list now what was refused, instead of at the next turn. Never rejects: what cannot be told is kept. */
  tellRefusals(): Promise<void> {
    return this.#tally.tell();
  }

  /** Ends the following at once, tells what was refused and keeps the list. Never rejects. */
  async stop(): Promise<void> {
    this.#following = false;
    this.#timer?.cancel();
    this.#timer = null;
    await Promise.all([this.#tally.stop(), this.#keeper?.write()]);
  }

  async #load(): Promise<void> {
    const kept = (await this.#keeper?.load()) ?? null;
    if (kept === null || this.#isKnown) return;
    const { list, epoch, sequence, syncedAtMs } = kept;
    this.#swap(list, { epoch, sequence });
    this.#syncedAtMs = syncedAtMs;
    this.#logger.info({ entries: list.size, ageMs: this.ageMs() }, 'block list of the last run taken from its file');
  }

  #kept(): Kept | null {
    if (this.#cursor === null || this.#syncedAtMs === null) return null;
    return { ...this.#cursor, syncedAtMs: this.#syncedAtMs, listName: this.#listName, list: this.#list };
  }

  #start(how: { readonly isPatient: boolean }): Promise<void> {
    if (!how.isPatient) this.#next = null;
    const run = this.#pullAll(how.isPatient).finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }

  #schedule(delayMs: number, pollMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      const run = this.#running ?? this.#start({ isPatient: true });
      run.then(
        () => this.#followed(pollMs),
        (error: unknown) => this.#failed(error, pollMs),
      );
    });
  }

  #followed(pollMs: number): void {
    if (this.#failuresInARow > 0) this.#logger.info({ failures: this.#failuresInARow }, 'block list followed again');
    this.#failuresInARow = 0;
    const waitMs = this.#cursor === null ? this.#snapshotDueAtMs - this.#clock.nowMs() : pollMs;
    if (this.#following) this.#schedule(Math.max(1, waitMs), pollMs);
  }

  #failed(error: unknown, pollMs: number): void {
    this.#failuresInARow += 1;
    const fields = { err: messageOf(error), ageMs: this.ageMs(), entries: this.size };
    if (this.#failuresInARow === 1) {
      const then = this.#isKnown ? 'the last known one stays' : 'none is known, and nobody is blocked until it is';
      this.#logger.warn(fields, `block list out of reach: ${then}`);
    }
    const ceilingMs = Math.min(replicaDefaults.maxBackOffMs, pollMs * 2 ** Math.min(this.#failuresInARow, 20));
    if (this.#following) this.#schedule(ceilingMs * (0.5 + this.#random() / 2), pollMs);
  }

  /** A patient one leaves a snapshot for later, when it is its turn, while there is a list to go on with. */
  async #pullAll(isPatient: boolean): Promise<void> {
    await this.load();
    try {
      const snapshotsBefore = this.#counts.snapshots;
      for (let pull = 0; pull < maxPullsPerSync; pull += 1) {
        if (this.#cursor === null && isPatient && this.#isKnown && this.#clock.nowMs() < this.#snapshotDueAtMs) return;
        if (await this.#pull()) break;
        if (this.#counts.snapshots - snapshotsBefore > maxSnapshotsPerSync) throw neverRead();
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
    const cursor = this.#cursor;
    if (cursor === null) {
      await this.#takeSnapshot();
      return false;
    }
    const answer = await this.#feed.changesAfter(cursor, replicaDefaults.changesPerPull);
    const news = newsIn(answer, cursor);
    if (news === null) {
      this.#counts.gaps += 1;
      this.#cursor = null;
      this.#snapshotDueAtMs = this.#clock.nowMs() + this.#random() * snapshotSpreadMs(this.size);
      return false;
    }
    await this.#apply(news);
    const sequence = news.at(-1)?.sequence ?? cursor.sequence;
    this.#cursor = { epoch: cursor.epoch, sequence };
    if (news.length > 0) this.#keeper?.changed();
    return news.length < replicaDefaults.changesPerPull;
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    let taken = 0;
    for (const change of changes) {
      this.#list.apply(change);
      taken += 'entries' in change ? change.entries.length : 1;
      if (taken < entriesPerTurn) continue;
      taken = 0;
      await nextTurn();
    }
    this.#counts.changes += changes.length;
  }

  /** Builds a list beside the old one, which answers until the new one is whole. */
  async #takeSnapshot(): Promise<void> {
    for (let attempt = 0; attempt < maxSnapshotsPerSync; attempt += 1) {
      const first = await this.#feed.snapshot();
      const list = new HeldList(this.#limits);
      let page = first;
      for (;;) {
        for (const [at, entry] of page.entries.entries()) {
          list.add(entry);
          if (at % entriesPerTurn === entriesPerTurn - 1) await nextTurn();
        }
        for (const exemption of page.exemptions) list.exempt(exemption);
        if (page.nextPage === null) break;
        page = await this.#feed.snapshot(page.nextPage);
        if (page.epoch !== first.epoch) break;
      }
      if (page.epoch !== first.epoch) continue;
      list.switches = first.switches;
      this.#swap(list, { epoch: first.epoch, sequence: first.sequence });
      this.#counts.snapshots += 1;
      this.#keeper?.changed();
      return;
    }
    throw neverRead();
  }

  #swap(list: HeldList, cursor: Cursor): void {
    this.#counts.droppedBefore += this.#list.dropped;
    this.#list = list;
    this.#cursor = cursor;
    this.#isKnown = true;
  }

  /** At most once a second of this clock: a lookup honours the expiry anyway, this gives the memory back. */
  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && this.#sweepAtMs - nowMs <= 1000) return;
    this.#sweepAtMs = nowMs + 1000;
    this.#list.sweep(nowMs);
  }
}

/** What is new to whoever stands there; null: something is missing. What came before is left out. */
const newsIn = (answer: Changes, { epoch, sequence }: Cursor): readonly Change[] | null => {
  if (answer.kind === 'gap' || answer.cursor.epoch !== epoch) return null;
  const news = answer.changes.filter((change) => change.sequence > sequence);
  const isWhole = news.every((change, at) => change.sequence === sequence + 1 + at);
  return isWhole && answer.cursor.sequence <= sequence + news.length ? news : null;
};
