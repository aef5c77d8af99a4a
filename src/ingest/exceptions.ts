import { type Exceptions, findBadRows, type Inspected, rowOf } from './block.ts';
import type { DeadRecord } from './dead-letters.ts';

/** Rows of one frame that are buried one by one; with more, the whole frame goes. */
const maxBadRows = 50;
const refused = 'refused by the database';

/**
 * What becomes of a frame that the database refused when it stood alone: its bad rows are left out, or all of it when no
 * row can be blamed, when all can, or when leaving them out did not help.
 */
export const withoutBadRows = (inspected: Inspected, error: string): Inspected => {
  const { record } = inspected;
  const corrupt: Inspected = { kind: 'corrupt', record, error };
  if (inspected.kind === 'corrupt' || inspected.badRows) return corrupt;
  const badRows = findBadRows(record.body);
  const isUseful = badRows.length > 0 && badRows.length <= maxBadRows && badRows.length < inspected.headers.rows;
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
