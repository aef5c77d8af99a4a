import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { Committed, LogRecord, RecordBatch } from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import { type Exceptions, formBlock, type Inspected, inspect, tokenOf } from './block.ts';
import type { DeadLetters, DeadRecord } from './dead-letters.ts';
import type { EventTable, RowBlock } from './event-table.ts';
import { deadRecords, withoutBadRows } from './exceptions.ts';
import { decodeIntent, encodeIntent, type Intent } from './intent.ts';
import { Marks } from './marks.ts';
import type { Patience } from './patience.ts';
import { type BlockLimits, type Plan, planBlock } from './plan.ts';
import { settle } from './settle.ts';
import type { Tally } from './tally.ts';

export interface PartitionContext {
  readonly topic: string;
  readonly table: EventTable;
  readonly deadLetters: DeadLetters;
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

/** Time for an insert that is still under way elsewhere to end or to show. */
const doubtMs = 1_000;

/**
 * One partition, as long as this reader owns it: commit what is about to be stored, store it, commit the next. Where
 * anything fails in between, what was under way is known from the log alone.
 */
export class PartitionIngest {
  readonly #context: PartitionContext;
  readonly #partition: number;
  /** Everything below has been stored. */
  #nextOffset: number;
  /** What may have been stored and is not yet known to be. */
  #pending: Intent | null;
  /** Records of the pending block seen so far. */
  #found: Inspected[] = [];
  #marks: Marks | null = null;
  /** Whether the committed metadata still names a block that is stored by now. */
  #owesAck = false;
  #lastBlockUs = Number.NEGATIVE_INFINITY;

  /** Throws INPUT_INVALID when the metadata is not of this release. */
  constructor(context: PartitionContext, partition: number, committed: Committed) {
    this.#context = context;
    this.#partition = partition;
    this.#nextOffset = committed.offset ?? 0;
    this.#pending = decodeIntent(committed.metadata);
    if (this.#pending) this.#checkPending(this.#pending, committed);
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  async handle(batch: RecordBatch): Promise<void> {
    await this.#keepPace(batch);
    let records = batch.records.filter(({ offset }) => offset >= this.#nextOffset);
    if (this.#pending) {
      records = await this.#recover(batch, this.#pending, records);
      if (this.#pending) return;
    }
    await this.#storeAll(
      batch,
      records.map((record) => inspect(record, this.#partition)),
    );
    const isCaughtUp = this.#nextOffset >= batch.endOffset;
    if (this.#owesAck && (isCaughtUp || this.#context.patience.isStopped)) await this.#commit(batch, null);
  }

  /** Meanwhile more records gather: the next block is larger, and the database has fewer parts to merge. */
  async #keepPace(batch: RecordBatch): Promise<void> {
    const { clock, blockIntervalMs, patience } = this.#context;
    const elapsedMs = (clock.monotonicUs() - this.#lastBlockUs) / 1000;
    if (elapsedMs < blockIntervalMs) await patience.rest(() => batch.heartbeat(), blockIntervalMs - elapsedMs);
  }

  /** A topic that was made anew under the old offsets: its records have nothing to do with the intent. */
  #checkPending(pending: Intent, committed: Committed): void {
    if (pending.topic === this.#context.topic && pending.startOffset === committed.offset) return;
    throw new TidegateError('INPUT_INVALID', `Partition ${this.#partition} was committed for another topic or offset`);
  }

  /** Gathers the records of the pending block, over several batches if need be. Returns what lies behind it. */
  async #recover(batch: RecordBatch, pending: Intent, records: readonly LogRecord[]): Promise<LogRecord[]> {
    const known = this.#found.at(-1)?.record.offset ?? -1;
    const fresh = records.filter(({ offset }) => offset > known);
    const ours = fresh.filter(({ offset }) => offset < pending.endOffset);
    this.#found.push(...ours.map((record) => inspect(record, this.#partition)));
    const newest = fresh.at(-1)?.offset ?? known;
    if (newest < pending.endOffset - 1) return [];
    const found = this.#found;
    const { startOffset, endOffset } = pending;
    const block = formBlock({ partition: this.#partition, startOffset, endOffset }, found, pending);
    if (block.rows !== pending.rows || block.crc32 !== pending.crc32) this.#reportChange(pending, block);
    await this.#bury(batch, found, pending);
    // The marks know nothing of this block; what is stored does.
    this.#marks = null;
    await this.#orIsolate(batch, found, async () => {
      if (block.rows > 0) await this.#settle(batch, block);
      this.#stored(block);
    });
    return records.filter(({ offset }) => offset >= pending.endOffset);
  }

  /** `isDoubtful`: some of the rows may be stored, so they are counted first. */
  async #storeAll(batch: RecordBatch, records: readonly Inspected[], isDoubtful = false): Promise<void> {
    for (let rest = records; rest.length > 0 && !this.#context.patience.isStopped; ) {
      const plan = await this.#plan(batch, rest);
      await this.#store(batch, plan, isDoubtful);
      rest = rest.slice(plan.records.length);
    }
  }

  async #plan(batch: RecordBatch, records: readonly Inspected[]): Promise<Plan> {
    const { table, patience, topic, limits } = this.#context;
    const partition = this.#partition;
    this.#marks ??= new Marks(
      await patience.until(
        () => batch.heartbeat(),
        () => table.marks(partition),
      ),
    );
    return planBlock({ topic, partition, records, marks: this.#marks, limits });
  }

  async #store(batch: RecordBatch, plan: Plan, isDoubtful: boolean): Promise<void> {
    const { block, intent, records } = plan;
    const isEmpty = block.rows === 0 && intent.rejected.length === 0 && intent.badRows.length === 0;
    if (!isEmpty) await this.#commit(batch, intent);
    await this.#bury(batch, records, intent);
    await this.#orIsolate(batch, records, async () => {
      if (block.rows > 0) await (isDoubtful ? this.#settle(batch, block) : this.#insert(batch, block));
      this.#remember(plan);
      this.#stored(block);
    });
  }

  #remember({ marks, intent, missingRows }: Plan): void {
    const { tally } = this.#context;
    this.#marks = marks;
    tally.missingRows += missingRows;
    tally.doubledRows += intent.doubled.reduce((sum, [, rows]) => sum + rows, 0);
  }

  #stored(block: RowBlock): void {
    const { tally } = this.#context;
    tally.blocks += block.rows > 0 ? 1 : 0;
    tally.rows += block.rows;
    this.#lastBlockUs = this.#context.clock.monotonicUs();
    this.#pending = null;
    this.#found = [];
    this.#owesAck = true;
    this.#moveTo(block.endOffset);
  }

  #moveTo(offset: number): void {
    this.#nextOffset = offset;
    this.#context.onStored(this.#partition, offset);
  }

  /** The first time, the database's own deduplication is enough; after any failure, nothing is taken for granted. */
  #insert(batch: RecordBatch, block: RowBlock): Promise<void> {
    const { table, topic, patience } = this.#context;
    const token = tokenOf(topic, block);
    return patience.until(
      () => batch.heartbeat(),
      () => table.insert(block.runs, token),
      () => this.#settleOnce(batch, block),
    );
  }

  #settle(batch: RecordBatch, block: RowBlock): Promise<void> {
    return this.#context.patience.until(
      () => batch.heartbeat(),
      () => this.#settleOnce(batch, block),
    );
  }

  async #settleOnce(batch: RecordBatch, block: RowBlock): Promise<void> {
    const { table, topic, patience, tally, logger } = this.#context;
    const pause = (): Promise<void> => patience.pause(() => batch.heartbeat(), doubtMs);
    const { insertedRows, doubledRows } = await settle({ table, block, token: tokenOf(topic, block), pause });
    tally.settledBlocks += 1;
    tally.repairedRows += insertedRows;
    tally.storedTwiceRows += doubledRows;
    const { partition, startOffset, endOffset, rows } = block;
    const fields = { partition, startOffset, endOffset, rows, insertedRows, doubledRows };
    if (doubledRows > 0) logger.error(fields, 'rows are stored twice');
    else logger.info(fields, 'block settled');
  }

  /** When the database cannot read a row of the block, it is halved until the frame, then the row stands alone. */
  async #orIsolate(batch: RecordBatch, records: readonly Inspected[], store: () => Promise<void>): Promise<void> {
    try {
      await store();
    } catch (error) {
      if (!(error instanceof TidegateError) || error.code !== 'FRAME_CORRUPT') throw error;
      await this.#isolate(batch, records, error);
    }
  }

  async #isolate(batch: RecordBatch, records: readonly Inspected[], error: TidegateError): Promise<void> {
    const [first] = records;
    this.#pending = null;
    this.#found = [];
    if (records.length > 1) {
      const middle = Math.ceil(records.length / 2);
      await this.#storeAll(batch, records.slice(0, middle), true);
      await this.#storeAll(batch, records.slice(middle), true);
    } else if (first) {
      await this.#storeAll(batch, [withoutBadRows(first, error.message)], true);
    }
  }

  async #bury(batch: RecordBatch, records: readonly Inspected[], exceptions: Exceptions): Promise<void> {
    const { deadLetters, patience, tally, topic, logger } = this.#context;
    const partition = this.#partition;
    const dead = deadRecords(records, exceptions).map((one): DeadRecord => ({ topic, partition, ...one }));
    if (dead.length === 0) return;
    await patience.until(
      () => batch.heartbeat(),
      () => deadLetters.put(dead),
    );
    tally.deadLetters += dead.length;
    for (const { record, error, row } of dead) {
      logger.warn({ partition, offset: record.offset, index: row?.index, err: error }, 'dead letter');
    }
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
