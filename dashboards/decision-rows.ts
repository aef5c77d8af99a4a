import { byDimension, days, hours, minutes } from './columns.ts';
import { isAll, isChosen } from './variables.ts';

const { minute, tenant, route, region, policy, outcome } = minutes.columns;
const { dimension: named, value } = byDimension.columns;
const { hour } = hours.columns;
const { day } = days.columns;

/** What a reader can narrow a dashboard to; the variables have the same names. */
export const dimensions = [tenant, route, region, policy] as const;
export type Dimension = (typeof dimensions)[number];

const { decisions, early, degraded, cost, latency_us, shadow_denied } = minutes.columns;
export type Measure =
  | typeof decisions
  | typeof early
  | typeof degraded
  | typeof cost
  | typeof latency_us
  | typeof shadow_denied;

const daySeconds = 86_400;
/** Up to two days minutes answer: 2,880 points. */
const longestInMinutes = 2 * daySeconds;
/** By several dimensions hours answer up to two months, days beyond. */
const longestInHours = 62 * daySeconds;
/** As long as hours are kept by default; days stay. */
const hoursReach = 400 * daySeconds;

const range = `dateDiff('second', $__fromTime, $__toTime)`;
/** Minutes are kept for a quarter of a year, hours for longer: an old range is shown in hours. */
const hasMinutes = `(SELECT count() FROM (SELECT 1 FROM ${minutes.name} WHERE ${minute} >= $__fromTime AND ${minute} <= $__toTime LIMIT 1)) > 0`;
export const isShort = `(${range} <= ${longestInMinutes} AND ${hasMinutes})`;

/** What is asked for: by no dimension (everything together), by one, or by several. */
export interface RowsAsked {
  readonly by?: readonly Dimension[];
  readonly measures?: readonly Measure[];
  /** A further condition on columns that all rows have: on outcome, or on what `by` names. */
  readonly only?: string;
  /** So many seconds before the time on screen are read too: what came before is a baseline. An expression. */
  readonly before?: string;
}

/**
 * Whether the table of one dimension at a time has the answer: when nothing is chosen but in that dimension; without any, in
 * one of them at most.
 */
const oneDoes = (by: readonly Dimension[]): string => {
  if (by.length > 1) return '(0 = 1)';
  if (by.length === 0) return `(${dimensions.map((name) => `(NOT (${isAll(name)}))`).join(' + ')} <= 1)`;
  return `(${dimensions
    .filter((name) => name !== by[0])
    .map((name) => `(${isAll(name)})`)
    .join(' AND ')})`;
};

/** Which one that is: where nothing is chosen, regions are the fewest rows. */
const theOne = (by: readonly Dimension[]): string =>
  by[0] === undefined
    ? `multiIf(${[tenant, route, policy].map((name) => `NOT (${isAll(name)}), '${name}'`).join(', ')}, '${region}')`
    : `'${by[0]}'`;

/**
 * Begins a query over {@link rowsOf}: what fits the range is found out once, as constants. `row_seconds`: what one row stands for;
 * `step_seconds`: what one point does, which is what Grafana asks for in whole rows.
 */
export const grainOf = (by: readonly Dimension[] = []): string => {
  const settled = {
    is_short: isShort,
    one_does: oneDoes(by),
    is_long: `${range} > ${hoursReach} OR (${range} > ${longestInHours} AND NOT one_does)`,
    row_seconds: `multiIf(is_short, 60, is_long, ${daySeconds}, 3600)`,
    step_seconds: 'intDiv($__interval_s + row_seconds - 1, row_seconds) * row_seconds',
  };
  // A subquery is answered before the rest is planned; its answer may be null for all that the engine knows.
  return `WITH ${Object.entries(settled)
    .map(([name, expression]) => `assumeNotNull((SELECT ${expression})) AS ${name}`)
    .join(',\n  ')}`;
};

export const bucket = 'toStartOfInterval(at, toIntervalSecond(step_seconds)) AS time_bucket';

const wholeRows = (instant: string, beyond: string): string =>
  `intDiv(toInt64(toUnixTimestamp(${instant})) + ${beyond}, row_seconds) * row_seconds`;
const begins = `greatest(toInt64(toUnixTimestamp(time_bucket)), ${wholeRows('$__fromTime', 'if(row_seconds = 60, 59, 0)')})`;
const ends = `least(toInt64(toUnixTimestamp(time_bucket)) + step_seconds, ${wholeRows('$__toTime', 'row_seconds')}, toInt64(toUnixTimestamp(now())))`;
/** Seconds of a point that are on screen and have passed: the newest point is not lower than the rest for being short. */
export const secondsOfPoint = `greatest(1, ${ends} - ${begins})`;

const where = (...conditions: readonly string[]): string =>
  `WHERE ${conditions.filter((condition) => condition !== '').join('\n    AND ')}`;

/**
 * Rows of the grain that fits the range, named `v`: `at`, what `by` names, outcome and the measures. Of the four parts the
 * engine reads one, the conditions of the others are false from the start. Whole hours and days: the first one may begin
 * before the range.
 */
export const rowsOf = ({ by = [], measures = [decisions], only = '', before = '0' }: RowsAsked): string => {
  const columns = [...by, outcome, ...measures].join(', ');
  const all = dimensions.map((name) => isChosen(name));
  const within = (column: string, start: string): string =>
    `${column} >= ${start}($__fromTime - ${before}) AND ${column} <= $__toTime`;
  const single =
    by.length > 1
      ? ''
      : `
  UNION ALL
  SELECT ${hour} AS at, ${by.map((name) => `${value} AS ${name}, `).join('')}${[outcome, ...measures].join(', ')}
  FROM ${byDimension.name}
  ${where(
    'NOT is_short AND NOT is_long AND one_does',
    `${named} = ${theOne(by)}`,
    within(hour, 'toStartOfHour'),
    ...(by.length === 0 ? dimensions : by).map((name) => isChosen(value, name)),
    only,
  )}`;
  return `(
  SELECT ${minute} AS at, ${columns}
  FROM ${minutes.name}
  ${where('is_short', within(minute, ''), ...all, only)}
  UNION ALL
  SELECT ${hour} AS at, ${columns}
  FROM ${hours.name}
  ${where('NOT is_short AND NOT is_long AND NOT one_does', within(hour, 'toStartOfHour'), ...all, only)}
  UNION ALL
  SELECT ${day} AS at, ${columns}
  FROM ${days.name}
  ${where('NOT is_short AND is_long', within(day, 'toStartOfDay'), ...all, only)}${single}
) AS v`;
};

export type Counted = 'allowed' | 'denied' | 'blocked';
export const sumOf = (of: Counted, measure: Measure = decisions): string => `sumIf(v.${measure}, ${outcome} = '${of}')`;
/** Of what the limiter decided, the share it denied: as in the view throttle_rate. */
export const rate = `${sumOf('denied')} / nullIf(${sumOf('allowed')} + ${sumOf('denied')}, 0)`;

/** Points without rows are null, not zero: a hole in the data is a hole in the line. Ends a query. */
export const inOrderOfTime = (label?: string): string => {
  const inTime = 'ORDER BY time_bucket WITH FILL STEP toIntervalSecond(step_seconds)';
  // In a filled row the label is that of the row before: a null of its own series would be one more line.
  return label === undefined ? inTime : `${inTime}, hex(${label}) INTERPOLATE (${label})`;
};
