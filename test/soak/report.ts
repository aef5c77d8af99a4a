import Table from 'cli-table3';
import type { SeriesReport } from './kill-series.ts';
import type { ScenarioReport } from './scenario-series.ts';
import type { SoakReport } from './soak-run.ts';

const number = (value: number): string => value.toLocaleString('en');

export const exact = (problems: readonly string[]): string =>
  problems.length === 0 ? 'exact' : `${problems.length} problems, the first: ${problems[0]}`;

const twoColumns = (head: readonly [string, string], rows: readonly (readonly [string, number])[]): string => {
  const table = new Table({ head: [...head], colAligns: ['left', 'right'], style: { head: [], border: [] } });
  for (const [name, value] of rows) table.push([name, number(value)]);
  return table.toString();
};

const namedCounts = (counts: Readonly<Record<string, number>>): (readonly [string, number])[] => Object.entries(counts);

export const tableOfKills = (report: SeriesReport): string =>
  [
    twoColumns(['killed', 'times'], namedCounts(report.killsByPoint)),
    twoColumns(['table', 'drift'], namedCounts(report.drift)),
    `${number(report.kills)} kills over ${number(report.logs)} logs of ${number(report.decisions)} decisions in all; ` +
      `${number(report.settledBlocks)} blocks settled, ${number(report.repairedRows)} rows put in: ${exact(report.problems)}`,
  ].join('\n');

export const tableOfScenarios = (reports: readonly ScenarioReport[]): string => {
  const table = new Table({ head: ['scenario', 'decisions', 'facts', 'result'], style: { head: [], border: [] } });
  for (const { scenario, decisions, facts, problems } of reports) {
    const known = Object.entries(facts).map(([name, value]) => `${name} ${number(value)}`);
    table.push([scenario, number(decisions), known.join(', '), exact(problems)]);
  }
  return table.toString();
};

export const tableOfSoak = (report: SoakReport): string =>
  [
    twoColumns(['fault', 'times'], namedCounts(report.faults)),
    twoColumns(['ingest killed', 'times'], namedCounts(report.kills)),
    twoColumns(['table', 'drift'], namedCounts(report.drift)),
    `${number(report.seconds)} s, ${number(report.taken)} decisions taken, ${number(report.stored)} stored in ${number(report.rows)} rows ` +
      `and ${number(report.blocks)} blocks, ${number(report.lost)} lost and counted, ${number(report.doubledRows)} doubled rows left out; ` +
      `${number(report.restarts)} restarts, ${number(report.settledBlocks)} blocks settled, ${number(report.repairedRows)} rows put in; ` +
      `${number(report.tailUnknown)} gates killed, of which ${number(report.unsentOfKilled)} decisions were never sent: ${exact(report.problems)}`,
  ].join('\n');

/** One line of the results, in the shape that benches have. A table that is exact has the ratio 1, any other less. */
export interface ResultLine {
  readonly name: string;
  readonly unit: 'decisions';
  readonly value: number;
  readonly reference: string;
  readonly referenceValue: number;
  readonly ratio: number;
}

/** For each table, how many decisions are as they should be, beside those that were taken. */
export const resultsOf = (drift: Readonly<Record<string, number>>, decisions: number): ResultLine[] =>
  Object.entries(drift).map(([table, by]) => ({
    name: table,
    unit: 'decisions',
    value: decisions - by,
    reference: 'decisions that were taken',
    referenceValue: decisions,
    ratio: decisions === 0 ? 1 : (decisions - by) / decisions,
  }));
