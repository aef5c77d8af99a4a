import type { DecisionQuestionName } from '../alert/definition.ts';
import { burnRows, deadlineRows, degradedRows, slowOf } from './alert-burn-sql.ts';
import { type AlertObjectives, defaultObjectives } from './alert-objectives.ts';
import { causeCode, spikeRows, spikeSeries } from './alert-spike-sql.ts';

export { type AlertObjectives, defaultObjectives } from './alert-objectives.ts';

const burnNumbers = [
  'burn',
  'shortBurn',
  'throttleRate',
  'denied',
  'allowed',
  'clients',
  'topClientShare',
  'earlyShare',
  'degradedDenialShare',
  'newPolicyVersions',
] as const;

/** Numbers of a reading, by question; the first one is its value. */
export const alertNumbers: Readonly<Record<DecisionQuestionName, readonly [string, ...string[]]>> = {
  'throttle-spike': [
    'z',
    'throttleRate',
    'baselineRate',
    'denied',
    'allowed',
    'clients',
    'topClientShare',
    'earlyShare',
    'degradedShare',
    'degradedDenialShare',
    'newPolicyVersions',
    'tightenedPolicies',
    'demand',
    'explains',
  ],
  'throttle-burn-fast': burnNumbers,
  'throttle-burn-slow': burnNumbers,
  'degraded-decisions': ['degradedShare', 'degraded', 'decisions'],
  'deadline-budget': ['burn', 'shortBurn', 'slowShare', 'slow', 'decisions'],
};

/** At most 100 rows `dimension, name, firing, cause` and the question's numbers, worst first. `at` is an SQL expression. */
const rowsAt = (question: DecisionQuestionName, at: string, objectives: AlertObjectives): string => {
  switch (question) {
    case 'throttle-spike':
      return spikeRows(at);
    case 'throttle-burn-fast':
    case 'throttle-burn-slow':
      return burnRows(question, at, objectives);
    case 'degraded-decisions':
      return degradedRows(at, objectives);
    case 'deadline-budget':
      return deadlineRows(at, objectives);
  }
};

/** For one evaluation: the instant is the parameter `{at:DateTime('UTC')}`. */
export const readingStatement = (question: DecisionQuestionName, objectives: Partial<AlertObjectives> = {}): string =>
  rowsAt(question, "{at:DateTime('UTC')}", { ...defaultObjectives, ...objectives });

export interface AlertTableOptions {
  /** One of {@link alertNumbers}, `firing` (0 or 1) or `cause` (position among the causes from 1, 0: none). Default `firing`. */
  readonly number?: string;
  readonly objectives?: Partial<AlertObjectives>;
}

/** For Grafana, format table: two columns of labels and one number for each instance of the alert, as of now. */
export const alertTable = (question: DecisionQuestionName, options: AlertTableOptions = {}): string => {
  const { number = 'firing', objectives } = options;
  const column = number === 'cause' ? `${causeCode('a.cause')} AS cause` : `toFloat64(a.${number}) AS ${number}`;
  return `SELECT a.dimension AS dimension, a.name AS name, ${column}
FROM (
${rowsAt(question, "now('UTC')", { ...defaultObjectives, ...objectives })}
) AS a`;
};

const timeBucket = (column: string): string =>
  `toStartOfInterval(${column}, toIntervalSecond($__interval_s)) AS time_bucket`;
const inRange = (column: string): string => `${column} >= $__fromTime AND ${column} <= $__toTime`;

/** For a panel over time, format timeseries: one frame of `time_bucket` and numbers, of all decisions together. */
export const alertSeries = (question: DecisionQuestionName, objectives: Partial<AlertObjectives> = {}): string => {
  const { deniedShare, degradedShare, slowShare, deadlineUs } = { ...defaultObjectives, ...objectives };
  const minutes = (columns: string): string => `SELECT ${timeBucket('minute')}, ${columns}
FROM decisions_per_minute AS d
WHERE ${inRange('minute')} AND outcome != 'blocked'
GROUP BY time_bucket
ORDER BY time_bucket`;
  const denied = `sumIf(d.decisions, outcome = 'denied') / greatest(1, sum(d.decisions))`;
  switch (question) {
    case 'throttle-spike':
      return spikeSeries;
    case 'throttle-burn-fast':
      return minutes(`${denied} AS throttle_rate, ${6 * deniedShare} AS alarm_above`);
    case 'throttle-burn-slow':
      return minutes(`${denied} AS throttle_rate, ${deniedShare} AS alarm_above`);
    case 'degraded-decisions':
      return minutes(
        `sum(d.degraded) / greatest(1, sum(d.decisions)) AS degraded_share, ${degradedShare} AS alarm_above`,
      );
    case 'deadline-budget':
      return minutes(
        `sum(${slowOf('d.latency_us', deadlineUs)}) / greatest(1, sum(d.decisions)) AS slow_share, ${6 * slowShare} AS alarm_above`,
      );
  }
};
