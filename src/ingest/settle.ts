import { TidegateError } from '../errors.ts';
import { crc32Hex } from '../event/frame.ts';
import { runsWithout } from './block.ts';
import type { EventTable, RowBlock, RowRun, StoredRows } from './event-table.ts';

export interface Settlement {
  /** Rows that were not there and are now. */
  readonly insertedRows: number;
  /** Rows that are stored more than once. 0, unless a guarantee was broken; nothing is deleted. */
  readonly doubledRows: number;
}

export interface SettleOptions {
  readonly table: EventTable;
  readonly block: RowBlock;
  /** The block's own token. */
  readonly token: string;
  /** Rejects when this process no longer owns the partition: called before each write. */
  readonly mustOwn: () => Promise<void>;
  /** Called before an insert under another token, so that one that is still under way elsewhere can end. */
  readonly pause: () => Promise<void>;
}

const maxAttempts = 5;

const missingRuns = (runs: readonly RowRun[], stored: StoredRows): RowRun[] =>
  runs.flatMap((run) => runsWithout(run, stored.seqs.get(run.emitter) ?? new Set()));

const rowsIn = (runs: readonly RowRun[]): number => runs.reduce((sum, { rows }) => sum + rows, 0);

/**
 * Makes a block that may have been stored wholly, partly or not at all exactly stored. Counts first: after a crash of the
 * database the token may be remembered without the rows, or the rows without the token. A block that is wholly absent is
 * inserted under its own token, so that an insert of a former owner that is still under way is not stored beside it. Then
 * what is derived from the rows is repaired, because an insert reaches each table on its own.
 */
export const settle = async ({ table, block, token, mustOwn, pause }: SettleOptions): Promise<Settlement> => {
  let insertedRows = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const stored = await table.storedRows(block);
    const missing = missingRuns(block.runs, stored);
    await mustOwn();
    if (missing.length === 0) {
      await table.repair(block);
      return { insertedRows, doubledRows: stored.rows - block.rows };
    }
    const rows = rowsIn(missing);
    const isWhole = attempt === 0 && rows === block.rows;
    if (!isWhole && attempt > 0) await pause();
    const own = `${token}:missing:${rows}:${crc32Hex(missing.map(({ body }) => body))}:${attempt}`;
    await table.insert(missing, isWhole ? token : own);
    insertedRows = rows;
  }
  throw new TidegateError('TABLE_FAILED', `Rows of ${token} do not become visible after ${maxAttempts} inserts`, {
    retryable: true,
  });
};
