import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';
import type { RowBlock, RowRun } from '../../src/ingest/event-table.ts';

export const runOf = ({ headers, body }: OutgoingFrame): RowRun => ({
  emitter: headers.emitter,
  firstSeq: headers.firstSeq,
  rows: headers.rows,
  body,
});

/** The block that these frames of one partition make. */
export const blockOf = (frames: readonly OutgoingFrame[]): RowBlock => ({
  partition: frames[0]?.partition ?? 0,
  startOffset: 0,
  endOffset: frames.length,
  rows: frames.reduce((sum, { headers }) => sum + headers.rows, 0),
  crc32: crc32Hex(frames.map(({ body }) => body)),
  minTimeMs: Math.min(...frames.map(({ headers }) => headers.minTimeMs)),
  maxTimeMs: Math.max(...frames.map(({ headers }) => headers.maxTimeMs)),
  runs: frames.map(runOf),
});
