import { isBlock } from './block-rows.ts';
import { blocks, policyLoads } from './columns.ts';

const { time, version, gate, service, region } = policyLoads.columns;

/** A change is told once, however many gates load it within this time. */
const together = '300';

/** Where gates of a service in a region begin to use other policies than just before, forward or back. */
export const policyChanges = `SELECT min(changed_at) AS time,
  concat('Policies ', ${version}, if(${service} = '', '', concat(' in ', ${service}))) AS title,
  concat(toString(uniqExact(${gate})), ' gates, before: ', any(before)) AS text, 'policies' AS tags
FROM (
  SELECT ${time} AS changed_at, ${version}, ${service}, ${gate},
    lagInFrame(${version}) OVER (PARTITION BY ${service}, ${region} ORDER BY ${time} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
  FROM ${policyLoads.name}
  WHERE ${time} >= $__fromTime - 2592000 AND ${time} <= $__toTime
)
WHERE before != '' AND before != ${version} AND changed_at >= $__fromTime
GROUP BY toStartOfInterval(changed_at, toIntervalSecond(${together})), ${version}, ${service}
ORDER BY time LIMIT 200`;

const { block_id, state, rule, version: blockVersion, time: changed } = blocks.columns;

/**
 * New blocks and lifts, those of one stretch of time together: a wave is one mark. What blocks nobody (a proposal, a shadow)
 * is left out. A comment is a further row of its version: the change was when the first was.
 */
export const blockChanges = (only = '1'): string => `SELECT min(happened) AS time,
  concat(toString(uniqExact(${block_id})), if(is_lift, ' lifted', ' blocked')) AS title,
  arrayStringConcat(arraySort(groupUniqArray(5)(by_rule)), ', ') AS text, if(is_lift, 'lift', 'block') AS tags
FROM (
  SELECT ${block_id}, ${state} = 'lifted' AS is_lift, min(b.${changed}) AS happened, any(toString(${rule})) AS by_rule
  FROM ${blocks.name} AS b
  WHERE b.${changed} >= $__fromTime AND b.${changed} <= $__toTime AND ${isBlock}
    AND (is_lift OR (${blockVersion} = 1 AND ${state} NOT IN ('proposed', 'shadow'))) AND ${only}
  GROUP BY ${block_id}, ${blockVersion}, is_lift
)
GROUP BY is_lift, toStartOfInterval(happened, toIntervalSecond(greatest(60, $__interval_s)))
ORDER BY time LIMIT 200`;
