import type { Exceptions, Inspected } from './block.ts';
import type { EmitterSpan, RowBlock, StoredBlock } from './event-table.ts';

export interface AccountOptions {
  readonly topic: string;
  readonly topicId: string;
  readonly block: RowBlock;
  readonly records: readonly Inspected[];
  readonly exceptions: Exceptions;
  readonly settled: boolean;
  /** Offsets without a record are as it should be. */
  readonly compacted: boolean;
}

const joined = (span: EmitterSpan | undefined, next: EmitterSpan): EmitterSpan =>
  span === undefined
    ? next
    : {
        emitter: next.emitter,
        firstSeq: Math.min(span.firstSeq, next.firstSeq),
        lastSeq: Math.max(span.lastSeq, next.lastSeq),
        rows: span.rows + next.rows,
        missingRows: span.missingRows + next.missingRows,
        total: Math.max(span.total, next.total),
        ended: span.ended || next.ended,
      };

const spansOf = (records: readonly Inspected[], exceptions: Exceptions): EmitterSpan[] => {
  const doubled = new Map(exceptions.doubled);
  const missing = new Map(exceptions.missing);
  const rejected = new Set(exceptions.rejected);
  const spans = new Map<string, EmitterSpan>();
  for (const inspected of records) {
    const { offset } = inspected.record;
    if (!inspected.headers) continue;
    const { emitter, firstSeq, rows, total, last } = inspected.headers;
    const old = doubled.get(offset) ?? 0;
    const bad = exceptions.badRows.filter(([at, index]) => at === offset && index >= old).length;
    const span = {
      emitter,
      firstSeq,
      lastSeq: firstSeq + rows - 1,
      rows: rejected.has(offset) ? 0 : rows - old - bad,
      missingRows: missing.get(offset) ?? 0,
      total,
      ended: last,
    };
    spans.set(emitter, joined(spans.get(emitter), span));
  }
  return [...spans.values()];
};

const sumOf = (pairs: readonly (readonly [number, number])[]): number => pairs.reduce((sum, [, rows]) => sum + rows, 0);

/** The ledger's line of a block. Like the block a pure function: whoever settles it writes the same line. */
export const accountOf = (options: AccountOptions): StoredBlock => {
  const { topic, topicId, block, records, exceptions, settled, compacted } = options;
  const { partition, startOffset, endOffset, rows, crc32, minTimeMs, maxTimeMs } = block;
  return {
    topic,
    topicId,
    partition,
    startOffset,
    endOffset,
    rows,
    crc32,
    minTimeMs: rows === 0 ? 0 : minTimeMs,
    maxTimeMs: rows === 0 ? 0 : maxTimeMs,
    emitters: spansOf(records, exceptions),
    doubledRows: sumOf(exceptions.doubled),
    deadLetters: exceptions.rejected.length + exceptions.badRows.length,
    lostRecords: compacted ? 0 : endOffset - startOffset - records.length,
    settled,
  };
};
