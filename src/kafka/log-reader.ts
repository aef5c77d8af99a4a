import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import {
  type LogReader,
  type LogRecord,
  maxMetadataBytes,
  type RecordBatch,
  type RecordHandler,
} from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import { Assignment, type AssignmentPort } from './assignment.ts';
import { type KafkaConnection, logFailed } from './client.ts';
import { committedOffsets, offsetRanges, offsetRangesWhenKnown } from './topic.ts';
import { topicIdOf } from './topic-id.ts';

export interface KafkaReaderOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  readonly group: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxWaitMs: number;
  readonly sessionTimeoutMs: number;
  readonly retryPauseMs: number;
  /** Offsets are left out: none is missed. */
  readonly compacted: boolean;
}

/** Partitions whose handlers may run at once. */
const concurrency = 4;
/** What a reader that is behind gets of one partition at once: a block of ingest costs the same for few rows and for many. */
const maxBytesPerPartition = 4 * 1024 * 1024;
/** Of all of them: a few megabytes a second must do within kafkajs' time for a request. */
const maxBytesPerFetch = 16 * 1024 * 1024;
/** Also how soon a reader notices that another one has joined. */
const maxHeartbeatMs = 1_000;

/** What a broker answers to a member that the group no longer counts. */
const expelled = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'FENCED_INSTANCE_ID'];
const errorType = (error: unknown): string => (error as { type?: string }).type ?? '';

/** One kafkajs consumer, and the assignment that it has at the moment. */
export class KafkaLogReader implements LogReader {
  readonly #options: KafkaReaderOptions;
  #handler: RecordHandler | null = null;
  #consumer: Consumer | null = null;
  #assignment: Assignment | null = null;
  #isStopped = false;
  #joined: { resolve(): void; reject(error: unknown): void } | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: KafkaReaderOptions) {
    this.#options = options;
  }

  async start(handler: RecordHandler): Promise<void> {
    if (this.#handler || this.#isStopped) {
      throw new TidegateError('LOG_FAILED', 'a reader starts once; open another');
    }
    this.#handler = handler;
    const joined = new Promise<void>((resolve, reject) => {
      this.#joined = { resolve, reject };
    });
    await Promise.all([this.#open(), joined]);
  }

  async lag(): Promise<ReadonlyMap<number, number>> {
    const positions = [...(this.#assignment?.positions ?? [])];
    if (positions.length === 0) return new Map();
    try {
      const ranges = await offsetRanges(this.#options.connection.admin, this.#options.topic);
      return new Map(
        positions.map(([partition, position]) => [
          partition,
          Math.max(0, (ranges.get(partition)?.high ?? position) - position),
        ]),
      );
    } catch (error) {
      throw logFailed(`cannot ask how far ${this.#options.topic} is`, error, true);
    }
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    // First the consumer, which waits for running handlers: what they commit on the way out still counts.
    await this.#consumer?.disconnect();
    await this.#assignment?.end();
    this.#joined?.resolve();
  }

  async #open(): Promise<void> {
    const { connection, topic, group, maxWaitMs, sessionTimeoutMs } = this.#options;
    const consumer = connection.kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(60_000, sessionTimeoutMs),
      heartbeatInterval: Math.min(maxHeartbeatMs, sessionTimeoutMs / 4),
      maxWaitTimeInMs: maxWaitMs,
      minBytes: 1,
      maxBytesPerPartition,
      maxBytes: maxBytesPerFetch,
      allowAutoTopicCreation: false,
    });
    this.#consumer = consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#begin(consumer, payload.memberAssignment[topic] ?? []);
    });
    consumer.on(consumer.events.REBALANCING, () => this.#assignment?.end());
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#crashed(payload.error, payload.restart));
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: concurrency,
        eachBatch: (payload) => this.#eachBatch(payload),
      });
    } catch (error) {
      await consumer.disconnect();
      throw logFailed(`cannot read ${topic}`, error, true);
    }
  }

  /** Called by kafkajs between joining and the first fetch, in the same turn: pausing here keeps that fetch from coming. */
  #begin(consumer: Consumer, partitions: readonly number[]): void {
    const { clock, logger, retryPauseMs, topic, compacted } = this.#options;
    if (!this.#handler) return;
    consumer.pause([{ topic, partitions: [...partitions] }]);
    const port = this.#portOf(consumer);
    const options = { partitions, handler: this.#handler, port, clock, logger, retryPauseMs, compacted };
    const assignment = new Assignment(options, this.#assignment);
    this.#assignment = assignment;
    void assignment.ready.then(() => this.#joined?.resolve());
  }

  #portOf(consumer: Consumer): AssignmentPort {
    const { connection, topic, group, logger } = this.#options;
    const whileRunning = (call: () => void): void => {
      try {
        call();
      } catch (error) {
        // It runs no more: when it joins again, everything is assigned anew.
        logger.debug({ group, cause: messageOf(error) }, 'event log reader is between two sessions');
      }
    };
    return {
      read: async () => {
        const committed = await committedOffsets(connection.admin, group, topic);
        const ranges = await offsetRangesWhenKnown(connection, topic);
        return { topicId: await topicIdOf(connection.kafka, topic), committed, ranges };
      },
      seek: (partition, offset) => whileRunning(() => consumer.seek({ topic, partition, offset: String(offset) })),
      resume: (partition) => whileRunning(() => consumer.resume([{ topic, partitions: [partition] }])),
      pause: (partition) => whileRunning(() => consumer.pause([{ topic, partitions: [partition] }])),
    };
  }

  #crashed(error: Error, restarts: boolean): void {
    const { clock, logger, group, retryPauseMs } = this.#options;
    void this.#assignment?.end();
    if (restarts || this.#isStopped) return;
    logger.error({ group, cause: messageOf(error) }, 'event log reader broke down; it starts again after a pause');
    this.#joined?.reject(logFailed(`cannot join group ${group}`, error, false));
    clock.schedule(retryPauseMs, () => {
      if (!this.#isStopped) this.#open().catch((cause: Error) => this.#crashed(cause, false));
    });
  }

  /** Never rejects: kafkajs would leave the group for a handler's error, and for a TypeError stop for good. */
  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const assignment = this.#assignment;
    const { batch } = payload;
    if (!assignment?.owns(batch.partition) || payload.isStale()) return;
    const stopHeartbeats = this.#beat(payload);
    try {
      const isDone = await assignment.handle(this.#batchOf(payload, assignment));
      if (isDone) payload.resolveOffset(batch.lastOffset());
    } finally {
      stopHeartbeats();
    }
  }

  /** A handler may take as long as it likes. */
  #beat(payload: EachBatchPayload): () => void {
    const { clock, logger, sessionTimeoutMs } = this.#options;
    const everyMs = Math.min(maxHeartbeatMs, sessionTimeoutMs / 4);
    const beat = (): void => {
      // A rebalance waits until the handlers have ended; then kafkajs joins again by itself.
      payload.heartbeat().catch((error: unknown) => logger.debug({ cause: messageOf(error) }, 'heartbeat failed'));
      timer = clock.schedule(everyMs, beat);
    };
    let timer = clock.schedule(everyMs, beat);
    return () => timer.cancel();
  }

  #batchOf(payload: EachBatchPayload, assignment: Assignment): RecordBatch {
    const { topic } = this.#options;
    const { partition, messages, highWatermark } = payload.batch;
    const mustOwn = (): void => {
      if (assignment === this.#assignment && assignment.owns(partition)) return;
      throw new TidegateError('LOG_FAILED', `this reader no longer owns partition ${partition} of ${topic}`);
    };
    const guarded = async (what: string, call: () => Promise<void>): Promise<void> => {
      mustOwn();
      try {
        await call();
      } catch (error) {
        throw logFailed(
          `cannot ${what} for partition ${partition} of ${topic}`,
          error,
          !expelled.includes(errorType(error)),
        );
      }
    };
    return {
      partition,
      records: messages.map(recordOf),
      endOffset: Number(highWatermark),
      commit: async (offset, metadata) => {
        if (Buffer.byteLength(metadata) > maxMetadataBytes) {
          throw new TidegateError('LOG_FAILED', `commit metadata is longer than ${maxMetadataBytes} bytes`);
        }
        const stored = { partition, offset: String(offset), metadata };
        // Not consumer.commitOffsets: that resolves without having committed while the consumer stops.
        await guarded('commit', () => payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [stored] }] }));
      },
      heartbeat: () => guarded('send a heartbeat', () => heartbeat(payload)),
    };
  }
}

const heartbeat = async (payload: EachBatchPayload): Promise<void> => {
  try {
    await payload.heartbeat();
  } catch (error) {
    // The group waits for this member to finish what it does: it still owns the partition.
    if (errorType(error) !== 'REBALANCE_IN_PROGRESS') throw error;
  }
};

const textOf = (value: unknown): string =>
  Array.isArray(value) ? textOf(value[0]) : Buffer.isBuffer(value) ? value.toString('utf8') : String(value ?? '');

const recordOf = ({ offset, timestamp, headers, value }: KafkaMessage): LogRecord => ({
  offset: Number(offset),
  appendedAtMs: Number(timestamp),
  headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, textOf(text)])),
  body: value ?? Buffer.alloc(0),
});
