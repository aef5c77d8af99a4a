import { CompressionTypes, type Kafka, type Message, Partitioners, type Producer, type RecordMetadata } from 'kafkajs';
import { TidegateError } from '../errors.ts';
import { type FrameWriter, maxFrameBytes, type OutgoingFrame, type Positions } from '../event/event-log.ts';
import { formatFrameHeaders } from '../event/frame.ts';
import { logFailed } from './client.ts';

/**
 * Frames of one partition travel as one record batch, and a broker refuses batches over 1 MiB by default. The rest is
 * for headers.
 */
const maxBatchBytes = 1_000_000;
const headerAllowanceBytes = 1_000;

/** One request to one broker. */
const maxSendBytes = 16 * 1024 * 1024;

const brokerTimeoutMs = 10_000;

/** `gzip`: a twentieth of the bytes on the wire and on the broker's disks, for as much CPU again as writing the rows. */
export const compressions = ['none', 'gzip'] as const;
export type Compression = (typeof compressions)[number];

const kafkajsTypes: Readonly<Record<Compression, CompressionTypes>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
};

interface WriterTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly compression: Compression;
}

/** Appends frames to one topic through a producer of its own, one send at a time. */
export class KafkaFrameWriter implements FrameWriter {
  readonly partitions: number;
  readonly #topic: string;
  readonly #producer: Producer;
  readonly #compression: Compression;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(producer: Producer, { topic, partitions, compression }: WriterTopic) {
    this.#producer = producer;
    this.#topic = topic;
    this.#compression = compression;
    this.partitions = partitions;
  }

  static async open(kafka: Kafka, target: WriterTopic): Promise<KafkaFrameWriter> {
    const producer = kafka.producer({
      // Not idempotent, on purpose. When kafkajs gives up on a send it takes its sequence number back, although the
      // broker may have stored it: the next frame gets the same number, is taken for a repetition, acknowledged and
      // dropped. A frame that is stored twice, on the other hand, is recognised by its reader.
      idempotent: false,
      maxInFlightRequests: 1,
      // The caller tries again, with what has merged meanwhile.
      retry: { retries: 1, initialRetryTime: 100 },
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await producer.connect();
    } catch (error) {
      throw logFailed(`cannot open topic ${target.topic} for writing`, error, true);
    }
    return new KafkaFrameWriter(producer, target);
  }

  append(frames: readonly OutgoingFrame[]): Promise<Positions> {
    const answer = this.#tail.then(() => this.#append(frames));
    // The next call waits for this one to end, well or badly; how it ended is its own caller's affair.
    this.#tail = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#tail;
    await this.#producer.disconnect();
  }

  async #append(frames: readonly OutgoingFrame[]): Promise<Positions> {
    if (this.#isClosed) throw refusal('this writer is closed');
    for (const { partition, body } of frames) {
      if (partition < 0 || partition >= this.partitions) throw refusal(`${this.#topic} has no partition ${partition}`);
      if (body.length > maxFrameBytes) throw refusal(`a frame of ${body.length} bytes; at most ${maxFrameBytes} fit`);
    }
    const positions = new Map<number, number>();
    for (const part of sendable(frames)) await this.#send(part, positions);
    return positions;
  }

  async #send(frames: readonly OutgoingFrame[], positions: Map<number, number>): Promise<void> {
    const compression = kafkajsTypes[this.#compression];
    const messages = frames.map(messageFor);
    const record = { topic: this.#topic, acks: -1, timeout: brokerTimeoutMs, compression, messages };
    let answers: RecordMetadata[];
    try {
      answers = await this.#producer.send(record);
    } catch (error) {
      throw logFailed(`cannot append to ${this.#topic}`, error, true);
    }
    for (const { partition, baseOffset } of answers) {
      const count = frames.filter((frame) => frame.partition === partition).length;
      positions.set(partition, Number(baseOffset) + count);
    }
  }
}

const refusal = (message: string): TidegateError => new TidegateError('LOG_FAILED', message);

const messageFor = ({ partition, headers, body, key }: OutgoingFrame): Message => ({
  partition,
  ...(key === undefined ? {} : { key }),
  value: body,
  headers: formatFrameHeaders(headers),
});

/** Cuts the frames, in their order, into runs that fit one record batch per partition and one request in all. */
const sendable = (frames: readonly OutgoingFrame[]): OutgoingFrame[][] => {
  const runs: OutgoingFrame[][] = [];
  let run: OutgoingFrame[] = [];
  let runBytes = 0;
  let partitionBytes = new Map<number, number>();
  for (const frame of frames) {
    const size = frame.body.length + headerAllowanceBytes;
    const inPartition = (partitionBytes.get(frame.partition) ?? 0) + size;
    if (run.length > 0 && (inPartition > maxBatchBytes || runBytes + size > maxSendBytes)) {
      runs.push(run);
      run = [];
      runBytes = 0;
      partitionBytes = new Map();
    }
    run.push(frame);
    runBytes += size;
    partitionBytes.set(frame.partition, (partitionBytes.get(frame.partition) ?? 0) + size);
  }
  if (run.length > 0) runs.push(run);
  return runs;
};
