/** Where the rows of one block come from: [startOffset, endOffset) of a partition. */
export interface BlockRange {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

/** Consecutive events of one emitter, as NDJSON lines exactly as the frame carried them. */
export interface RowRun {
  readonly emitter: string;
  readonly firstSeq: number;
  /** >= 1: positions firstSeq to firstSeq + rows - 1, one a line, in order. */
  readonly rows: number;
  readonly body: Buffer;
}

/** Rows that are stored as one. */
export interface RowBlock extends BlockRange {
  /** >= 1. */
  readonly rows: number;
  /** CRC-32 of all bodies in order, 8 hex digits. */
  readonly crc32: string;
  /** Time of the oldest and the newest row, milliseconds since the epoch. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly runs: readonly RowRun[];
}

/** What of a block is in the table. */
export interface StoredRows {
  /** Rows found; more than there are positions when some are stored twice. */
  readonly rows: number;
  /** Positions found, by emitter. */
  readonly seqs: ReadonlyMap<string, ReadonlySet<number>>;
}

/** How far one emitter came with a block. */
export interface EmitterSpan {
  readonly emitter: string;
  /** Positions firstSeq to lastSeq came with the block; lastSeq < firstSeq: none, it only said where it stands. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of these, rows that are stored by this block: fewer when some had come before or went to the dead letters. */
  readonly rows: number;
  /** Positions before firstSeq that never came. */
  readonly missingRows: number;
  /** Σ count of all its events in this partition up to lastSeq, as it says itself. */
  readonly total: number;
  /** It has said that it sends no more. */
  readonly ended: boolean;
}

/** What is written down of a block that is stored: one line of the ledger. */
export interface StoredBlock extends BlockRange {
  readonly topic: string;
  /** Which of the topics that had this name one after the other: their offsets have nothing in common. */
  readonly topicId: string;
  /** Rows stored; 0 for records that hold none, or none that are new. */
  readonly rows: number;
  readonly crc32: string;
  /** Of the rows, milliseconds since the epoch; both 0 without rows. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly emitters: readonly EmitterSpan[];
  /** Rows that had been stored before, and records and rows that went to the dead letters. */
  readonly doubledRows: number;
  readonly deadLetters: number;
  /** Offsets of the range at which the log held no record any more when they were to be read: retention was faster. */
  readonly lostRecords: number;
  /** It was not known whether the first insert had succeeded: the rows were counted and completed. */
  readonly settled: boolean;
}

/** Where the ledger of a partition ends. */
export interface LedgerEnd {
  readonly topicId: string;
  readonly endOffset: number;
}

/**
 * Where the events of one topic are stored. All calls reject with TidegateError TABLE_FAILED (retryable) when the database is away;
 * what was asked may then have happened.
 */
export interface EventTable {
  /**
   * Stores the rows of these runs as one block, visible when it resolves. A token that was seen before makes it do
   * nothing, as far as the database remembers. Rejects with FRAME_CORRUPT when the database cannot read a row; none is
   * stored then.
   */
  insert(runs: readonly RowRun[], token: string): Promise<void>;
  /** Counts the rows of a block, without trusting any token. */
  storedRows(block: RowBlock): Promise<StoredRows>;
  /**
   * Makes everything that is derived from the rows agree with them again, for the partition and minutes of this block.
   * Only the partition's owner may call it. Idempotent.
   */
  repair(block: RowBlock): Promise<void>;
  /** The highest position stored of each emitter of a partition: the most recent 10,000 emitters. */
  marks(partition: number): Promise<ReadonlyMap<string, number>>;
  /**
   * Writes down that a block is stored. Idempotent by topic, topicId, partition and startOffset: the last one counts, so
   * that whoever settles a block of a former owner may say it again.
   */
  keepAccount(block: StoredBlock): Promise<void>;
  /**
   * The end of what is written down for a partition: the highest endOffset under the topicId that was written last. Null
   * when nothing is.
   */
  ledgerEnd(topic: string, partition: number): Promise<LedgerEnd | null>;
  /** Rows that are older may go at any time, milliseconds since the epoch. 0: rows are kept for ever. */
  keepsSince(): Promise<number>;
}
