import type { Cursor } from '../blocklist/block-feed.ts';
import type { ChangeLog, LoggedChange } from '../blocklist/change-log.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type EventLog, type FrameWriter, type OutgoingFrame, topics } from '../event/event-log.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { framesOf } from './change-row.ts';

export const relayDefaults = {
  /** Between two looks at the change log when there was nothing, milliseconds. */
  pollMs: 500,
  /** How long a relay that is gone keeps others waiting. */
  leaseMs: 10_000,
} as const;

export interface RelayOptions {
  readonly changes: ChangeLog;
  readonly log: Pick<EventLog, 'writer'>;
  readonly clock: Clock;
  /** Names this relay among the others, for as long as it lives. */
  readonly holder: string;
  readonly logger?: Logger;
  /** Default `tidegate.blocks`. */
  readonly topic?: string;
  readonly pollMs?: number;
  readonly leaseMs?: number;
}

export interface RelayStats {
  /** Whether this is the one that publishes. */
  readonly isLeader: boolean;
  readonly published: number;
  /** Changes that were gone before they could be published, as far as the list can tell. */
  readonly lost: number;
  /** How often some were, or the list had begun a new epoch. */
  readonly gaps: number;
  /** Attempts that failed and are made again. */
  readonly failures: number;
  /** How long the oldest change that is known and not published has been waiting; 0: there is none. */
  readonly lagMs: number;
}

export interface ChangeRelay {
  /** Begins to try for the lead, and to publish once it has it. Needs neither list nor log to be there yet. */
  start(): void;
  /** Lets a send that is under way end. What is not marked by then is published again by the next leader. */
  stop(): Promise<void>;
  stats(): RelayStats;
}

const maxChanges = 500;
const firstBackOffMs = 100;
const maxBackOffMs = 5_000;

/**
 * Publishes the change log of the block list to the event log, in order and each change at least once under the same
 * number: what reads it skips what it has seen. One of many relays at a time does it.
 */
export const createRelay = (options: RelayOptions): ChangeRelay => new LogRelay(options);

/** What is read and not marked yet. */
interface Batch {
  readonly frames: readonly OutgoingFrame[];
  readonly changes: readonly LoggedChange[];
  readonly cursor: Cursor;
  isAppended: boolean;
}

class LogRelay implements ChangeRelay {
  readonly #options: RelayOptions;
  readonly #logger: Logger;
  readonly #leaseMs: number;
  #writer: FrameWriter | null = null;
  /** Null: it does not lead. */
  #lead: { position: Cursor | null } | null = null;
  #batch: Batch | null = null;
  #isStopping = false;
  #working: Promise<void> | null = null;
  #endPause: () => void = () => undefined;
  readonly #counts = { published: 0, lost: 0, gaps: 0, failures: 0 };

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#leaseMs = options.leaseMs ?? relayDefaults.leaseMs;
  }

  start(): void {
    this.#isStopping = false;
    this.#working ??= this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause();
    await this.#working;
    this.#working = null;
    this.#lead = null;
    this.#batch = null;
    await this.#writer?.close();
    this.#writer = null;
  }

  stats(): RelayStats {
    const oldest = this.#batch?.changes[0];
    const lagMs = oldest ? Math.max(0, this.#options.clock.nowMs() - oldest.timeMs) : 0;
    return { ...this.#counts, isLeader: this.#lead !== null, lagMs };
  }

  async #work(): Promise<void> {
    const { pollMs = relayDefaults.pollMs } = this.#options;
    let backOffMs = firstBackOffMs;
    while (!this.#isStopping) {
      try {
        const isMore = await this.#turn();
        backOffMs = firstBackOffMs;
        if (!isMore) await this.#pause(pollMs);
      } catch (error) {
        this.#counts.failures += 1;
        this.#logger.warn({ err: messageOf(error), backOffMs }, 'changes of blocks wait to be published');
        await this.#pause(backOffMs);
        backOffMs = Math.min(backOffMs * 2, maxBackOffMs);
      }
    }
  }

  /** Whether there may be more to do at once. */
  async #turn(): Promise<boolean> {
    if (!(await this.#leads())) return false;
    this.#batch ??= await this.#read();
    const batch = this.#batch;
    if (!batch) return false;
    if (!batch.isAppended) {
      this.#writer ??= await this.#options.log.writer(this.#options.topic ?? topics.blocks);
      await this.#writer.append(batch.frames);
      batch.isAppended = true;
      this.#counts.published += batch.changes.length;
    }
    // While the log was away, another may have taken the lead, and a position further on.
    if (!(await this.#leads())) return false;
    await this.#options.changes.markRelayed(batch.cursor);
    if (this.#lead) this.#lead.position = batch.cursor;
    this.#batch = null;
    return true;
  }

  /** Takes or keeps the lead. A new leader goes on from what is marked. */
  async #leads(): Promise<boolean> {
    const { changes, holder } = this.#options;
    if (!(await changes.leadRelay(holder, this.#leaseMs))) {
      if (this.#lead) this.#logger.info({ holder }, 'another relay publishes the changes of blocks now');
      this.#lead = null;
      this.#batch = null;
      return false;
    }
    if (this.#lead) return true;
    const position = await changes.relayedUpTo();
    this.#lead = { position };
    this.#logger.info({ holder, position }, 'publishing the changes of blocks');
    return true;
  }

  /** Null: nothing is new. */
  async #read(): Promise<Batch | null> {
    const position = this.#lead?.position ?? null;
    const read = await this.#options.changes.loggedAfter(position, maxChanges);
    if (read.kind === 'gap') {
      this.#miss({ lost: read.lost, position, goesOnFrom: read.cursor });
      return { frames: [], changes: [], cursor: read.cursor, isAppended: true };
    }
    const { changes, cursor } = read;
    const [first] = changes;
    if (!first) return null;
    // Nothing was ever published, and the beginning of the log is gone already.
    if (position === null && first.sequence > 1) this.#miss({ lost: first.sequence - 1, position, goesOnFrom: cursor });
    return { frames: framesOf(changes, cursor.epoch), changes, cursor, isAppended: false };
  }

  #miss(gap: { readonly lost: number; readonly position: Cursor | null; readonly goesOnFrom: Cursor }): void {
    this.#counts.gaps += 1;
    this.#counts.lost += gap.lost;
    this.#logger.warn(gap, 'changes of blocks were gone before they could be published');
  }

  /** Ends early when this stops. */
  #pause(delayMs: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(delayMs, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
