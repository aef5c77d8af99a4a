import { isBlock } from '../block-rows.ts';
import { blocks } from '../columns.ts';
import { bucketSeconds, endOfSeries, pointOf } from '../figure-sql.ts';

const { time, seq, block_id, version, state, rule, rule_hash, expires_at, blocked_at, reason, evidence } =
  blocks.columns;

const isDetected = `${rule_hash} != ''`;
const inRange = `${time} >= $__fromTime AND ${time} <= $__toTime`;
/** Every block has one row with its first version; a comment on it is one more. */
const made = `SELECT min(${time}) AS made_at, any(toString(${rule})) AS by_rule, any(toString(${state})) AS at_first
  FROM ${blocks.name}
  WHERE ${inRange} AND ${version} = 1 AND ${isBlock}
  GROUP BY ${block_id}`;

const madeBy = (
  column: string,
  as: string,
): string => `SELECT ${pointOf('made_at')} AS time_bucket, ${column} AS ${as}, toNullable(count()) AS blocks
FROM (
  ${made}
)
GROUP BY time_bucket, ${as}
${endOfSeries([as])}`;

/** Of more rules than so many, those with the fewest blocks are one line. */
const mostRules = 10;
export const madeByRule = `WITH (
  SELECT groupArray(by_rule) FROM (SELECT by_rule FROM (${made}) GROUP BY by_rule ORDER BY count() DESC, by_rule LIMIT ${mostRules})
) AS most
${madeBy("if(has(most, by_rule), by_rule, 'other')", 'which')}`;
export const madeByState = madeBy('at_first', 'which');

const reasonCode = `JSONExtractString(${evidence}, 'step', 'reasonCode')`;
/** A lift says why in its step; before steps were told, at the beginning of its reason. */
const whyLifted = `multiIf(${reasonCode} != '', ${reasonCode}, match(${reason}, '^(false-positive|goodwill|allow-list)'), extract(${reason}, '^[a-z-]+'), 'not told')`;
export const liftsByReason = `SELECT ${pointOf('lifted_at')} AS time_bucket, why, toNullable(count()) AS lifts
FROM (
  SELECT min(${time}) AS lifted_at, argMin(${whyLifted}, (${time}, ${seq})) AS why
  FROM ${blocks.name}
  WHERE ${inRange} AND ${state} = 'lifted' AND ${version} > 1 AND ${isBlock}
  GROUP BY ${block_id}, ${version}
)
GROUP BY time_bucket, why
${endOfSeries(['why'])}`;

const label = `JSONExtractString(${evidence}, 'label')`;

/** No block lasts longer than a year and a day. */
const upToNow = `${time} >= subtractDays($__fromTime, 366) AND ${time} <= $__toTime`;

/** What the detector made that holds or is proposed at the end of the range, and whose first judgement is still to come. */
const unreviewed = `(
  SELECT ${block_id}, min(${blocked_at}) AS began
  FROM ${blocks.name}
  WHERE ${upToNow} AND ${isDetected}
    AND ${block_id} IN (SELECT ${block_id} FROM ${blocks.name} WHERE ${expires_at} > $__toTime AND ${upToNow})
  GROUP BY ${block_id}
  HAVING argMax(${state}, (${time}, ${seq})) IN ('proposed', 'active') AND argMax(${expires_at}, (${time}, ${seq})) > $__toTime
    AND argMax(if(${version} > 1, ${label}, ''), (${time}, ${seq})) = ''
)`;
export const waitingNow = `SELECT count() AS blocks FROM ${unreviewed}`;
export const oldestUnreviewed = `SELECT dateDiff('second', min(began), $__toTime) AS seconds FROM ${unreviewed} HAVING count() > 0`;

/** The first point of the range, and how many there are. */
const firstPoint = pointOf('$__fromTime');
const points = `intDiv(dateDiff('second', ${firstPoint}, $__toTime), ${bucketSeconds})`;
const indexOf = (at: string): string =>
  `intDiv(dateDiff('second', ${firstPoint}, toDateTime(${at})), ${bucketSeconds})`;

/** At the end of each whole point: how many wait to be judged for the first time, and for how long the oldest has. */
export const reviewAge = `SELECT addSeconds(${firstPoint}, at_point * ${bucketSeconds}) AS time_bucket, toNullable(count()) AS waiting,
  toNullable(dateDiff('second', min(began), addSeconds(time_bucket, ${bucketSeconds}))) AS oldest
FROM (
  SELECT arrayJoin(range(toUInt32(greatest(0, ${indexOf('began')})), toUInt32(greatest(0, least(${points}, ${indexOf('ended')}))))) AS at_point, began
  FROM (
    SELECT min(${blocked_at}) AS began, argMax(${expires_at}, (${time}, ${seq})) AS ends,
      if(countIf(is_over) = 0, ends, least(ends, minIf(${time}, is_over))) AS ended
    FROM (
      SELECT ${block_id}, ${blocked_at}, ${expires_at}, ${time}, ${seq},
        ${state} NOT IN ('proposed', 'active') OR if(${version} > 1, ${label}, '') != '' AS is_over
      FROM ${blocks.name}
      WHERE ${upToNow} AND ${isDetected}
        AND ${block_id} IN (SELECT ${block_id} FROM ${blocks.name} WHERE ${expires_at} >= $__fromTime AND ${upToNow})
    )
    GROUP BY ${block_id}
  )
)
GROUP BY at_point
${endOfSeries([])}`;

const z = 1.96;
/** Wilson's interval of confirmed among judged: holds for few, too, and never leaves 0 to 1. */
const wilson = (sign: '+' | '-'): string =>
  `least(1, greatest(0, (share + ${z ** 2 / 2} / judged ${sign} ${z} * sqrt(share * (1 - share) / judged + ${z ** 2 / 4} / (judged * judged))) / (1 + ${z ** 2} / judged)))`;

/** Of the blocks of each content of a rule that people judged within the range, the share that was right. */
export const precision = `SELECT m.by_rule AS by_rule, m.content AS content, m.made AS made, l.confirmed AS confirmed, l.false_positives AS false_positives,
  l.goodwill AS goodwill, confirmed + false_positives AS judged, if(judged = 0, NULL, confirmed / judged) AS share,
  if(judged = 0, NULL, ${wilson('-')}) AS low, if(judged = 0, NULL, ${wilson('+')}) AS high
FROM (
  SELECT toString(${rule}) AS by_rule, toString(${rule_hash}) AS content, uniqExactIf(${block_id}, ${version} = 1) AS made
  FROM ${blocks.name} WHERE ${inRange} AND ${isDetected}
  GROUP BY by_rule, content
) AS m
LEFT JOIN (
  SELECT by_rule, content, countIf(said = 'confirmed') AS confirmed, countIf(said = 'false-positive') AS false_positives, countIf(said = 'goodwill') AS goodwill
  FROM (
    SELECT any(toString(${rule})) AS by_rule, any(toString(${rule_hash})) AS content, argMax(${label}, (${time}, ${seq})) AS said
    FROM ${blocks.name} PREWHERE ${version} > 1 WHERE ${inRange} AND ${isDetected}
    GROUP BY ${block_id}
  )
  GROUP BY by_rule, content
) AS l ON l.by_rule = m.by_rule AND l.content = m.content
ORDER BY judged DESC, made DESC, by_rule, content
LIMIT 200`;
