/** Where the rows of one block come from: [startOffset, endOffset) of a partition. */
export interface BlockRange {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

/** Rows that are stored as one: NDJSON exactly as the frames carried it. */
export interface RowBlock extends BlockRange {
  readonly rows: number;
  /** Σ count of the rows. */
  readonly decisions: number;
  /** CRC-32 of all bodies in order, 8 hex digits. */
  readonly crc32: string;
  readonly bodies: readonly Buffer[];
}
