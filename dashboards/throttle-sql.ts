import { tables } from '../src/clickhouse/tables.ts';

/** A view's columns as an object, so that a query naming a column that is gone does not compile. */
const columnsOf = <Name extends string>(columns: readonly Name[]): { readonly [Column in Name]: Column } =>
  Object.fromEntries(columns.map((column) => [column, column])) as { [Column in Name]: Column };

const view = tables.throttleRate.name;
const { minute, tenant, route, region, policy, decisions, allowed, denied, blocked } = columnsOf(
  tables.throttleRate.columns,
);

/** What a reader can narrow the dashboard to. */
export const dimensions = [tenant, route, region, policy] as const;
export type Dimension = (typeof dimensions)[number];

/** `All` leaves the condition out, instead of listing every value there ever was. */
const chosen = dimensions.map((name) => `$__conditionalAll(${name} IN (\${${name}:singlequote}), $${name})`);
const inRange = `$__timeFilter(${minute})`;
const from = `FROM ${view} AS v\nWHERE ${[inRange, ...chosen].join('\n  AND ')}`;

/** Of what the limiter decided, the share it denied: the view's definition, over more than one of its rows. */
const rate = `sum(v.${denied}) / greatest(1, sum(v.${allowed}) + sum(v.${denied}))`;
const bucket = `$__timeInterval(${minute}) AS time_bucket`;

/** How many lines one chart shows: those with the most denied decisions. */
const maxSeries = 10;

export const throttleRateInAll = `SELECT ${rate} AS rate\n${from}\nHAVING sum(v.${decisions}) > 0`;

export const totalOf = (count: 'decisions' | 'denied' | 'blocked'): string =>
  `SELECT sum(v.${count}) AS total\n${from}`;

/** One series per outcome: decisions per second. */
export const decisionsByOutcome = `SELECT ${bucket},
  ${[allowed, denied, blocked].map((outcome) => `sum(v.${outcome}) / $__interval_s AS ${outcome}_per_second`).join(',\n  ')}
${from}
GROUP BY time_bucket
ORDER BY time_bucket`;

/** One series per value of the dimension, of the ten with the most denied decisions. */
export const throttleRateBy = (dimension: Dimension): string => `SELECT ${bucket}, ${dimension}, ${rate} AS rate
${from}
  AND ${dimension} IN (
    SELECT ${dimension}
    ${from.replaceAll('\n', '\n    ')}
    GROUP BY ${dimension} ORDER BY sum(v.${denied}) DESC, ${dimension} LIMIT ${maxSeries}
  )
GROUP BY time_bucket, ${dimension}
ORDER BY time_bucket, ${dimension}`;

/** Where the refusals are: one row per tenant, route, region and policy. */
export const mostThrottled = `SELECT ${dimensions.join(', ')},
  ${[decisions, denied, blocked].map((count) => `sum(v.${count}) AS all_${count}`).join(', ')}, ${rate} AS rate
${from}
GROUP BY ${dimensions.join(', ')}
HAVING all_denied > 0
ORDER BY all_denied DESC
LIMIT 100`;

/** Seconds since the start of the newest minute that has decisions: grows when ingest stands still. */
export const freshness = `SELECT dateDiff('second', max(${minute}), now()) AS age_seconds
FROM ${view}
WHERE ${minute} > now() - INTERVAL 1 DAY
HAVING count() > 0`;

/** The values to choose from, in the range on screen. */
export const valuesOf = (dimension: Dimension): string =>
  `SELECT DISTINCT ${dimension} FROM ${view} WHERE ${inRange} ORDER BY ${dimension} LIMIT 1000`;
