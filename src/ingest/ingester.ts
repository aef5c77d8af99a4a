import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import {
  type EventLog,
  type LogReader,
  type Positions,
  type RecordHandler,
  type TopicOptions,
  topics,
} from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import type { RowDecoder } from './block.ts';
import { DeadLetters } from './dead-letters.ts';
import type { EventTable } from './event-table.ts';
import { ingestedTopics } from './ingested-topics.ts';
import { KeptTimes } from './kept-times.ts';
import { type PartitionContext, PartitionIngest } from './partition-ingest.ts';
import { Patience } from './patience.ts';
import { startOf } from './start.ts';
import { type IngestStats, newTally, type Tally } from './tally.ts';

export type { IngestStats } from './tally.ts';

export interface IngesterOptions {
  readonly log: EventLog;
  /** Where this topic's events go. */
  readonly table: EventTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Readers of one group share the partitions. Default `tidegate-ingest`. */
  readonly group?: string;
  /** Default `tidegate.decisions`. */
  readonly topic?: string;
  /** Reads one row of the topic, to tell whose it is. Default: decisions. */
  readonly decodeRow?: RowDecoder;
  /** The log keeps the newest record of each key only: offsets and positions are left out. Default false. */
  readonly compacted?: boolean;
  /** As which the topic is created where it is missing. Default: as the log makes topics. */
  readonly as?: TopicOptions;
  /** Default `tidegate.dead-letters`. */
  readonly deadLetterTopic?: string;
  /** Rows of one block, 1 to 500,000: it must fit one insert. Default 50,000. */
  readonly maxBlockRows?: number;
  /** Bytes of one block. Default 16 MiB. */
  readonly maxBlockBytes?: number;
  /**
   * Least time between two blocks of one partition, milliseconds. Default 0: what is fetched is stored at once. With a
   * server and many partitions, 1,000 keeps the number of parts that it has to merge low.
   */
  readonly blockIntervalMs?: number;
}

/** Brings the events of one topic into their table, each exactly once. */
export interface Ingester {
  /** Joins the group; resolves when it takes part. Once. */
  start(): Promise<void>;
  /**
   * Ends the block that is being stored and leaves the group. While the database is away it waits for nothing: what was
   * under way is known from the log and settled by the next owner.
   */
  stop(): Promise<void>;
  /** Of the partitions owned now: all records below are stored and visible. */
  positions(): Positions;
  /**
   * Resolves when all records below these positions are stored and visible. Only this ingester's own partitions count.
   * Rejects with LOG_FAILED when it is stopped before.
   */
  whenReached(positions: Positions): Promise<void>;
  /** How far each owned partition is behind its end, records. */
  lag(): Promise<ReadonlyMap<number, number>>;
  stats(): IngestStats;
}

interface Waiter {
  readonly positions: Positions;
  readonly resolve: () => void;
  readonly reject: (reason: TidegateError) => void;
}

const stopped = (): TidegateError => new TidegateError('LOG_FAILED', 'Ingest was stopped before it came that far');

class LogIngester implements Ingester, RecordHandler {
  readonly #options: Required<Omit<IngesterOptions, 'as'>> & Pick<IngesterOptions, 'as'>;
  readonly #tally: Tally = newTally();
  readonly #patience: Patience;
  readonly #deadLetters: DeadLetters;
  readonly #kept: KeptTimes;
  readonly #partitions = new Map<number, PartitionIngest>();
  /** Partitions whose records the log brings again, because an engine is away. */
  readonly #givenBack = new Set<number>();
  #waiters: Waiter[] = [];
  #reader: LogReader | null = null;

  constructor(options: Required<Omit<IngesterOptions, 'as'>> & Pick<IngesterOptions, 'as'>) {
    this.#options = options;
    const { clock, logger, log, deadLetterTopic } = options;
    const onRetry = (): void => {
      this.#tally.retries += 1;
    };
    const onWait = (change: 1 | -1): void => {
      this.#tally.waitingPartitions += change;
    };
    this.#patience = new Patience({ clock, logger, onRetry, onWait });
    this.#deadLetters = new DeadLetters(log, deadLetterTopic);
    this.#kept = new KeptTimes(options.table, clock);
  }

  async start(): Promise<void> {
    const { log, topic, group, compacted, as } = this.#options;
    this.#reader = await log.reader(topic, group, { ...as, compacted });
    await this.#reader.start(this);
  }

  async stop(): Promise<void> {
    this.#patience.stop();
    await this.#reader?.stop();
    await this.#deadLetters.close();
    for (const { reject } of this.#waiters) reject(stopped());
    this.#waiters = [];
  }

  positions(): Positions {
    return new Map([...this.#partitions].map(([partition, { nextOffset }]) => [partition, nextOffset]));
  }

  whenReached(positions: Positions): Promise<void> {
    if (this.#hasReached(positions)) return Promise.resolve();
    if (this.#patience.isStopped) return Promise.reject(stopped());
    return new Promise((resolve, reject) => this.#waiters.push({ positions, resolve, reject }));
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    return (await this.#reader?.lag()) ?? new Map();
  }

  stats(): IngestStats {
    return { ...this.#tally, waitingPartitions: this.#tally.waitingPartitions + this.#givenBack.size };
  }

  async assigned(...[partition, committed, state]: Parameters<RecordHandler['assigned']>): Promise<void> {
    const { topic, table, clock, logger } = this.#options;
    const ledger = await table.ledgerEnd(topic, partition);
    const start = startOf({ topic, partition, committed, ledger, state, nowMs: clock.nowMs() });
    state.startAt(start.readFrom);
    if (start.surprise !== '') {
      const { nextOffset, topicId } = start;
      const fields = {
        topic,
        partition,
        committed: committed.offset,
        ledgerEnd: ledger?.endOffset,
        nextOffset,
        topicId,
      };
      logger.warn(fields, start.surprise);
    }
    this.#partitions.set(partition, new PartitionIngest(this.#context(), partition, start));
    this.#wake();
  }

  async handle(batch: Parameters<RecordHandler['handle']>[0]): Promise<void> {
    const { partition } = batch;
    this.#givenBack.delete(partition);
    try {
      await this.#partitions.get(partition)?.handle(batch);
    } catch (error) {
      if (error instanceof TidegateError && error.retryable) this.#givenBack.add(partition);
      throw error;
    }
  }

  revoked(partition: number): void {
    this.#partitions.delete(partition);
    this.#givenBack.delete(partition);
  }

  #context(): PartitionContext {
    const { topic, table, decodeRow, compacted, logger, clock } = this.#options;
    const { maxBlockRows, maxBlockBytes, blockIntervalMs } = this.#options;
    return {
      topic,
      table,
      decodeRow,
      compacted,
      logger,
      clock,
      blockIntervalMs,
      deadLetters: this.#deadLetters,
      keepsSince: () => this.#kept.since(),
      patience: this.#patience,
      tally: this.#tally,
      limits: { maxRows: maxBlockRows, maxBytes: maxBlockBytes },
      onStored: () => this.#wake(),
    };
  }

  #hasReached(positions: Positions): boolean {
    return [...positions].every(([partition, offset]) => (this.#partitions.get(partition)?.nextOffset ?? 0) >= offset);
  }

  #wake(): void {
    const reached = this.#waiters.filter(({ positions }) => this.#hasReached(positions));
    this.#waiters = this.#waiters.filter((waiter) => !reached.includes(waiter));
    for (const { resolve } of reached) resolve();
  }
}

/** An ingester; see {@link Ingester}. It does nothing before start(). */
export const createIngester = (options: IngesterOptions): Ingester =>
  new LogIngester({
    ...ingestedTopics.decisions,
    deadLetterTopic: topics.deadLetters,
    maxBlockRows: 50_000,
    maxBlockBytes: 16 * 1024 * 1024,
    blockIntervalMs: 0,
    ...options,
  });
