/** What ingest has done since it was started. */
export interface IngestStats {
  readonly blocks: number;
  readonly rows: number;
  /** Blocks of which it was not known whether they were stored, and that were counted and completed. */
  readonly settledBlocks: number;
  /** Rows that such blocks lacked. */
  readonly repairedRows: number;
  /** Rows that came twice from the producer and were stored once. */
  readonly doubledRows: number;
  /** Records that the log no longer held when they were to be read: retention was faster. 0 while ingest keeps up. */
  readonly lostRecords: number;
  /** Rows that never came: gaps in an emitter's numbers. */
  readonly missingRows: number;
  /** Records that went to the dead letters. */
  readonly deadLetters: number;
  /** Requests to an engine that failed and were tried again. */
  readonly retries: number;
  /** Partitions that wait for an engine now. */
  readonly waitingPartitions: number;
  /** Blocks that the log no longer held as they were announced. 0, unless the log lost records. */
  readonly changedBlocks: number;
  /** Rows found stored more than once. 0, unless a guarantee was broken. */
  readonly storedTwiceRows: number;
}

export type Tally = { -readonly [Name in keyof IngestStats]: number };

export const newTally = (): Tally => ({
  blocks: 0,
  rows: 0,
  settledBlocks: 0,
  repairedRows: 0,
  doubledRows: 0,
  lostRecords: 0,
  missingRows: 0,
  deadLetters: 0,
  retries: 0,
  waitingPartitions: 0,
  changedBlocks: 0,
  storedTwiceRows: 0,
});
