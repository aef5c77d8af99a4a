import { abuse } from './abuse/contests.ts';
import { consistency } from './consistency.ts';
import type { Contest } from './contest.ts';
import { enforcement } from './enforcement/contests.ts';
import { events } from './events/contests.ts';
import { failure } from './failure/contests.ts';
import { pipeline } from './pipeline/contests.ts';
import { review } from './review/contests.ts';

/** Name → what it measures, in the order in which it is told. */
export const benches: ReadonlyMap<string, readonly Contest[]> = new Map([
  ['enforcement', enforcement],
  ['events', events],
  ['pipeline', pipeline],
  ['failure', failure],
  ['consistency', consistency],
  ['abuse', abuse],
  ['review', review],
]);

export const contestNamed = (bench: string, name: string): Contest => {
  const contest = benches.get(bench)?.find((candidate) => candidate.name === name);
  if (!contest) throw new Error(`bench ${bench} has no result ${name}`);
  return contest;
};
