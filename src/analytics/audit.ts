import { type Positions, topics } from '../event/event-log.ts';

/** Topics whose rows are stored. */
export const auditedTopics: readonly string[] = [topics.decisions, topics.blocks, topics.policies];

/** The measures of every rollup, in the order of {@link Sums.values}. `latencies` counts the entries of the latency buckets. */
export const measures = ['decisions', 'events', 'early', 'degraded', 'shadowDenied', 'cost', 'latencies'] as const;

/** Of one partition, one period and one outcome. */
export interface Sums {
  readonly partition: number;
  /** Start of the UTC day or month, milliseconds since the epoch. */
  readonly periodMs: number;
  readonly outcome: string;
  /** One for each of the grain's measures. */
  readonly values: readonly number[];
}

/** Of topics that had one name one after the other, and of one that lost its end and went on (`~`), which it is. */
export const topicIdOf = (id: string): string => id.split('~', 1)[0] ?? '';

/** What a table says of each period that it still keeps as a whole. */
export interface Grain {
  readonly table: string;
  /** The table it is made from; null: the rows themselves. */
  readonly source: string | null;
  /** {@link measures}, or the first of them that the table has. */
  readonly measures: readonly (typeof measures)[number][];
  /** Periods that begin earlier have lost rows to their time to live. */
  readonly keptFromMs: number;
  readonly sums: readonly Sums[];
}

/** Offsets that no line of the ledger holds, or that two hold: [fromOffset, toOffset). */
export interface RangeBreak {
  readonly kind: 'gap' | 'overlap';
  readonly fromOffset: number;
  readonly toOffset: number;
}

/** The ledger of one partition, in all its lines. */
export interface PartitionLedger {
  /** Which of the topics of this name the offsets belong to: the one that was written last. */
  readonly topicId: string;
  /** Of the oldest line of that topic. */
  readonly startOffset: number;
  /** Everything below was stored when the ledger was read. */
  readonly endOffset: number;
  readonly blocks: number;
  readonly rows: number;
  readonly doubledRows: number;
  readonly deadLetters: number;
  /** Records that the log had dropped before they were read. */
  readonly lostRecords: number;
  /** Blocks of which it had not been known whether they were stored. */
  readonly settledBlocks: number;
  readonly firstStoredAtMs: number;
  readonly lastStoredAtMs: number;
  /** The first twenty. */
  readonly breaks: readonly RangeBreak[];
}

/** The rows of one emitter in one partition, where the ledger, the table and the emitter itself do not agree. */
export interface EmitterAccount {
  readonly emitter: string;
  /** Positions from here to `lastSeq` were compared. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Rows that the ledger says are stored. */
  readonly accountedRows: number;
  readonly storedRows: number;
  /** Positions found: less than the rows when some are stored twice. */
  readonly distinctRows: number;
  /** Positions that never came, as ingest noticed. */
  readonly missingRows: number;
  /** Σ count of these positions as the emitter says, and as it is stored. */
  readonly saidDecisions: number;
  readonly storedDecisions: number;
}

/** The rows of one partition, as far as the table still keeps them. */
export interface PartitionRows {
  readonly accountedRows: number;
  readonly storedRows: number;
  readonly saidDecisions: number;
  readonly storedDecisions: number;
  /** Rows behind the ledger: of blocks that were on their way when it was read, or that nobody accounts for. */
  readonly behindRows: number;
  /** The twenty that differ most. */
  readonly differing: readonly EmitterAccount[];
  readonly differingEmitters: number;
}

/** An emitter that has not said that it ended. */
export interface OpenEmitter {
  readonly emitter: string;
  readonly partitions: number;
  /** When a block with rows of it was stored last, milliseconds since the epoch. */
  readonly lastStoredAtMs: number;
}

/** What is stored of one topic, read in the order that makes it comparable: see {@link Auditor.read}. */
export interface StoredFacts {
  readonly topic: string;
  readonly table: string;
  /** The database's clock when the ledger was read. */
  readonly nowMs: number;
  /** `month` where there would be too many days. */
  readonly period: 'day' | 'month';
  readonly ledger: ReadonlyMap<number, PartitionLedger>;
  readonly rows: ReadonlyMap<number, PartitionRows>;
  /** From the coarsest to the rows themselves: each was read before its source. */
  readonly grains: readonly Grain[];
  /** Of {@link Grain.sums} of the rows, those that stand behind the ledger. */
  readonly behind: readonly Sums[];
  /** The twenty that have been silent longest, of those silent for longer than asked. */
  readonly silent: readonly OpenEmitter[];
  readonly silentEmitters: number;
}

/** One partition of the event log, as rows and as minutes. */
export interface PartitionTotals {
  readonly partition: number;
  readonly events: number;
  readonly decisions: number;
  /** What decisions_per_minute holds of the same minutes. */
  readonly minuteDecisions: number;
  /** decisions − minuteDecisions: anything but 0 is a fault. */
  readonly drift: number;
  /** Rows that are stored more than once. Anything but 0 is a fault. */
  readonly doubledEvents: number;
}

export interface AuditQuery {
  readonly topic: string;
  /** Compare what happened since then alone, milliseconds since the epoch. Default: everything that is kept. */
  readonly sinceMs?: number;
  /** Emitters are silent when nothing of theirs was stored for so long, milliseconds. */
  readonly silentMs: number;
}

/** What is asked of the database to find out whether its numbers agree. Rejects with TABLE_FAILED. */
export interface Auditor {
  /**
   * Reads the ledger, then each grain from the coarsest to the finest, then the rows. Rows only ever travel the other way
   * (rows, minutes, hours, days, and the ledger after all of them), so whatever ingest stores meanwhile: what the ledger
   * named is in all grains, and each grain holds at most what its source holds. What came after the ledger was read is told
   * apart by the emitters' positions.
   */
  read(query: AuditQuery): Promise<StoredFacts>;
  /** Rows against minutes, by partition, over what both hold: a quick look where nothing is being stored. */
  partitionTotals(): Promise<readonly PartitionTotals[]>;
  /** Just behind the last range of the ledger, by partition of the topic that had this name last. */
  ledgerEnds(topic: string): Promise<Positions>;
  /** Blocks of all topics in the busiest minute of the last day; null: there was none. */
  busiestMinuteBlocks(): Promise<number | null>;
  /** The database's clock, milliseconds since the epoch. */
  nowMs(): Promise<number>;
}
