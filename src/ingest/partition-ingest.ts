import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { LogRecord, RecordBatch } from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import { accountOf } from './account.ts';
import { formBlock, type Inspected, inspect, type RowDecoder, tokenOf } from './block.ts';
import type { DeadLetters, DeadRecord } from './dead-letters.ts';
import type { EventTable, RowBlock, StoredBlock } from './event-table.ts';
import { deadRecords, withoutBadRows } from './exceptions.ts';
import { encodeIntent, type Intent } from './intent.ts';
import { Marks } from './marks.ts';
import type { Patience } from './patience.ts';
import { type BlockLimits, type Plan, planBlock } from './plan.ts';
import { settle } from './settle.ts';
import type { Start } from './start.ts';
import type { Tally } from './tally.ts';
import { keptInTime, stillKept } from './times.ts';

export interface PartitionContext {
  readonly topic: string;
  readonly table: EventTable;
  readonly decodeRow: RowDecoder;
  readonly compacted: boolean;
  readonly deadLetters: DeadLetters;
  /** See {@link EventTable.keepsSince}; cheap. */
  readonly keepsSince: () => Promise<number>;
  readonly patience: Patience;
  readonly limits: BlockLimits;
  readonly clock: Clock;
  /** Least time between two blocks of the partition. */
  readonly blockIntervalMs: number;
  readonly logger: Logger;
  readonly tally: Tally;
  /** Everything below `offset` is stored and visible. */
  readonly onStored: (partition: number, offset: number) => void;
}

/** A block, what it was made of, and what is left out of it. */
interface Work {
  readonly records: readonly Inspected[];
  readonly block: RowBlock;
  readonly intent: Intent;
}

/** Time for an insert that is still under way elsewhere to end or to show. */
const doubtMs = 1_000;

/**
 * One partition, as long as this reader owns it: commit what is about to be stored, store it, write it down, commit the
 * next. Where anything fails in between, what was under way is known from the log alone.
 */
export class PartitionIngest {
  readonly #context: PartitionContext;
  readonly #partition: number;
  readonly #topicId: string;
  readonly #doubtfulBelow: number;
  /** Everything below has been stored and written down. */
  #nextOffset: number;
  /** What may have been stored and is not yet known to be. */
  #pending: Intent | null;
  /** Records of the pending block seen so far. */
  #found: Inspected[] = [];
  /** What a block of several batches was made of, while not all of it is stored: only the newest batch comes again. */
  #held: readonly LogRecord[] = [];
  #marks: Marks | null = null;
  /** Whether the committed metadata still names a block that is stored by now. */
  #owesAck: boolean;
  #lastBlockUs = Number.NEGATIVE_INFINITY;

  constructor(context: PartitionContext, partition: number, start: Start) {
    this.#context = context;
    this.#partition = partition;
    this.#topicId = start.topicId;
    this.#doubtfulBelow = start.doubtfulBelow;
    this.#nextOffset = start.nextOffset;
    this.#pending = start.pending;
    this.#owesAck = start.owesAck;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  async handle(batch: RecordBatch): Promise<void> {
    await this.#keepPace(batch);
    let records = this.#unstored(batch);
    if (this.#pending) {
      records = await this.#recover(batch, this.#pending, records);
      if (this.#pending) return;
    }
    await this.#storeAll(batch, this.#inspect(records));
    this.#held = [];
    const isCaughtUp = this.#nextOffset >= batch.endOffset;
    if (this.#owesAck && (isCaughtUp || this.#context.patience.isStopped)) await this.#commit(batch, null);
  }

  #unstored({ records }: RecordBatch): LogRecord[] {
    const held = this.#held.filter(({ offset }) => offset >= this.#nextOffset);
    const known = held.at(-1)?.offset ?? this.#nextOffset - 1;
    return [...held, ...records.filter(({ offset }) => offset > known)];
  }

  #inspect(records: readonly LogRecord[]): Inspected[] {
    return records.map((record) => inspect(record, this.#partition));
  }

  /**
   * Meanwhile more records gather: the next block is larger, and the database has fewer parts to merge. Who is behind has
   * enough of them.
   */
  async #keepPace(batch: RecordBatch): Promise<void> {
    const { clock, blockIntervalMs, patience } = this.#context;
    if ((batch.records.at(-1)?.offset ?? 0) + 1 < batch.endOffset) return;
    const elapsedMs = (clock.monotonicUs() - this.#lastBlockUs) / 1000;
    if (elapsedMs < blockIntervalMs) await patience.rest(() => batch.heartbeat(), blockIntervalMs - elapsedMs);
  }

  /** Gathers the records of the pending block, over several batches if need be. Returns what lies behind it. */
  async #recover(batch: RecordBatch, intent: Intent, records: readonly LogRecord[]): Promise<LogRecord[]> {
    const known = this.#found.at(-1)?.record.offset ?? -1;
    const fresh = records.filter(({ offset }) => offset > known);
    this.#found.push(...this.#inspect(fresh.filter(({ offset }) => offset < intent.endOffset)));
    const newest = fresh.at(-1)?.offset ?? known;
    if (newest < intent.endOffset - 1) return [];
    const found = this.#found;
    this.#held = found.map(({ record }) => record);
    const { startOffset, endOffset } = intent;
    const block = formBlock({ partition: this.#partition, startOffset, endOffset }, found, intent);
    const isChanged = block.rows !== intent.rows || block.crc32 !== intent.crc32;
    let missing = intent.missing;
    if (isChanged && !this.#context.compacted) {
      this.#reportChange(intent, block);
      missing = await this.#missingBetween(batch, found);
    }
    // The marks know nothing of this block; what is stored does.
    this.#marks = null;
    await this.#store(batch, { records: found, block, intent: { ...intent, missing } }, true);
    return records.filter(({ offset }) => offset >= endOffset);
  }

  /**
   * Rows that the log has lost since the block was announced: gaps behind what is stored. Should some of the block's own rows
   * be stored already, gaps before these are not seen; their records are counted in any case.
   */
  async #missingBetween(batch: RecordBatch, records: readonly Inspected[]): Promise<Intent['missing']> {
    const marks = await this.#loadMarks(batch);
    return records.flatMap(({ record, headers }): [number, number][] => {
      if (!headers) return [];
      const { missing } = marks.standing(headers);
      marks.see(headers);
      return missing > 0 ? [[record.offset, missing]] : [];
    });
  }

  /** `isDoubtful`: some of the rows may be stored, so they are counted first. */
  async #storeAll(batch: RecordBatch, records: readonly Inspected[], isDoubtful = false): Promise<void> {
    if (records.length === 0) return;
    const { patience, keepsSince, decodeRow } = this.#context;
    const keptSinceMs = await patience.until(() => batch.heartbeat(), keepsSince);
    let rest = records.map((record) => keptInTime(record, { keptSinceMs }, decodeRow));
    while (rest.length > 0 && !patience.isStopped) {
      const plan = await this.#plan(batch, rest);
      await this.#commit(batch, plan.intent);
      const isReadAgain = this.#isReadAgain;
      if (await this.#store(batch, plan, isDoubtful || isReadAgain)) this.#marks = plan.marks;
      if (isReadAgain && !this.#isReadAgain) this.#marks = null;
      rest = rest.slice(plan.records.length);
    }
  }

  get #isReadAgain(): boolean {
    return this.#nextOffset < this.#doubtfulBelow;
  }

  async #plan(batch: RecordBatch, records: readonly Inspected[]): Promise<Plan> {
    const { topic, limits, compacted } = this.#context;
    // What is read again is counted: marks of what is stored would take it for doubled, whether or not it is complete.
    this.#marks ??= this.#isReadAgain ? new Marks() : await this.#loadMarks(batch);
    const place = { topic, topicId: this.#topicId, partition: this.#partition, startOffset: this.#nextOffset };
    return planBlock({ ...place, records, marks: this.#marks, limits, compacted });
  }

  async #loadMarks(batch: RecordBatch): Promise<Marks> {
    const { table, patience } = this.#context;
    const stored = await patience.until(
      () => batch.heartbeat(),
      () => table.marks(this.#partition),
    );
    return new Marks(stored);
  }

  /** False: the database cannot read a row of it; then it has been stored in smaller blocks. */
  async #store(batch: RecordBatch, work: Work, isDoubtful: boolean): Promise<boolean> {
    const { block, records } = work;
    let settled = false;
    try {
      if (block.rows > 0) settled = await (isDoubtful ? this.#settle(batch, block) : this.#insert(batch, block));
    } catch (error) {
      if (!(error instanceof TidegateError) || error.code !== 'FRAME_CORRUPT') throw error;
      await this.#isolate(batch, records, error);
      return false;
    }
    await this.#bury(batch, work);
    await this.#keepAccount(batch, work, settled);
    return true;
  }

  /** The first time, the database's own deduplication is enough; after any failure, nothing is taken for granted. */
  #insert(batch: RecordBatch, block: RowBlock): Promise<boolean> {
    const { table, topic, patience } = this.#context;
    const token = tokenOf(topic, block);
    return patience.until(
      () => batch.heartbeat(),
      async () => {
        await table.insert(block.runs, token);
        return false;
      },
      () => this.#settleOnce(batch, block),
    );
  }

  #settle(batch: RecordBatch, block: RowBlock): Promise<boolean> {
    return this.#context.patience.until(
      () => batch.heartbeat(),
      () => this.#settleOnce(batch, block),
    );
  }

  async #settleOnce(batch: RecordBatch, block: RowBlock): Promise<boolean> {
    const { table, topic, patience, tally, logger, keepsSince, decodeRow } = this.#context;
    const kept = stillKept(block, { keptSinceMs: await keepsSince() }, decodeRow);
    if (kept.rows === 0) return true;
    const { insertedRows, doubledRows } = await settle({
      table,
      block: kept,
      token: tokenOf(topic, block),
      mustOwn: () => batch.heartbeat(),
      pause: () => patience.pause(() => batch.heartbeat(), doubtMs),
    });
    tally.settledBlocks += 1;
    tally.repairedRows += insertedRows;
    tally.storedTwiceRows += doubledRows;
    const { partition, startOffset, endOffset, rows } = block;
    const fields = { partition, startOffset, endOffset, rows, insertedRows, doubledRows };
    if (doubledRows > 0) logger.error(fields, 'rows are stored twice');
    else logger.info(fields, 'block settled');
    return true;
  }

  /** When the database cannot read a row of the block, it is halved until the frame, then the row stands alone. */
  async #isolate(batch: RecordBatch, records: readonly Inspected[], error: TidegateError): Promise<void> {
    const [first] = records;
    this.#pending = null;
    this.#found = [];
    if (records.length > 1) {
      const middle = Math.ceil(records.length / 2);
      await this.#storeAll(batch, records.slice(0, middle), true);
      await this.#storeAll(batch, records.slice(middle), true);
    } else if (first) {
      const { decodeRow } = this.#context;
      await this.#storeAll(batch, [withoutBadRows(first, error.message, decodeRow)], true);
    }
  }

  async #bury(batch: RecordBatch, { records, intent }: Work): Promise<void> {
    const { deadLetters, patience, topic, logger } = this.#context;
    const partition = this.#partition;
    const dead = deadRecords(records, intent).map((one): DeadRecord => ({ topic, partition, ...one }));
    if (dead.length === 0) return;
    await patience.until(
      () => batch.heartbeat(),
      () => deadLetters.put(dead),
    );
    for (const { record, error, row } of dead) {
      logger.warn({ partition, offset: record.offset, index: row?.index, err: error }, 'dead letter');
    }
  }

  /** Before the next intent, which would say that this block needs no more care. */
  async #keepAccount(batch: RecordBatch, { records, block, intent }: Work, settled: boolean): Promise<void> {
    const { table, patience, topic, compacted } = this.#context;
    const topicId = this.#topicId;
    const account = accountOf({ topic, topicId, block, records, exceptions: intent, settled, compacted });
    await patience.until(
      () => batch.heartbeat(),
      () => table.keepAccount(account),
    );
    this.#countIn(account);
    this.#lastBlockUs = this.#context.clock.monotonicUs();
    this.#pending = null;
    this.#found = [];
    this.#owesAck = true;
    this.#nextOffset = block.endOffset;
    this.#context.onStored(this.#partition, block.endOffset);
  }

  #countIn({ startOffset, rows, emitters, doubledRows, deadLetters, lostRecords }: StoredBlock): void {
    const { tally, logger } = this.#context;
    tally.blocks += rows > 0 ? 1 : 0;
    tally.rows += rows;
    tally.doubledRows += doubledRows;
    tally.deadLetters += deadLetters;
    tally.lostRecords += lostRecords;
    tally.missingRows += emitters.reduce((sum, { missingRows }) => sum + missingRows, 0);
    if (lostRecords === 0) return;
    const fields = { partition: this.#partition, startOffset, lostRecords };
    logger.error(fields, 'records were gone from the log before they were stored; the ledger says how many');
  }

  async #commit(batch: RecordBatch, intent: Intent | null): Promise<void> {
    await batch.commit(this.#nextOffset, intent ? encodeIntent(intent) : '');
    // Only now: an intent that the group may not know must not be acted upon.
    this.#pending = intent;
    this.#found = [];
    if (!intent) this.#owesAck = false;
  }

  #reportChange(pending: Intent, block: RowBlock): void {
    const { logger, tally } = this.#context;
    tally.changedBlocks += 1;
    const { startOffset, endOffset, rows } = pending;
    logger.error(
      { partition: this.#partition, startOffset, endOffset, rows, foundRows: block.rows },
      'the log no longer holds what was to be stored; what is left of it is stored',
    );
  }
}
