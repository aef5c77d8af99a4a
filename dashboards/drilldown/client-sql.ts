import { denials, minutes, policyLoads, raw } from '../columns.ts';
import { bucket, grainOf, inOrderOfTime, rowsOf, secondsOfPoint, sumOf } from '../decision-rows.ts';
import { anyClient, clientDecisions, denialRows, singleDecisions } from './client-rows.ts';

const { denied, blocked, early, client, client_kind, minute, route, tenant, last_time } = denials.columns;
const named = `concat(${client_kind}, ':', ${client})`;

const overDenials = (expression: string, name: string): string => `SELECT ${expression} AS ${name}
${denialRows}
HAVING count() > 0`;

export const deniedTotal = overDenials(`sum(d.${denied})`, 'total');
export const blockedTotal = overDenials(`sum(d.${blocked})`, 'total');
export const earlyShare = overDenials(`sum(d.${early}) / nullIf(sum(d.${denied}), 0)`, 'share');
export const deniedClients = `SELECT uniqExact(${client_kind}, ${client}) AS clients
${denialRows} AND d.${denied} > 0
HAVING clients > 0`;

/** How much of all denials is one client's. */
export const topClientShare = `SELECT max(of_client) / nullIf(sum(of_client), 0) AS share
FROM (
  SELECT sum(d.${denied}) AS of_client
  ${denialRows}
  GROUP BY ${client_kind}, ${client}
)
HAVING count() > 0`;

const { version, time: loaded } = policyLoads.columns;
/** Versions of policies that no gate had loaded before. */
export const newVersions = `SELECT countIf(first_load >= $__fromTime - 900) AS versions
FROM (SELECT min(${loaded}) AS first_load FROM ${policyLoads.name} WHERE ${loaded} <= $__toTime GROUP BY ${version})
HAVING count() > 0`;

export const lines = 10;
export const rest = '(other)';

const minutely = `WITH 60 AS row_seconds, intDiv($__interval_s + 59, 60) * 60 AS step_seconds`;

/** Denials per second, one line for each of the most denied clients and one for all others. */
export const denialsByClient = `${minutely}
SELECT toStartOfInterval(${minute}, toIntervalSecond(step_seconds)) AS time_bucket,
  if(${named} IN (
    SELECT ${named} ${denialRows}
    GROUP BY ${named} ORDER BY sum(d.${denied}) DESC, ${named} LIMIT ${lines}
  ), ${named}, '${rest}') AS who,
  toNullable(sum(d.${denied}) / ${secondsOfPoint}) AS denied_per_second
${denialRows}
GROUP BY time_bucket, who
${inOrderOfTime('who')}`;

/** Denials per second, and those of them that came before they were told to. */
export const earlyRetries = `${minutely}
SELECT toStartOfInterval(${minute}, toIntervalSecond(step_seconds)) AS time_bucket,
  toNullable(sum(d.${denied}) / ${secondsOfPoint}) AS denied_per_second,
  toNullable(sum(d.${early}) / ${secondsOfPoint}) AS early_per_second
${denialRows}
GROUP BY time_bucket
${inOrderOfTime()}`;

const { decisions, outcome } = minutes.columns;

/** Decisions per second by outcome: of one client from single decisions, of more from rollups. */
export const outcomesOfClient = `${grainOf()}
SELECT ${bucket},
  ${(['allowed', 'denied', 'blocked'] as const).map((of) => `toNullable(${sumOf(of)} / ${secondsOfPoint}) AS ${of}`).join(',\n  ')}
FROM (
  SELECT at, ${outcome}, ${decisions}
  FROM ${rowsOf({})}
  WHERE ${anyClient}
  UNION ALL
  ${clientDecisions}
) AS v
GROUP BY time_bucket
${inOrderOfTime()}`;

const perRoute = `sumMap([toString(${route})], [d.${denied} + d.${blocked}])`;

/**
 * The most denied clients and where: the routes of each with the most denials first. Who they are is found before anything else
 * is asked of them: of everybody that would take many times as long.
 */
export const topClients = `SELECT ${named} AS who, sum(d.${denied}) AS all_denied, sum(d.${blocked}) AS all_blocked,
  sum(d.${early}) / nullIf(all_denied, 0) AS early_share, uniqExact(${route}) AS route_count,
  arrayStringConcat(arrayMap(r -> r.1, arraySlice(arraySort(r -> (-r.2, r.1), arrayZip(${perRoute}.1, ${perRoute}.2)), 1, 5)), ', ') AS routes,
  arrayStringConcat(arraySort(groupUniqArray(5)(${tenant})), ', ') AS tenants, max(d.${last_time}) AS last_seen
${denialRows} AND (${client_kind}, ${client}) IN (
  SELECT ${client_kind}, ${client} ${denialRows}
  GROUP BY ${client_kind}, ${client}
  ORDER BY sum(d.${denied}) DESC, sum(d.${blocked}) DESC, ${named} LIMIT 100
)
GROUP BY who
ORDER BY all_denied DESC, all_blocked DESC, who
LIMIT 100`;

const single = raw.columns;
const limit = `\`${single.limit}\``;

/** Of the single decisions the least share of its limit that was left, by policy. */
export const remaining = `${minutely}
SELECT toStartOfInterval(toStartOfMinute(${single.time}), toIntervalSecond(step_seconds)) AS time_bucket, ${single.policy},
  toNullable(min(${single.remaining} / ${limit})) AS left
${singleDecisions} AND ${limit} > 0
  AND ${single.policy} IN (
    SELECT ${single.policy} ${singleDecisions} AND ${limit} > 0
    GROUP BY ${single.policy} ORDER BY sum(${single.count}) DESC, ${single.policy} LIMIT ${lines}
  )
GROUP BY time_bucket, ${single.policy}
${inOrderOfTime(single.policy)}`;

/** Decisions per second by what decided. */
export const bySource = `${minutely}
SELECT toStartOfInterval(toStartOfMinute(${single.time}), toIntervalSecond(step_seconds)) AS time_bucket, ${single.source},
  toNullable(sum(${single.count}) / ${secondsOfPoint}) AS per_second
${singleDecisions}
GROUP BY time_bucket, ${single.source}
${inOrderOfTime(single.source)}`;
