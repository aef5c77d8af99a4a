import { tables } from '../../src/clickhouse/tables.ts';
import { topics } from '../../src/event/event-log.ts';
import { columnsOf } from '../columns.ts';
import {
  endOfSeries,
  figureName,
  increaseOf,
  increasesOf,
  labelOf,
  lastOf,
  nowOf,
  pointOf,
  quantilesOfFigure,
  quoted,
  rateOf,
} from '../figure-sql.ts';
import { decisionsIn, inOrderOfPoints, rollupBucket } from '../rollup-sql.ts';

const byTopic = { topic: 'tidegate.topic' } as const;
const ofDecisions = { 'tidegate.topic': topics.decisions } as const;

/** Partitions go from one process to another: the newest to tell of one is right. */
export const lagNow = nowOf({ figure: 'ingestLag', handedOver: true, as: 'records' });
/** A process that owns no partition with decisions tells of older ones. */
export const freshnessNow = nowOf({ figure: 'ingestFreshness', where: ofDecisions, across: 'min', as: 'seconds' });
export const driftNow = nowOf({ figure: 'auditDrift', across: 'max', as: 'differences' });
export const deadLettersInAll = increaseOf({ figure: 'ingestDeadLetters', as: 'dead_letters' });
export const waitingNow = nowOf({ figure: 'ingestWaitingPartitions', as: 'partitions' });
export const lostInAll = increaseOf({ figure: 'eventsLost', as: 'decisions' });

export const lagByTopic = lastOf({ figure: 'ingestLag', by: byTopic, handedOver: true, within: 'max', as: 'records' });
export const freshnessByTopic = lastOf({ figure: 'ingestFreshness', by: byTopic, across: 'min', as: 'seconds' });
export const delay = quantilesOfFigure({
  figure: 'ingestDelay',
  where: ofDecisions,
  quantiles: { p50: 0.5, p95: 0.95, p99: 0.99 },
});
export const rowsPerSecond = rateOf({ figure: 'ingestRows', by: byTopic, as: 'rows' });
export const mergeRatio = `SELECT ${rollupBucket}, toNullable(sum(v.decisions) / sum(v.events)) AS decisions_per_row
FROM ${decisionsIn({ measures: ['decisions', 'events'] })} AS v
GROUP BY time_bucket
HAVING sum(v.events) > 0
${inOrderOfPoints()}`;
export const deadLettersByTopic = increasesOf({ figure: 'ingestDeadLetters', by: byTopic, as: 'dead_letters' });

export const drift = lastOf({ figure: 'auditDrift', across: 'max', within: 'max', as: 'drift' });
export const findings = lastOf({
  figure: 'auditFindings',
  by: { finding: 'tidegate.finding' },
  across: 'max',
  within: 'max',
  as: 'differences',
});
export const waitingPartitions = lastOf({ figure: 'ingestWaitingPartitions', within: 'max', as: 'waiting' });
export const ownedPartitions = lastOf({ figure: 'ingestPartitions', by: byTopic, as: 'owned' });
export const insertDuration = quantilesOfFigure({
  figure: 'ingestInsertDuration',
  quantiles: { p50: 0.5, p95: 0.95, p99: 0.99 },
});

export const eventsWaiting = lastOf({ figure: 'eventsWaiting', within: 'max', as: 'waiting' });
export const oldestWait = lastOf({ figure: 'eventsOldestWait', across: 'max', within: 'max', as: 'oldest' });
export const coarsened = increasesOf({ figure: 'eventsCoarsened', by: { step: 'tidegate.step' }, as: 'coarser' });
export const lost = increasesOf({ figure: 'eventsLost', as: 'lost' });

export const detectLag = lastOf({ figure: 'detectLag', handedOver: true, within: 'max', as: 'records' });
export const relayLag = lastOf({ figure: 'relayLag', across: 'max', within: 'max', as: 'seconds' });
export const dedupMargin = lastOf({ figure: 'dedupMargin', across: 'min', within: 'min', as: 'margin' });
export const eventLoopDelay = lastOf({
  figure: 'eventLoopDelayP99',
  by: { command: 'command' },
  across: 'max',
  within: 'max',
  as: 'p99',
});

export const webhooks = {
  delivered: increasesOf({ figure: 'webhooksDelivered', as: 'delivered' }),
  failed: increasesOf({ figure: 'webhooksFailures', as: 'failed_tries' }),
  givenUp: increasesOf({ figure: 'webhooksGivenUp', as: 'given_up' }),
  waiting: lastOf({ figure: 'webhooksWaiting', across: 'max', within: 'max', as: 'waiting' }),
};

/** What must never happen, and what is put right by itself. */
export const rowsWrong = {
  lost: increasesOf({ figure: 'ingestLostRecords', as: 'lost_records' }),
  missing: increasesOf({ figure: 'ingestMissingRows', as: 'missing_rows' }),
  twice: increasesOf({ figure: 'ingestStoredTwiceRows', as: 'rows_stored_twice' }),
  changed: increasesOf({ figure: 'ingestChangedBlocks', as: 'changed_blocks' }),
  doubled: increasesOf({ figure: 'ingestDoubledRows', as: 'doubled_rows_left_out' }),
  repaired: increasesOf({ figure: 'ingestRepairedRows', as: 'rows_repaired' }),
};

export const retries = increasesOf({ figure: 'ingestRetries', by: byTopic, as: 'retries' });
export const switchedOff = lastOf({
  figure: 'switchedOff',
  by: { what: 'tidegate.what' },
  across: 'max',
  within: 'max',
  as: 'off',
});

const samples = tables.healthSamples.name;
const { time, process, command, region, figure, value } = columnsOf(tables.healthSamples.columns);
const uptime = quoted(figureName('processUptime'));
const info = quoted(figureName('info'));
const memory = quoted(figureName('processMemory'));

/** When each process was started: its name lives as long as it does. */
const started = `(
  SELECT ${process}, any(toString(${command})) AS what, min(subtractSeconds(${time}, toUInt32(${value}))) AS started
  FROM ${samples}
  WHERE ${figure} = ${uptime} AND $__timeFilter(${time})
  GROUP BY ${process}
  HAVING started >= $__fromTime
)`;
export const starts = `SELECT ${pointOf('started')} AS time_bucket, what, toNullable(count()) AS processes
FROM ${started}
GROUP BY time_bucket, what
${endOfSeries(['what'])}`;

/** A deploy starts several within minutes: one mark. */
export const startMarks = `SELECT min(started) AS time, concat(toString(count()), if(count() = 1, ' process', ' processes'), ' started') AS title,
  arrayStringConcat(arraySort(groupUniqArray(what)), ', ') AS text, 'start' AS tags
FROM ${started}
GROUP BY toStartOfInterval(started, toIntervalSecond(greatest(300, $__interval_s)))
ORDER BY time LIMIT 200`;

/** Every process of the last hour of the range, those that fell silent first. */
export const processes = `SELECT ${process}, any(${command}) AS command_of, any(${region}) AS region_of,
  anyIf(${labelOf('info', 'tidegate.version')}, ${figure} = ${info}) AS version,
  argMaxIf(${value}, ${time}, ${figure} = ${uptime}) AS up_seconds,
  argMaxIf(${value}, ${time}, ${figure} = ${memory}) AS memory_bytes,
  dateDiff('second', max(${time}), $__toTime) AS silent_seconds
FROM ${samples}
WHERE ${figure} IN (${uptime}, ${info}, ${memory}) AND ${time} > greatest($__fromTime, subtractHours($__toTime, 1)) AND ${time} <= $__toTime AND ${command} != 'gate'
GROUP BY ${process}
ORDER BY silent_seconds DESC, ${process}
LIMIT 500`;
