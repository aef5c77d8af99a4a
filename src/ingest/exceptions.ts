import { type Exceptions, findBadRows, type Inspected, type RowDecoder, rowOf } from './block.ts';
import type { DeadRecord } from './dead-letters.ts';
import { maxBadRows } from './row-scan.ts';

/** Of what a former owner left out. */
const refused = 'refused by the database, or of a time that it does not keep';

/**
 * What becomes of a frame that the database refused when it stood alone: its bad rows are left out, or all of it when no
 * row can be blamed, when all can, or when leaving them out did not help.
 */
export const withoutBadRows = (inspected: Inspected, error: string, decodeRow: RowDecoder): Inspected => {
  const { record } = inspected;
  if (inspected.kind === 'corrupt') return inspected;
  const corrupt: Inspected = { kind: 'corrupt', record, error, headers: inspected.headers };
  const known = inspected.badRows ?? [];
  const fresh = findBadRows(record.body, decodeRow).filter(({ index }) => !known.some((row) => row.index === index));
  const badRows = [...known, ...fresh];
  const isUseful = fresh.length > 0 && badRows.length <= maxBadRows && badRows.length < inspected.headers.rows;
  return isUseful ? { ...inspected, badRows } : corrupt;
};

type DeadPart = Pick<DeadRecord, 'record' | 'error' | 'row'>;

const deadRows = (inspected: Inspected, { badRows }: Exceptions): DeadPart[] => {
  const { record } = inspected;
  const known = inspected.kind === 'clean' ? (inspected.badRows ?? []) : [];
  return badRows.flatMap(([offset, index]) => {
    if (offset !== record.offset) return [];
    const error = known.find((row) => row.index === index)?.error ?? refused;
    return [{ record, error, row: { index, bytes: rowOf(record.body, index) } }];
  });
};

/** Everything of these records that goes to the dead letters, in the order of the log. */
export const deadRecords = (records: readonly Inspected[], exceptions: Exceptions): DeadPart[] =>
  records.flatMap((inspected): DeadPart[] => {
    const { record } = inspected;
    if (!exceptions.rejected.includes(record.offset)) return deadRows(inspected, exceptions);
    return [{ record, error: inspected.kind === 'corrupt' ? inspected.error : refused }];
  });
