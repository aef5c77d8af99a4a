import { formBlock, type Inspected } from './block.ts';
import type { RowBlock } from './decision-table.ts';
import { type Intent, maxExceptions } from './intent.ts';
import type { Marks } from './marks.ts';

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

/** Takes records from the front until the block is full. */
export const planBlock = ({ topic, partition, records, marks: known, limits }: PlanOptions): Plan => {
  const marks = known.copy();
  const doubled: [number, number][] = [];
  const rejected: number[] = [];
  let [taken, rows, bytes, missingRows] = [0, 0, 0, 0];
  for (const inspected of records) {
    const { record } = inspected;
    const size = inspected.kind === 'clean' ? inspected.headers.rows : 0;
    const isFull = rows + size > limits.maxRows || bytes + record.body.length > limits.maxBytes;
    if (taken > 0 && (isFull || doubled.length + rejected.length >= maxExceptions)) break;
    taken += 1;
    if (inspected.kind === 'corrupt') {
      rejected.push(record.offset);
      continue;
    }
    const standing = marks.standing(inspected.headers);
    if (standing.doubled > 0) doubled.push([record.offset, standing.doubled]);
    missingRows += standing.missing;
    marks.see(inspected.headers);
    rows += size - standing.doubled;
    bytes += record.body.length;
  }
  const used = records.slice(0, taken);
  const startOffset = used[0]?.record.offset ?? 0;
  const endOffset = (used.at(-1)?.record.offset ?? 0) + 1;
  const block = formBlock({ partition, startOffset, endOffset }, used, { doubled, rejected });
  const intent = { topic, startOffset, endOffset, rows: block.rows, crc32: block.crc32, doubled, rejected };
  return { records: used, block, intent, marks, missingRows };
};
