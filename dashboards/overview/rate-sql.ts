import { minutes } from '../columns.ts';
import {
  bucket,
  type Counted,
  type Dimension,
  grainOf,
  inOrderOfTime,
  rate,
  rowsOf,
  secondsOfPoint,
  sumOf,
} from '../decision-rows.ts';

const { decisions, degraded, outcome, minute, latency_us: _latency, ...others } = minutes.columns;
const { early } = others;

/** How many lines one chart shows: those with the most denied decisions. The rest is one line. */
export const maxLines = 10;
export const rest = '(other)';
/** Decisions that no policy matched. */
const unnamed = '(none)';

export const throttleRate = `${grainOf()}
SELECT ${rate} AS rate
FROM ${rowsOf({})}
HAVING sum(v.${decisions}) > 0`;

export const totalOf = (count: 'decisions' | Counted): string =>
  `${grainOf()}
SELECT ${count === 'decisions' ? `sum(v.${decisions})` : sumOf(count)} AS total
FROM ${rowsOf({})}
HAVING sum(v.${decisions}) > 0`;

/** What the block list refused, of everything: each of them asked no store. */
export const sparedShare = `${grainOf()}
SELECT ${sumOf('blocked')} / sum(v.${decisions}) AS spared
FROM ${rowsOf({})}
HAVING sum(v.${decisions}) > 0`;

export const degradedShare = `${grainOf()}
SELECT sum(v.${degraded}) / sum(v.${decisions}) AS share
FROM ${rowsOf({ measures: [decisions, degraded] })}
HAVING sum(v.${decisions}) > 0`;

/** Of denied decisions those that came back before they were told to. */
export const earlyShare = `${grainOf()}
SELECT sumIf(v.${early}, ${outcome} = 'denied') / nullIf(${sumOf('denied')}, 0) AS share
FROM ${rowsOf({ measures: [decisions, early] })}
HAVING sum(v.${decisions}) > 0`;

/** One line per outcome: decisions per second. */
export const decisionsByOutcome = `${grainOf()}
SELECT ${bucket},
  ${(['allowed', 'denied', 'blocked'] as const).map((of) => `toNullable(${sumOf(of)} / ${secondsOfPoint}) AS ${of}`).join(',\n  ')}
FROM ${rowsOf({})}
GROUP BY time_bucket
${inOrderOfTime()}`;

/**
 * One line per value of the dimension, of those with the most denied decisions, and one for all others together: every decision is in
 * one line.
 */
export const throttleRateBy = (dimension: Dimension): string => {
  const by = [dimension];
  const name = `if(v.${dimension} = '', '${unnamed}', v.${dimension})`;
  const most = `SELECT v.${dimension} FROM ${rowsOf({ by })}
  GROUP BY v.${dimension} ORDER BY ${sumOf('denied')} DESC, sum(v.${decisions}) DESC, v.${dimension} LIMIT ${maxLines}`;
  return `${grainOf(by)}
SELECT ${bucket}, if(v.${dimension} IN (
  ${most}
), ${name}, '${rest}') AS ${dimension}, ${rate} AS rate
FROM ${rowsOf({ by })}
GROUP BY time_bucket, ${dimension}
${inOrderOfTime(dimension)}`;
};

/** What is usual: beyond two days of range a week before each point, else two hours. */
const baselineSeconds = `if(is_short, 7200, greatest(604800, 28 * step_seconds))`;
/** What just happens is not its own measure. */
const leftOut = `greatest(600, step_seconds)`;
const fewestPoints = 6;

/** Median and quartiles of the throttle rate in the time before each point. */
export const usualRate = `${grainOf()}
SELECT time_bucket, quartiles[1] AS lower, quartiles[2] AS median, quartiles[3] AS upper
FROM (
  SELECT time_bucket, rate,
    arrayMap(q -> if(points < ${fewestPoints}, NULL, toNullable(q)), quantilesExact(0.25, 0.5, 0.75)(assumeNotNull(rate)) OVER before) AS quartiles,
    count() OVER before AS points
  FROM (
    SELECT ${bucket}, ${rate} AS rate
    FROM ${rowsOf({ before: baselineSeconds })}
    GROUP BY time_bucket
    HAVING rate IS NOT NULL
  )
  WINDOW before AS (ORDER BY time_bucket RANGE BETWEEN toUInt32(${baselineSeconds}) PRECEDING AND toUInt32(${leftOut}) PRECEDING)
)
WHERE time_bucket >= toStartOfInterval($__fromTime, toIntervalSecond(step_seconds))
${inOrderOfTime()}`;

/** Seconds since the start of the newest minute that has decisions: grows when ingest stands still. */
export const freshness = `SELECT dateDiff('second', max(${minute}), now()) AS age_seconds
FROM ${minutes.name}
WHERE ${minute} > now() - INTERVAL 1 DAY
HAVING count() > 0`;
