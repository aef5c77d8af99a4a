import { eventVersion } from '../event/decision-event.ts';
import {
  type EventLog,
  type FrameWriter,
  type LogRecord,
  maxFrameBytes,
  type OutgoingFrame,
} from '../event/event-log.ts';
import { crc32Hex } from '../event/frame.ts';

/** A record, or one row of it, that cannot be stored. */
export interface DeadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly record: LogRecord;
  readonly error: string;
  /** Only this row. */
  readonly row?: { readonly index: number; readonly bytes: Buffer };
}

const maxErrorLength = 500;
const maxHeaderLength = 200;
const maxHeaders = 20;
/** Left for the line that describes the record. */
const descriptionBytes = 64 * 1024;

const clipped = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .slice(0, maxHeaders)
      .map(([name, value]) => [name.slice(0, maxHeaderLength), value.slice(0, maxHeaderLength)]),
  );

/** One line of JSON that says what and why, then the bytes of the record or row as they came. */
const letterOf = ({ topic, partition, record, error, row }: DeadRecord): Buffer => {
  const bytes = row?.bytes ?? record.body;
  const kept = bytes.subarray(0, maxFrameBytes - descriptionBytes);
  const line = JSON.stringify({
    topic,
    partition,
    offset: record.offset,
    ...(row ? { index: row.index } : {}),
    appendedAtMs: record.appendedAtMs,
    error: error.slice(0, maxErrorLength),
    headers: clipped(record.headers),
    bytes: bytes.length,
    truncated: kept.length < bytes.length,
  });
  return Buffer.concat([Buffer.from(`${line}\n`), kept]);
};

const frameOf = (dead: DeadRecord, partitions: number): OutgoingFrame => {
  const body = letterOf(dead);
  const { partition, record } = dead;
  return {
    partition: partition % partitions,
    headers: {
      v: eventVersion,
      emitter: `dead-letters-${partition}`,
      firstSeq: record.offset + 1,
      rows: 1,
      deniedRows: 0,
      total: 0,
      minTimeMs: record.appendedAtMs,
      maxTimeMs: record.appendedAtMs,
      crc32: crc32Hex([body]),
      last: false,
    },
    body,
  };
};

/**
 * The topic of records that cannot be stored, in the order of their failure. After a crash one may be there twice:
 * (topic, partition, offset, index) tells.
 */
export class DeadLetters {
  readonly #log: EventLog;
  readonly #topic: string;
  #writer: Promise<FrameWriter> | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(log: EventLog, topic: string) {
    this.#log = log;
    this.#topic = topic;
  }

  /** Resolves when they are durable. Rejects with LOG_FAILED. */
  put(dead: readonly DeadRecord[]): Promise<void> {
    const turn = this.#tail.then(() => this.#append(dead));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#tail;
    await (await this.#writer)?.close();
  }

  async #append(dead: readonly DeadRecord[]): Promise<void> {
    this.#writer ??= this.#log.writer(this.#topic);
    try {
      const writer = await this.#writer;
      for (const one of dead) await writer.append([frameOf(one, writer.partitions)]);
    } catch (error) {
      this.#writer = null;
      throw error;
    }
  }
}
