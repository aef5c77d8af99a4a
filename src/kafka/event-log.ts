import type { Clock } from '../clock.ts';
import type { Committed, EventLog, FrameWriter, LogReader, Positions, TopicOptions } from '../event/event-log.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { connectKafka, type KafkaConnection, logFailed } from './client.ts';
import { type Compression, KafkaFrameWriter } from './frame-writer.ts';
import { KafkaLogReader } from './log-reader.ts';
import { committedOffsets, ensureTopic, offsetRangesWhenKnown } from './topic.ts';

export interface KafkaEventLogOptions {
  /** `kafka://user:password@a:9092,b:9092?ssl=true&sasl=scram-sha-256`, see {@link parseKafkaUrl}. */
  readonly url: string;
  /** Paces retries and heartbeats: real time, also where events are of another year. */
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Of topics that are created, >= 1. Those that exist keep theirs. Default 12. */
  readonly partitions?: number;
  /** How long a fetch may wait for a first record, and a stop for a fetch, milliseconds. Default 250. */
  readonly maxWaitMs?: number;
  /**
   * A reader that is silent for so long loses its partitions, milliseconds; brokers take 6,000 or more. Also how long a
   * group stands still after its broker was restarted, since kafkajs comes back as a new member. Default 10,000.
   */
  readonly sessionTimeoutMs?: number;
  /** Of the frames that are written. Readers understand both, also side by side. Default `none`. */
  readonly compression?: Compression;
  /** Between a handler's first rejection and the next try, milliseconds; doubles up to 30 s. Default 1,000. */
  readonly retryPauseMs?: number;
}

const defaults = {
  logger: silentLogger,
  partitions: 12,
  maxWaitMs: 250,
  sessionTimeoutMs: 10_000,
  retryPauseMs: 1_000,
  compression: 'none' as Compression,
};

/**
 * Connects to Kafka.
 *
 * @throws TidegateError CONFIG_INVALID for a bad URL, with every problem; ENGINE_UNREACHABLE within about five seconds.
 */
export const openKafkaEventLog = async (options: KafkaEventLogOptions): Promise<EventLog> => {
  const settings = { ...defaults, ...options };
  return new KafkaEventLog(await connectKafka(settings), settings);
};

class KafkaEventLog implements EventLog {
  readonly #connection: KafkaConnection;
  readonly #settings: Required<KafkaEventLogOptions>;
  readonly #opened = new Set<{ end(): Promise<void> }>();

  constructor(connection: KafkaConnection, settings: Required<KafkaEventLogOptions>) {
    this.#connection = connection;
    this.#settings = settings;
  }

  async writer(topic: string, as: TopicOptions = {}): Promise<FrameWriter> {
    const partitions = await this.#ensure(topic, as);
    const writer = await KafkaFrameWriter.open(this.#connection.kafka, {
      topic,
      partitions,
      compression: this.#settings.compression,
    });
    this.#opened.add({ end: () => writer.close() });
    return writer;
  }

  async reader(topic: string, group: string, as: TopicOptions = {}): Promise<LogReader> {
    await this.#ensure(topic, as);
    const { compacted = false } = as;
    const { clock, logger, maxWaitMs, sessionTimeoutMs, retryPauseMs } = this.#settings;
    const connection = this.#connection;
    const timing = { maxWaitMs, sessionTimeoutMs, retryPauseMs };
    const reader = new KafkaLogReader({ connection, topic, group, clock, logger, compacted, ...timing });
    this.#opened.add({ end: () => reader.stop() });
    return reader;
  }

  async endPositions(topic: string): Promise<Positions> {
    await this.#ensure(topic);
    try {
      const ranges = await offsetRangesWhenKnown(this.#connection, topic);
      return new Map([...ranges].map(([partition, { high }]) => [partition, high] as const).sort(([a], [b]) => a - b));
    } catch (error) {
      throw logFailed(`cannot ask where ${topic} ends`, error, true);
    }
  }

  async committedOf(topic: string, group: string): Promise<ReadonlyMap<number, Committed>> {
    await this.#ensure(topic);
    try {
      return await committedOffsets(this.#connection.admin, group, topic);
    } catch (error) {
      throw logFailed(`cannot ask what ${group} has committed of ${topic}`, error, true);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened].map((opened) => opened.end()));
    await this.#connection.admin.disconnect();
  }

  async #ensure(topic: string, as: TopicOptions = {}): Promise<number> {
    try {
      return await ensureTopic(this.#connection, topic, { partitions: this.#settings.partitions, ...as });
    } catch (error) {
      throw logFailed(`cannot open topic ${topic}`, error, true);
    }
  }
}
