import { type Inspected, type RowDecoder, runsWithout } from './block.ts';
import type { RowBlock, RowRun } from './event-table.ts';
import { maxMonths, monthsOfTimes, monthsSpanned } from './months.ts';
import { type BadRow, maxBadRows } from './row-scan.ts';

/** Rows of other times cannot be kept. */
export interface TimeBounds {
  /** Older rows are gone as soon as they are stored. 0: none are. */
  readonly keptSinceMs: number;
}

/** Times of 32 bits end in 2106, and a row's end of life lies behind its time. */
const endOfTimeMs = Date.UTC(2100, 0, 1);

interface TimedRow {
  readonly index: number;
  readonly timeMs: number;
}

/** The readable rows; what the others are, the database says. */
const timesIn = (body: Buffer, decodeRow: RowDecoder): TimedRow[] =>
  body
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .flatMap((line, index) => {
      try {
        return [{ index, timeMs: decodeRow(line).timeMs }];
      } catch {
        return [];
      }
    });

const textOf = (timeMs: number): string =>
  timeMs >= endOfTimeMs ? `${timeMs} ms since 1970` : new Date(timeMs).toISOString();

const errorOf = (timeMs: number, { keptSinceMs }: TimeBounds): string | null => {
  if (timeMs < keptSinceMs)
    return `a row of ${textOf(timeMs)} is older than what the table keeps, ${textOf(keptSinceMs)}`;
  return timeMs >= endOfTimeMs ? `a row of ${textOf(timeMs)} is later than the table can say` : null;
};

/**
 * What of a frame has a time that the table can keep. Decided once, when a block is planned, and written into its intent:
 * time goes on until somebody else may have to store it.
 */
export const keptInTime = (inspected: Inspected, bounds: TimeBounds, decodeRow: RowDecoder): Inspected => {
  if (inspected.kind === 'corrupt' || inspected.months || inspected.headers.rows === 0) return inspected;
  const { record, headers } = inspected;
  const { minTimeMs, maxTimeMs, rows } = headers;
  const oldest = errorOf(minTimeMs, bounds);
  const error = oldest ?? errorOf(maxTimeMs, bounds);
  const isWide = monthsSpanned(minTimeMs, Math.min(maxTimeMs, endOfTimeMs)) > maxMonths;
  if (error === null && !isWide) return inspected;
  const times = timesIn(record.body, decodeRow);
  const late = times.flatMap(({ index, timeMs }): BadRow[] => {
    const why = errorOf(timeMs, bounds);
    return why === null ? [] : [{ index, error: why }];
  });
  const known = inspected.badRows ?? [];
  const badCount = known.length + late.length;
  if (badCount > maxBadRows || badCount === rows)
    return { kind: 'corrupt', record, error: error ?? 'of no time', headers };
  const bad = new Set(late.map(({ index }) => index));
  const months = monthsOfTimes(times.filter(({ index }) => !bad.has(index)).map(({ timeMs }) => timeMs));
  if (months.length > maxMonths)
    return {
      kind: 'corrupt',
      record,
      headers,
      error: `rows of ${months.length} months; a frame holds at most ${maxMonths}`,
    };
  return { ...inspected, months, ...(late.length > 0 ? { badRows: [...known, ...late] } : {}) };
};

/**
 * What of a block can still be counted. Rows that have become older than what the table keeps may have been stored and be
 * gone: to insert them until they stay would never end, and what is derived from them would count them again.
 */
export const stillKept = (block: RowBlock, { keptSinceMs }: TimeBounds, decodeRow: RowDecoder): RowBlock => {
  if (block.minTimeMs >= keptSinceMs) return block;
  const runs = block.runs.flatMap((run): RowRun[] => {
    const old = timesIn(run.body, decodeRow).filter(({ timeMs }) => timeMs < keptSinceMs);
    return runsWithout(run, new Set(old.map(({ index }) => run.firstSeq + index)));
  });
  const rows = runs.reduce((sum, run) => sum + run.rows, 0);
  return { ...block, runs, rows, minTimeMs: keptSinceMs };
};
