import type { FrameHeaders } from '../event/frame.ts';
import { formBlock, type Inspected } from './block.ts';
import type { RowBlock } from './event-table.ts';
import { type Intent, maxExceptions } from './intent.ts';
import type { Marks } from './marks.ts';

export interface BlockLimits {
  /** Rows; a frame is never split, so one that is larger makes a block of its own. */
  readonly maxRows: number;
  readonly maxBytes: number;
}

/**
 * Time that one block may span, milliseconds: each month is a part of its own in the database, and an insert of hundreds
 * takes seconds. A frame that spans more is still stored whole.
 */
const maxSpanMs = 366 * 86_400_000;

/** The next block and what stays out of it. */
export interface Plan {
  readonly records: readonly Inspected[];
  readonly block: RowBlock;
  readonly intent: Intent;
  /** Marks after the block. */
  readonly marks: Marks;
  readonly missingRows: number;
}

export interface PlanOptions {
  readonly topic: string;
  readonly partition: number;
  /** At least one, in order of offset. */
  readonly records: readonly Inspected[];
  readonly marks: Marks;
  readonly limits: BlockLimits;
}

/** What has been taken so far. */
class Draft {
  readonly doubled: [number, number][] = [];
  readonly rejected: number[] = [];
  readonly badRows: [number, number][] = [];
  taken = 0;
  missingRows = 0;
  #rows = 0;
  #bytes = 0;
  #oldestMs = Number.MAX_SAFE_INTEGER;
  #newestMs = 0;
  readonly #limits: BlockLimits;
  readonly #marks: Marks;

  constructor(limits: BlockLimits, marks: Marks) {
    this.#limits = limits;
    this.#marks = marks;
  }

  hasRoomFor(inspected: Inspected): boolean {
    if (this.taken === 0) return true;
    if (this.doubled.length + this.rejected.length + this.badRows.length >= maxExceptions) return false;
    const bytes = this.#bytes + inspected.record.body.length;
    if (inspected.kind === 'corrupt' || inspected.headers.rows === 0) return bytes <= this.#limits.maxBytes;
    const { rows, minTimeMs, maxTimeMs } = inspected.headers;
    const spanMs = Math.max(this.#newestMs, maxTimeMs) - Math.min(this.#oldestMs, minTimeMs);
    return bytes <= this.#limits.maxBytes && this.#rows + rows <= this.#limits.maxRows && spanMs <= maxSpanMs;
  }

  take(inspected: Inspected): void {
    this.taken += 1;
    this.#bytes += inspected.record.body.length;
    const { offset } = inspected.record;
    if (inspected.kind === 'corrupt') {
      this.rejected.push(offset);
      return;
    }
    for (const { index } of inspected.badRows ?? []) this.badRows.push([offset, index]);
    this.#takeRows(offset, inspected.headers);
  }

  #takeRows(offset: number, headers: FrameHeaders): void {
    const { doubled, missing } = this.#marks.standing(headers);
    this.#marks.see(headers);
    if (doubled > 0) this.doubled.push([offset, doubled]);
    this.missingRows += missing;
    this.#rows += headers.rows - doubled;
    if (headers.rows === doubled) return;
    this.#oldestMs = Math.min(this.#oldestMs, headers.minTimeMs);
    this.#newestMs = Math.max(this.#newestMs, headers.maxTimeMs);
  }
}

/** Takes records from the front until the block is full. */
export const planBlock = ({ topic, partition, records, marks: known, limits }: PlanOptions): Plan => {
  const marks = known.copy();
  const draft = new Draft(limits, marks);
  for (const inspected of records) {
    if (!draft.hasRoomFor(inspected)) break;
    draft.take(inspected);
  }
  const { doubled, rejected, badRows, missingRows } = draft;
  const used = records.slice(0, draft.taken);
  const startOffset = used[0]?.record.offset ?? 0;
  const endOffset = (used.at(-1)?.record.offset ?? 0) + 1;
  const block = formBlock({ partition, startOffset, endOffset }, used, { doubled, rejected, badRows });
  const intent = { topic, startOffset, endOffset, rows: block.rows, crc32: block.crc32, doubled, rejected, badRows };
  return { records: used, block, intent, marks, missingRows };
};
