import { isUtf8 } from 'node:buffer';
import { messageOf, TidegateError } from '../errors.ts';
import type { LogRecord } from '../event/event-log.ts';
import { checkFrame, crc32Hex, type FrameHeaders } from '../event/frame.ts';
import type { RowBlock, RowRun } from './event-table.ts';
import type { Intent } from './intent.ts';
import { type BadRow, maxBadRows, scanRows } from './row-scan.ts';

/** What the rows of every topic say of themselves. */
export interface RowIdentity {
  readonly timeMs: number;
  readonly emitter: string;
  readonly partition: number;
  readonly seq: number;
}

/** Reads one line without its line break. Throws when it is no row of the topic. */
export type RowDecoder = (line: string) => RowIdentity;

/** A record as ingest sees it: whose its rows are is known of all, what else they say ClickHouse finds out. */
export type Inspected =
  | {
      readonly kind: 'clean';
      readonly record: LogRecord;
      readonly headers: FrameHeaders;
      readonly badRows?: readonly BadRow[];
      /** That its rows touch, where these are few of those between the first and the last. */
      readonly months?: readonly number[];
    }
  | {
      readonly kind: 'corrupt';
      readonly record: LogRecord;
      readonly error: string;
      /** Only where they are known to be right: others must not move an emitter's mark. */
      readonly headers?: FrameHeaders;
    };

const lineBreak = 10;

/** Where each line ends, the break included. */
const lineEnds = (body: Buffer): number[] => {
  const ends: number[] = [];
  for (let at = body.indexOf(lineBreak); at !== -1; at = body.indexOf(lineBreak, at + 1)) ends.push(at + 1);
  return ends;
};

const countLines = (body: Buffer): number => {
  let lines = 0;
  for (let at = body.indexOf(lineBreak); at !== -1; at = body.indexOf(lineBreak, at + 1)) lines += 1;
  return lines;
};

const checkBody = (body: Buffer, rows: number): void => {
  const lines = countLines(body);
  if (lines !== rows) throw new TidegateError('FRAME_CORRUPT', `frame holds ${lines} rows, its header says ${rows}`);
  if (rows > 0 && body.at(-1) !== lineBreak) throw new TidegateError('FRAME_CORRUPT', 'frame ends within a row');
  if (!isUtf8(body)) throw new TidegateError('FRAME_CORRUPT', 'frame is not UTF-8');
};

/** The bytes of one row, without its line break. */
export const rowOf = (body: Buffer, index: number): Buffer => {
  const ends = lineEnds(body);
  return body.subarray(index === 0 ? 0 : (ends[index - 1] ?? body.length), (ends[index] ?? body.length + 1) - 1);
};

export const inspect = (record: LogRecord, partition: number): Inspected => {
  try {
    const headers = checkFrame(record);
    checkBody(record.body, headers.rows);
    const { bad, isBorneOut } = scanRows(record.body, { headers, partition });
    if (bad.length === 0) return { kind: 'clean', record, headers };
    if (bad.length <= maxBadRows && isBorneOut) return { kind: 'clean', record, headers, badRows: bad };
    const error = `${bad.length > maxBadRows ? 'too many' : 'all'} of its rows are none: ${bad[0]?.error}`;
    return { kind: 'corrupt', record, error, ...(isBorneOut ? { headers } : {}) };
  } catch (error) {
    return { kind: 'corrupt', record, error: messageOf(error) };
  }
};

/** JSON can say half of a surrogate pair, and writes it as an escape; no database takes it. */
const halfPair = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
const hasHalfPair = (line: string): boolean => line.includes('\\u') && halfPair.test(JSON.stringify(JSON.parse(line)));

/** The rows of a frame that are none of this topic. Looked for only when the database has refused the frame. */
export const findBadRows = (body: Buffer, decodeRow: RowDecoder): BadRow[] =>
  body
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .flatMap((line, index) => {
      try {
        decodeRow(line);
        return hasHalfPair(line) ? [{ index, error: 'a text holds half of a surrogate pair' }] : [];
      } catch (error) {
        return [{ index, error: messageOf(error) }];
      }
    });

/** The lines of a run from a position on; null when nothing remains. */
export const runFrom = (run: RowRun, firstSeq: number): RowRun | null => {
  const dropped = firstSeq - run.firstSeq;
  if (dropped <= 0) return run;
  if (dropped >= run.rows) return null;
  const body = run.body.subarray(lineEnds(run.body)[dropped - 1] ?? 0);
  return { emitter: run.emitter, firstSeq, rows: run.rows - dropped, body };
};

/** The parts of a run whose positions are not in `stored`, each a run of its own. */
export const runsWithout = (run: RowRun, stored: ReadonlySet<number>): RowRun[] => {
  const ends = lineEnds(run.body);
  const missing: RowRun[] = [];
  let from = -1;
  for (let index = 0; index <= run.rows; index += 1) {
    const isMissing = index < run.rows && !stored.has(run.firstSeq + index);
    if (isMissing && from === -1) from = index;
    if (isMissing || from === -1) continue;
    const body = run.body.subarray(from === 0 ? 0 : (ends[from - 1] ?? 0), ends[index - 1] ?? 0);
    missing.push({ emitter: run.emitter, firstSeq: run.firstSeq + from, rows: index - from, body });
    from = -1;
  }
  return missing;
};

/** What of the records is not stored, and what never came. */
export type Exceptions = Pick<Intent, 'doubled' | 'missing' | 'rejected' | 'badRows'>;

export interface BlockOptions {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

/**
 * The block that these records and exceptions make. A pure function: the one who plans a block and the one who rebuilds
 * it from its intent get the same bytes.
 */
export const formBlock = (range: BlockOptions, records: readonly Inspected[], exceptions: Exceptions): RowBlock => {
  const doubled = new Map(exceptions.doubled);
  const rejected = new Set(exceptions.rejected);
  const runs: RowRun[] = [];
  let minTimeMs = Number.MAX_SAFE_INTEGER;
  let maxTimeMs = 0;
  for (const inspected of records) {
    const { record } = inspected;
    if (inspected.kind === 'corrupt' || rejected.has(record.offset) || inspected.headers.rows === 0) continue;
    const { emitter, firstSeq, rows } = inspected.headers;
    const run = runFrom({ emitter, firstSeq, rows, body: record.body }, firstSeq + (doubled.get(record.offset) ?? 0));
    if (!run) continue;
    const bad = exceptions.badRows.flatMap(([offset, index]) => (offset === record.offset ? [firstSeq + index] : []));
    runs.push(...(bad.length > 0 ? runsWithout(run, new Set(bad)) : [run]));
    minTimeMs = Math.min(minTimeMs, inspected.headers.minTimeMs);
    maxTimeMs = Math.max(maxTimeMs, inspected.headers.maxTimeMs);
  }
  const rows = runs.reduce((sum, run) => sum + run.rows, 0);
  return { ...range, rows, crc32: crc32Hex(runs.map(({ body }) => body)), minTimeMs, maxTimeMs, runs };
};

/** Names a block's content: a topic that was made anew, or another cut of the same range, has another token. */
export const tokenOf = (topic: string, block: RowBlock): string => {
  const first = block.runs[0];
  const { partition, startOffset, endOffset, rows, crc32 } = block;
  return `1:${topic}:${partition}:${startOffset}:${endOffset}:${rows}:${crc32}:${first?.emitter}:${first?.firstSeq}`;
};
