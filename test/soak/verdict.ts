import type { Audit, LedgerLine } from './audit.ts';
import { noSums, type Sums, type Truth } from './truth.ts';

/** What is wrong, in words. Empty: nothing. */
export type Problems = readonly string[];

const measures = ['events', 'decisions', 'denied', 'blocked', 'cost', 'early'] as const;

/** By how many decisions each table differs from what was decided: 0 or a bug. */
export const driftOf = (audit: Audit, truth: Truth): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(audit.sums).map(([table, rows]) => {
      const partitions = new Set([...truth.byPartition.keys(), ...rows.map(({ partition }) => partition)]);
      let drift = 0;
      for (const partition of partitions) {
        const stored: Partial<Sums> = rows.find((row) => row.partition === partition) ?? noSums;
        const meant = truth.byPartition.get(partition) ?? noSums;
        drift +=
          stored.decisions === undefined
            ? Math.abs((stored.denied ?? 0) - meant.denied) + Math.abs((stored.blocked ?? 0) - meant.blocked)
            : Math.abs(stored.decisions - meant.decisions);
      }
      return [table, drift];
    }),
  );

const wrongSums = (audit: Audit, truth: Truth): string[] => {
  const problems: string[] = [];
  for (const [table, rows] of Object.entries(audit.sums)) {
    for (const [partition, meant] of truth.byPartition) {
      const stored: Partial<Sums> = rows.find((row) => row.partition === partition) ?? (meant.events > 0 ? {} : noSums);
      // The table of denials has no column for the rest.
      const named = table === 'denials_by_client_per_minute' ? (['denied', 'blocked'] as const) : measures;
      for (const measure of named) {
        if (stored[measure] === meant[measure]) continue;
        problems.push(`${table}: partition ${partition} has ${measure} ${stored[measure]}, not ${meant[measure]}`);
      }
    }
  }
  return problems;
};

const brokenLedger = (partition: number, lines: readonly LedgerLine[], ends: ReadonlyMap<number, number>): string[] => {
  const problems: string[] = [];
  let position = 0;
  for (const { startOffset, endOffset } of lines) {
    if (startOffset > position) problems.push(`ledger: partition ${partition} has a gap ${position} to ${startOffset}`);
    if (startOffset < position)
      problems.push(`ledger: partition ${partition} overlaps at ${startOffset}, is at ${position}`);
    position = endOffset;
  }
  const end = ends.get(partition) ?? 0;
  if (position !== end) problems.push(`ledger: partition ${partition} ends at ${position}, the log at ${end}`);
  return problems;
};

/** Whether the ledger is one line of ranges from the first record to the last, and says what the tables hold. */
export const ledgerProblems = (audit: Audit, ends: ReadonlyMap<number, number>): string[] => {
  const problems = [...ends.keys()].flatMap((partition) =>
    brokenLedger(
      partition,
      audit.ledger.filter((line) => line.partition === partition),
      ends,
    ),
  );
  for (const { partition, events = 0 } of audit.sums['decisions_raw'] ?? []) {
    const rows = audit.ledger.reduce((sum, line) => sum + (line.partition === partition ? line.rows : 0), 0);
    if (rows !== events) problems.push(`ledger: partition ${partition} names ${rows} rows, ${events} are stored`);
  }
  return problems;
};

/** Cells that are wrong and rows that are stored twice, whatever was sent. */
export const innerProblems = (audit: Audit): string[] => [
  ...Object.entries(audit.wrongCells)
    .filter(([, cells]) => cells > 0)
    .map(([table, cells]) => `${table}: ${cells} cells differ from the rows`),
  ...(audit.doubledEvents > 0 ? [`decisions_raw: ${audit.doubledEvents} rows are stored twice`] : []),
];

/** Everything that differs from what was sent. `ends`: where the log ends. */
export const problemsOf = (audit: Audit, truth: Truth, ends: ReadonlyMap<number, number>): Problems => [
  ...wrongSums(audit, truth),
  ...innerProblems(audit),
  ...ledgerProblems(audit, ends),
];
