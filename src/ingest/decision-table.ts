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

/**
 * Where decisions are stored. All calls reject with TidegateError TABLE_FAILED (retryable) when the database is away;
 * what was asked may then have happened.
 */
export interface DecisionTable {
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
}
