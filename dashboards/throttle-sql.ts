import { quantilesOf } from '../src/clickhouse/latency-sql.ts';
import { tables } from '../src/clickhouse/tables.ts';

/** A table's columns as an object, so that a query naming a column that is gone does not compile. */
const columnsOf = <Name extends string>(columns: readonly Name[]): { readonly [Column in Name]: Column } =>
  Object.fromEntries(columns.map((column) => [column, column])) as { [Column in Name]: Column };

const minutes = tables.decisionsPerMinute.name;
const hours = tables.decisionsPerHour.name;
const days = tables.decisionsPerDay.name;
const overview = tables.decisionsByDimension.name;
const { minute, tenant, route, region, policy, outcome, decisions, latency_us } = columnsOf(
  tables.decisionsPerMinute.columns,
);
const { hour } = columnsOf(tables.decisionsPerHour.columns);
const { day } = columnsOf(tables.decisionsPerDay.columns);
const { dimension: named, value } = columnsOf(tables.decisionsByDimension.columns);

/** What a reader can narrow the dashboard to. */
export const dimensions = [tenant, route, region, policy] as const;
export type Dimension = (typeof dimensions)[number];

/** `All` leaves the condition out, instead of listing every value there ever was. */
const chosen = dimensions.map((name) => `$__conditionalAll(${name} IN (\${${name}:singlequote}), $${name})`);
/** True for a variable that stands on All; a line of its own, as each macro. */
const isAll = (name: Dimension): string => `\n      $__conditionalAll(0 = 1, $${name})\n    `;

/**
 * Whether the table of one dimension at a time has the answer: when nothing is chosen but in that dimension; `by` null, in one of
 * them at most.
 */
const oneDoes = (by: Dimension | null): string =>
  by === null
    ? `(${dimensions.map((name) => `(NOT (${isAll(name)}))`).join(' + ')} <= 1)`
    : `(${dimensions
        .filter((name) => name !== by)
        .map((name) => `(${isAll(name)})`)
        .join(' AND ')})`;

/** Which one that is: where nothing is chosen, regions are the fewest rows. */
const theOne = (by: Dimension | null): string =>
  by === null
    ? `multiIf(${[tenant, route, policy].map((name) => `NOT (${isAll(name)}), '${name}'`).join(', ')}, '${region}')`
    : `'${by}'`;

const chosenValues = (by: Dimension | null): readonly string[] =>
  (by === null ? dimensions : [by]).map((name) => `$__conditionalAll(${value} IN (\${${name}:singlequote}), $${name})`);

/** Beyond two days hours do, whole ones, the first of which may begin a little before the range. */
const isLong = `dateDiff('second', $__fromTime, $__toTime) > 172800`;
const inMinutes = `$__timeFilter(${minute})`;
const inHours = `${hour} >= toStartOfHour($__fromTime) AND ${hour} <= $__toTime`;
const inDays = `${day} >= toStartOfDay($__fromTime) AND ${day} <= $__toTime`;
const where = (...conditions: readonly string[]): string => `WHERE ${conditions.join('\n    AND ')}`;

/**
 * Rows of the grain that fits the range: `at`, the columns, outcome and decisions. `by` null: everything together. Of the three parts the engine reads one, the conditions of the others are false from
 * the start.
 */
const rowsOf = (by: Dimension | null, measure: string = decisions): string => {
  const group = by === null ? '' : `${by}, `;
  return `(
  SELECT ${minute} AS at, ${group}${outcome}, ${measure}
  FROM ${minutes}
  ${where(`NOT (${isLong})`, inMinutes, ...chosen)}
  UNION ALL
  SELECT ${hour} AS at, ${group}${outcome}, ${measure}
  FROM ${hours}
  ${where(isLong, `NOT ${oneDoes(by)}`, inHours, ...chosen)}
  UNION ALL
  SELECT ${hour} AS at, ${by === null ? '' : `${value} AS ${by}, `}${outcome}, ${measure}
  FROM ${overview}
  ${where(isLong, oneDoes(by), `${named} = ${theOne(by)}`, inHours, ...chosenValues(by))}
)`;
};

const sumOf = (of: 'allowed' | 'denied' | 'blocked'): string => `sumIf(v.${decisions}, ${outcome} = '${of}')`;
/** Of what the limiter decided, the share it denied: as in the view throttle_rate. */
const rate = `${sumOf('denied')} / greatest(1, ${sumOf('allowed')} + ${sumOf('denied')})`;
const bucketSeconds = `if(${isLong}, greatest($__interval_s, 3600), $__interval_s)`;
const bucket = `toStartOfInterval(at, toIntervalSecond(${bucketSeconds})) AS time_bucket`;

/** How many lines one chart shows: those with the most denied decisions. */
const maxSeries = 10;

export const throttleRateInAll = `SELECT ${rate} AS rate
FROM ${rowsOf(null)} AS v
HAVING sum(v.${decisions}) > 0`;

export const totalOf = (count: 'decisions' | 'denied' | 'blocked'): string =>
  `SELECT ${count === 'decisions' ? `sum(v.${decisions})` : sumOf(count)} AS total\nFROM ${rowsOf(null)} AS v`;

/** One series per outcome: decisions per second. */
export const decisionsByOutcome = `SELECT ${bucket},
  ${(['allowed', 'denied', 'blocked'] as const).map((of) => `${sumOf(of)} / any(${bucketSeconds}) AS ${of}_per_second`).join(',\n  ')}
FROM ${rowsOf(null)} AS v
GROUP BY time_bucket
ORDER BY time_bucket`;

/** One series per value of the dimension, of the ten with the most denied decisions. */
export const throttleRateBy = (dimension: Dimension): string => `SELECT ${bucket}, ${dimension}, ${rate} AS rate
FROM ${rowsOf(dimension)} AS v
WHERE ${dimension} IN (
  SELECT ${dimension}
  FROM ${rowsOf(dimension)} AS v
  GROUP BY ${dimension} ORDER BY ${sumOf('denied')} DESC, ${dimension} LIMIT ${maxSeries}
)
GROUP BY time_bucket, ${dimension}
ORDER BY time_bucket, ${dimension}`;

const ranked = (extra: string): string => `(
  SELECT ${tenant}, ${route}, ${policy}, ${outcome}, ${decisions}
  FROM ${minutes}
  ${where(`NOT (${isLong})`, inMinutes, ...chosen, extra)}
  UNION ALL
  SELECT ${tenant}, ${route}, ${policy}, ${outcome}, ${decisions}
  FROM ${days}
  ${where(isLong, inDays, ...chosen, extra)}
)`;

const pair = `${tenant}, ${route}`;

/**
 * Where the refusals are: one row per tenant and route, with the policies that denied. Who is named is found among the
 * denied rows alone, which stand together in these tables; beyond two days whole days are counted.
 */
export const mostThrottled = `WITH (
  SELECT groupArray((${pair}))
  FROM (
    SELECT ${pair}
    FROM ${ranked(`${outcome} = 'denied'`).replaceAll('\n', '\n    ')} AS d
    GROUP BY ${pair} ORDER BY sum(d.${decisions}) DESC LIMIT 100
  )
) AS most
SELECT ${pair}, arrayStringConcat(groupUniqArrayIf(5)(${policy}, ${outcome} = 'denied'), ', ') AS policies,
  sum(v.${decisions}) AS all_decisions, ${sumOf('denied')} AS all_denied, ${sumOf('blocked')} AS all_blocked, ${rate} AS rate
FROM ${ranked(`${tenant} IN (SELECT arrayJoin(most).1)
    AND ${route} IN (SELECT arrayJoin(most).2)
    AND (${pair}) IN (SELECT arrayJoin(most) AS one)`)} AS v
GROUP BY ${pair}
ORDER BY all_denied DESC
LIMIT 100`;

/** Median and tails of how long decisions took, milliseconds. */
export const latency = `SELECT time_bucket, quantiles[1] / 1000 AS p50_ms, quantiles[2] / 1000 AS p95_ms, quantiles[3] / 1000 AS p99_ms
FROM (
  SELECT ${bucket}, sumMap(v.${latency_us}) AS state, ${quantilesOf('state')} AS quantiles
  FROM ${rowsOf(null, latency_us)} AS v
  GROUP BY time_bucket
)
ORDER BY time_bucket`;

/** Seconds since the start of the newest minute that has decisions: grows when ingest stands still. */
export const freshness = `SELECT dateDiff('second', max(${minute}), now()) AS age_seconds
FROM ${minutes}
WHERE ${minute} > now() - INTERVAL 1 DAY
HAVING count() > 0`;

/** The values to choose from, in the range on screen. */
export const valuesOf = (dimension: Dimension): string =>
  `SELECT DISTINCT ${value} AS ${dimension} FROM ${overview}
WHERE ${named} = '${dimension}' AND ${inHours} ORDER BY ${dimension} LIMIT 1000`;
