import { tables } from './tables.ts';

/**
 * A table's columns as an object, so that a query naming a column that is gone does not compile.
 */
const columnsOf = <Name extends string>(columns: readonly Name[]): { readonly [Column in Name]: Column } =>
  Object.fromEntries(columns.map((column) => [column, column])) as { [Column in Name]: Column };

const table = tables.decisionsPerMinute.name;
const { minute, tenant, route, region, policy, outcome, decisions } = columnsOf(tables.decisionsPerMinute.columns);

/** What a reader can narrow the dashboard to, and what its panels divide by. */
export const dimensions = [tenant, route, region, policy] as const;
export type Dimension = (typeof dimensions)[number];

/** `All` leaves the condition out, instead of listing every value there ever was. */
const chosen = dimensions.map((name) => `$__conditionalAll(${name} IN (\${${name}:singlequote}), $${name})`);
const inRange = `$__timeFilter(${minute})`;
const where = `WHERE ${[inRange, ...chosen].join('\n  AND ')}`;

const denied = `sumIf(${decisions}, ${outcome} = 'denied')`;
const blocked = `sumIf(${decisions}, ${outcome} = 'blocked')`;
/** The limiter's refusals in all decisions; what the block list refuses is counted apart. */
const throttleRate = `${denied} / sum(${decisions})`;
const bucket = `$__timeInterval(${minute}) AS time_bucket`;

/** How many lines one chart shows: those with the most denied decisions. */
const maxSeries = 10;

export const throttleRateInAll = `SELECT ${throttleRate} AS throttle_rate
FROM ${table}
${where}
HAVING sum(${decisions}) > 0`;

export const totalOf = (what: 'decisions' | 'denied' | 'blocked'): string => `SELECT ${
  what === 'decisions' ? `sum(${decisions})` : what === 'denied' ? denied : blocked
} AS total
FROM ${table}
${where}`;

/** One series per outcome: decisions per second. */
export const decisionsByOutcome = `SELECT ${bucket}, ${outcome}, sum(${decisions}) / $__interval_s AS per_second
FROM ${table}
${where}
GROUP BY time_bucket, ${outcome}
ORDER BY time_bucket`;

/** One series per value of the dimension, of the ten with the most denied decisions. */
export const throttleRateBy = (
  dimension: Dimension,
): string => `SELECT ${bucket}, ${dimension}, ${throttleRate} AS throttle_rate
FROM ${table}
${where}
  AND ${dimension} IN (
    SELECT ${dimension} FROM ${table}
    ${where.replaceAll('\n', '\n    ')}
    GROUP BY ${dimension} ORDER BY ${denied} DESC, ${dimension} LIMIT ${maxSeries}
  )
GROUP BY time_bucket, ${dimension}
ORDER BY time_bucket, ${dimension}`;

/** Where the refusals are: one row per tenant, route, region and policy. */
export const mostThrottled = `SELECT ${dimensions.join(', ')},
  sum(${decisions}) AS all_decisions, ${denied} AS denied, ${blocked} AS blocked, ${throttleRate} AS throttle_rate
FROM ${table}
${where}
GROUP BY ${dimensions.join(', ')}
HAVING denied > 0
ORDER BY denied DESC
LIMIT 100`;

/** Seconds between the newest minute that has rows and now: grows when ingest stands still. */
export const freshness = `SELECT dateDiff('second', max(${minute}), now()) AS age_seconds
FROM ${table}
WHERE ${minute} > now() - INTERVAL 1 DAY
HAVING count() > 0`;

/** The values to choose from, in the range on screen. */
export const valuesOf = (dimension: Dimension): string =>
  `SELECT DISTINCT ${dimension} FROM ${table} WHERE ${inRange} ORDER BY ${dimension} LIMIT 1000`;
