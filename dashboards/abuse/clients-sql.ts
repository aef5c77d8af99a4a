import { blocks, denials, raw } from '../columns.ts';

const d = raw.columns;
const b = blocks.columns;

/** Single rows know the block; so long before the end of the range they are read. */
export const knockingHours = 6;
const most = 100;

/** Blocked clients that keep coming: refused requests by block, and how the block stands. */
export const stillKnocking = `WITH knocking AS (
  SELECT toString(${d.policy_version}) AS block, any(toString(${d.policy})) AS by_rule, any(concat(${d.client_kind}, ':', ${d.client})) AS one_client,
    uniqExact(${d.client_kind}, ${d.client}) AS clients, sum(${d.count}) AS refused, max(${d.time}) AS last_seen
  FROM ${raw.name}
  WHERE ${d.time} >= greatest($__fromTime, subtractHours($__toTime, ${knockingHours})) AND ${d.time} <= $__toTime
    AND ${d.outcome} = 'blocked'
  GROUP BY block
  ORDER BY refused DESC, block
  LIMIT ${most}
)
SELECT k.block AS block, if(s.who = '', k.one_client, s.who) AS who, k.by_rule AS by_rule, k.refused AS refused, k.clients AS clients, k.last_seen AS last_seen,
  s.state_now AS state_now, if(s.who = '', NULL, s.ends) AS ends, s.strikes_then AS strikes_then
FROM knocking AS k
LEFT JOIN (
  SELECT ${b.block_id}, any(concat(${b.client_kind}, ':', ${b.client})) AS who, argMax(toString(${b.state}), (${b.time}, ${b.seq})) AS state_now,
    argMax(${b.expires_at}, (${b.time}, ${b.seq})) AS ends, argMax(${b.strikes}, (${b.time}, ${b.seq})) AS strikes_then
  FROM ${blocks.name}
  WHERE ${b.block_id} IN (SELECT block FROM knocking) AND ${b.time} <= $__toTime
  GROUP BY ${b.block_id}
) AS s ON s.${b.block_id} = k.block
ORDER BY refused DESC, block`;

const n = denials.columns;
const inRange = `${n.minute} >= toStartOfMinute($__fromTime) AND ${n.minute} <= $__toTime`;

/** Whom the limiter denied most. What the block list refuses of them already stands beside it. */
export const mostWanted = `SELECT concat(${n.client_kind}, ':', ${n.client}) AS who, sum(v.${n.denied}) AS all_denied, sum(v.${n.blocked}) AS all_blocked,
  sum(v.${n.early}) / greatest(1, sum(v.${n.denied})) AS early_share, uniqExactIf(${n.route}, v.${n.denied} > 0) AS routes,
  arrayStringConcat(arraySort(groupUniqArrayIf(5)(toString(${n.policy}), v.${n.denied} > 0)), ', ') AS policies,
  uniqExact(${n.tenant}) AS tenants, max(v.${n.last_time}) AS last_seen
FROM ${denials.name} AS v
WHERE ${inRange} AND (${n.client_kind}, ${n.client}) IN (
  SELECT ${n.client_kind}, ${n.client} FROM ${denials.name} AS w
  WHERE ${inRange}
  GROUP BY ${n.client_kind}, ${n.client} HAVING sum(w.${n.denied}) > 0
  ORDER BY sum(w.${n.denied}) DESC, ${n.client_kind}, ${n.client} LIMIT ${most}
)
GROUP BY ${n.client_kind}, ${n.client}
ORDER BY all_denied DESC, who`;
