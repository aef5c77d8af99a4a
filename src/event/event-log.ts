import type { FrameHeaders } from './frame.ts';

/** Where the next record of each partition will stand: everything below has been appended (or handled). */
export type Positions = ReadonlyMap<number, number>;

/** Larger frame bodies are refused by every log: with headers they would not fit a broker's default of 1 MiB a message. */
export const maxFrameBytes = 900_000;

/** Brokers keep at most 4,096 bytes with a committed offset. */
export const maxMetadataBytes = 4_000;

export interface OutgoingFrame {
  readonly partition: number;
  readonly headers: FrameHeaders;
  /** NDJSON, one event a line, each line ended by `\n`; at most {@link maxFrameBytes}. */
  readonly body: Buffer;
  /** In a compacted topic: of the records with one key the newest stays. At most 200 characters. Default: none. */
  readonly key?: string;
}

export interface TopicOptions {
  /**
   * The topic keeps the newest record of each key for ever, instead of all for a while: if it is created, and what a
   * reader has to expect. Default false.
   */
  readonly compacted?: boolean;
  /** Of the topic, if it is created, >= 1. Default: as many as the log gives every topic. */
  readonly partitions?: number;
  /** How long records are kept, if it is created, milliseconds. Default: as long as the broker keeps others. */
  readonly retentionMs?: number;
}

/** The writing side of the event log: one topic of numbered partitions. */
export interface FrameWriter {
  /** How many partitions there are: >= 1, constant while open. */
  readonly partitions: number;
  /**
   * Appends the frames in order and resolves when they are durable, with the positions just behind them. One call at a
   * time: the caller waits for the answer. Rejects with TidegateError LOG_FAILED; when that is retryable, some of the
   * frames may have been appended, else (a frame too large, no such partition, closed) none was.
   */
  append(frames: readonly OutgoingFrame[]): Promise<Positions>;
  close(): Promise<void>;
}

export interface LogRecord {
  readonly offset: number;
  /** The broker's time, milliseconds. */
  readonly appendedAtMs: number;
  /** As they came: a reader parses and checks them with the frame codec. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a group has committed for one partition. */
export interface Committed {
  /** Null: nothing yet; reading starts at the oldest record. */
  readonly offset: number | null;
  /** '' when none was given. */
  readonly metadata: string;
}

/** What the log holds of a partition when it is assigned. */
export interface PartitionState {
  /** Another one when the topic was deleted and made anew: its offsets mean other records then. '': the log cannot tell. */
  readonly topicId: string;
  /** Offset of the oldest record, and just behind the newest. Equal: there is none. */
  readonly oldestOffset: number;
  readonly endOffset: number;
  /** Reading starts there, not at what is committed. Only before assigned() resolves. */
  startAt(offset: number): void;
}

export interface RecordBatch {
  readonly partition: number;
  /** In order of offset, at least one. */
  readonly records: readonly LogRecord[];
  /** Just behind the newest record of the partition: equals the last offset + 1 when the reader has caught up. */
  readonly endOffset: number;
  /**
   * Stores offset and metadata (at most 4,000 bytes of ASCII) for the group. Rejects when this reader no longer owns the
   * partition.
   */
  commit(offset: number, metadata: string): Promise<void>;
  /** Tells the group that this reader lives; call it at least every few seconds of work. Rejects when it was expelled. */
  heartbeat(): Promise<void>;
}

/** Called by a reader; calls for one partition never overlap. */
export interface RecordHandler {
  /**
   * This reader owns the partition from now on; records follow from `committed.offset`, or from the oldest one when
   * retention has overtaken that: then the first batch starts at a later offset. When the log holds less than was
   * committed, they follow from the oldest one, too. A rejection is logged, and the call comes again after a pause. It
   * also comes again, after revoked(), when the log has been found to begin anew.
   */
  assigned(partition: number, committed: Committed, state: PartitionState): Promise<void>;
  /** A rejection is logged and the same records come again after a pause. */
  handle(batch: RecordBatch): Promise<void>;
  /** The partition has gone to another reader, or the reader stops. */
  revoked(partition: number): void;
}

/** One member of a group that shares the partitions among its readers. */
export interface LogReader {
  /** Joins the group; resolves when it takes part. */
  start(handler: RecordHandler): Promise<void>;
  /** How far each owned partition is behind its end, records. */
  lag(): Promise<ReadonlyMap<number, number>>;
  /** Lets running handlers end, then leaves. */
  stop(): Promise<void>;
}

/** The event log: what `kafka://…` and `memory:` open. */
export interface EventLog {
  /** Opens the topic for writing, creating it where it is missing. */
  writer(topic: string, options?: TopicOptions): Promise<FrameWriter>;
  /** One member of a group, which reads this topic alone; creates it where it is missing. */
  reader(topic: string, group: string, options?: TopicOptions): Promise<LogReader>;
  /** Positions just behind the newest record of each partition. */
  endPositions(topic: string): Promise<Positions>;
  /** What a group has committed for each partition of a topic, owned by a reader or not. */
  committedOf(topic: string, group: string): Promise<ReadonlyMap<number, Committed>>;
  close(): Promise<void>;
}

export const topics = {
  decisions: 'tidegate.decisions',
  deadLetters: 'tidegate.dead-letters',
  /** Every change of every block. */
  blocks: 'tidegate.blocks',
  /** Compacted: one record per policy version. */
  policies: 'tidegate.policies',
  /** What processes tell of themselves, every half minute. */
  health: 'tidegate.health',
} as const;

/** A few hundred rows a process and half minute, of interest to those who look now: the database keeps them longer. */
export const healthTopic: TopicOptions = { partitions: 4, retentionMs: 2 * 86_400_000 };
