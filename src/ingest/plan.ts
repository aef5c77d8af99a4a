import type { FrameHeaders } from '../event/frame.ts';
import { formBlock, type Inspected } from './block.ts';
import type { RowBlock } from './event-table.ts';
import { exceptionBytes, type Intent, maxExceptionBytes } from './intent.ts';
import type { Marks } from './marks.ts';
import { maxMonths, monthsOf } from './months.ts';

export interface BlockLimits {
  /** Rows; a frame is never split, so one that is larger makes a block of its own. */
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** The next block and what stays out of it. */
export interface Plan {
  readonly records: readonly Inspected[];
  readonly block: RowBlock;
  readonly intent: Intent;
  /** Marks after the block. */
  readonly marks: Marks;
}

export interface PlanOptions {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  /** Behind the block before: blocks leave no offset out, whether or not there is a record at it. */
  readonly startOffset: number;
  /** At least one, in order of offset. */
  readonly records: readonly Inspected[];
  readonly marks: Marks;
  readonly limits: BlockLimits;
  /** Positions are left out where the log keeps the newest record of each key only: they are not missing. */
  readonly compacted: boolean;
}

/**
 * Names of emitters in one block, bytes. Whoever counts its rows puts them all into one question, and a ClickHouse server
 * takes 128 KiB of one value, escapes included.
 */
const maxEmitterBytes = 32 * 1024;
/** Quotes, comma. */
const aroundName = 3;

/** What has been taken so far. */
class Draft {
  readonly doubled: [number, number][] = [];
  readonly missing: [number, number][] = [];
  readonly rejected: number[] = [];
  readonly badRows: [number, number][] = [];
  taken = 0;
  #rows = 0;
  #bytes = 0;
  #exceptionBytes = 0;
  #emitterBytes = 0;
  readonly #emitters = new Set<string>();
  readonly #months = new Set<number>();
  readonly #limits: BlockLimits;
  readonly #marks: Marks;
  readonly #compacted: boolean;

  constructor({ limits, compacted }: PlanOptions, marks: Marks) {
    this.#limits = limits;
    this.#compacted = compacted;
    this.#marks = marks;
  }

  hasRoomFor(inspected: Inspected): boolean {
    if (this.taken === 0) return true;
    if (this.#exceptionBytes + mostExceptionBytes(inspected) > maxExceptionBytes) return false;
    if (this.#bytes + inspected.record.body.length > this.#limits.maxBytes) return false;
    if (inspected.kind === 'corrupt' || inspected.headers.rows === 0) return true;
    const { emitter, rows } = inspected.headers;
    if (this.#rows + rows > this.#limits.maxRows) return false;
    if (!this.#emitters.has(emitter) && this.#emitterBytes + bytesOfName(emitter) > maxEmitterBytes) return false;
    const more = monthsOf(inspected).filter((month) => !this.#months.has(month));
    return this.#months.size + more.length <= maxMonths;
  }

  take(inspected: Inspected): void {
    this.taken += 1;
    this.#bytes += inspected.record.body.length;
    const { offset } = inspected.record;
    if (inspected.kind === 'corrupt') {
      this.rejected.push(offset);
      this.#exceptionBytes += exceptionBytes(offset);
      if (inspected.headers) this.#takeSeen(offset, inspected.headers);
      return;
    }
    for (const { index } of inspected.badRows ?? []) this.#except(this.badRows, offset, index);
    this.#takeRows(offset, inspected.headers);
    if (inspected.headers.rows === 0) return;
    for (const month of monthsOf(inspected)) this.#months.add(month);
    this.#takeEmitter(inspected.headers.emitter);
  }

  #takeEmitter(emitter: string): void {
    if (this.#emitters.has(emitter)) return;
    this.#emitters.add(emitter);
    this.#emitterBytes += bytesOfName(emitter);
  }

  #takeRows(offset: number, headers: FrameHeaders): void {
    const doubled = this.#takeSeen(offset, headers);
    if (doubled > 0) this.#except(this.doubled, offset, doubled);
    this.#rows += headers.rows - doubled;
  }

  /** Returns how many of its rows have been seen before. */
  #takeSeen(offset: number, headers: FrameHeaders): number {
    const { doubled, missing } = this.#marks.standing(headers);
    this.#marks.see(headers);
    if (missing > 0 && !this.#compacted) this.#except(this.missing, offset, missing);
    return doubled;
  }

  #except(list: [number, number][], offset: number, number: number): void {
    list.push([offset, number]);
    this.#exceptionBytes += exceptionBytes(offset, number);
  }
}

const bytesOfName = (emitter: string): number => Buffer.byteLength(emitter) + aroundName;

/** Before it is known what a record adds. */
const mostExceptionBytes = (inspected: Inspected): number => {
  const { offset } = inspected.record;
  const seen = exceptionBytes(offset, Number.MAX_SAFE_INTEGER);
  if (inspected.kind === 'corrupt') return seen + exceptionBytes(offset);
  return (inspected.badRows ?? []).reduce((sum, { index }) => sum + exceptionBytes(offset, index), seen);
};

/** Takes records from the front until the block is full. */
export const planBlock = (options: PlanOptions): Plan => {
  const { topic, topicId, partition, startOffset, records } = options;
  const marks = options.marks.copy();
  const draft = new Draft(options, marks);
  for (const inspected of records) {
    if (!draft.hasRoomFor(inspected)) break;
    draft.take(inspected);
  }
  const { doubled, missing, rejected, badRows } = draft;
  const exceptions = { doubled, missing, rejected, badRows };
  const used = records.slice(0, draft.taken);
  const endOffset = (used.at(-1)?.record.offset ?? startOffset) + 1;
  const block = formBlock({ partition, startOffset, endOffset }, used, exceptions);
  const intent = { topic, topicId, startOffset, endOffset, rows: block.rows, crc32: block.crc32, ...exceptions };
  return { records: used, block, intent, marks };
};
