import Table from 'cli-table3';
import { announcedBy, type Contest, type Report, type Result } from './contest.ts';

/** `12,300`, `4.56`: four digits are all that a shared machine can vouch for. */
export const figure = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 });

/** `3.12 ×` */
export const times = (ratio: number): string => `${ratio.toFixed(2)} ×`;

/** What became of the aim, in a word. */
export const verdictOf = ({ ratio }: Result, { aim }: Contest): string => {
  if (aim === null) return '';
  return ratio >= aim ? 'met' : 'missed';
};

export const lineOf = (result: Result, contest: Contest): string => {
  const { name, value, unit, referenceValue, reference, ratio } = result;
  const aim = contest.aim === null ? '' : `, aim ${times(contest.aim)} ${verdictOf(result, contest)}`;
  return `${name}: ${figure(value)} ${unit}; ${reference}: ${figure(referenceValue)} → ${times(ratio)}${aim}`;
};

/** The contest that a result is of. */
export const contestOf = (result: Result, contests: readonly Contest[]): Contest | undefined =>
  contests.find((contest) => announcedBy(contest).some(({ name }) => name === result.name));

/** For a terminal. */
export const tableOf = (report: Report, contests: readonly Contest[]): string => {
  const table = new Table({
    head: ['result', 'unit', 'tidegate', 'beside it', 'ratio', 'aim', ''],
    style: { head: [], border: [] },
  });
  for (const result of report.results) {
    const contest = contestOf(result, contests);
    if (!contest) continue;
    const { name, unit, value, referenceValue, ratio } = result;
    const aim = contest.aim === null ? '' : times(contest.aim);
    table.push([name, unit, figure(value), figure(referenceValue), times(ratio), aim, verdictOf(result, contest)]);
  }
  return `${table.toString()}\nMedians of ${report.rounds} rounds in turns on ${report.cores} cores. A ratio above 1 means that tidegate is better.`;
};
