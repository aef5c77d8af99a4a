import { gateInfoLabels } from '../../src/alert/gate-samples.ts';
import { slowOf } from '../../src/clickhouse/alert-burn-sql.ts';
import { defaultObjectives } from '../../src/clickhouse/alert-objectives.ts';
import { knownLatenciesOf, latencyQuantiles, quantilesOf } from '../../src/clickhouse/latency-sql.ts';
import { tables } from '../../src/clickhouse/tables.ts';
import { columnsOf } from '../columns.ts';
import {
  endOfSeries,
  figureName,
  increasesOf,
  labelOf,
  lastOf,
  nowOf,
  pointOf,
  quantilesOfFigure,
  quoted,
} from '../figure-sql.ts';
import { decisionsIn, inOrderOfPoints, rollupBucket } from '../rollup-sql.ts';
import { isChosen } from '../variables.ts';
import { chosenRegion } from './by-source-sql.ts';

const whenever = `${chosenRegion}\n      `;
const inRegions = (column: string): string => `${isChosen(column, 'region')}\n    `;
const latencies = decisionsIn({ measures: ['latency_us'], whenever: inRegions });
const quantile = (q: (typeof latencyQuantiles)[number]): string =>
  `quantiles[${latencyQuantiles.indexOf(q) + 1}] / 1e6`;

export const slowestNow = `SELECT ${quantile(0.99)} AS seconds
FROM (
  SELECT sumMap(v.latency_us) AS state, ${quantilesOf('state')} AS quantiles
  FROM ${latencies} AS v
)
WHERE ${knownLatenciesOf('state')} > 0`;

const degradedShare = 'sum(v.degraded) / nullIf(sum(v.decisions), 0)';
const decided = decisionsIn({
  measures: ['decisions', 'degraded'],
  whenever: inRegions,
  outcomes: ['allowed', 'denied'],
});
export const degradedInAll = `SELECT ${degradedShare} AS share
FROM ${decided} AS v
HAVING sum(v.decisions) > 0`;

export const breakersNow = nowOf({ figure: 'breakerOpen', whenever, as: 'gates' });
export const oldestListNow = nowOf({ figure: 'blockListAge', whenever, across: 'max', as: 'seconds' });
export const gatesNow = nowOf({ figure: 'liveGates', whenever, across: 'max', as: 'gates' });

const { deadlineUs } = defaultObjectives;
const slowShare = 'sum(slow) / nullIf(sum(known), 0)';
const slowRows = `(
  SELECT at, ${slowOf('v.latency_us', deadlineUs)} AS slow, ${knownLatenciesOf('v.latency_us')} AS known
  FROM ${latencies} AS v
)`;
export const overDeadlineInAll = `SELECT ${slowShare} AS share\nFROM ${slowRows}\nHAVING sum(known) > 0`;
export const overDeadline = `SELECT ${rollupBucket}, ${slowShare} AS share
FROM ${slowRows}
GROUP BY time_bucket
${inOrderOfPoints()}`;

/** Median and tails of all decisions, seconds. */
export const latency = `SELECT time_bucket, ${latencyQuantiles
  .map((q) => `toNullable(${quantile(q)}) AS p${100 * q}`)
  .join(', ')}
FROM (
  SELECT ${rollupBucket}, sumMap(v.latency_us) AS state, ${quantilesOf('state')} AS quantiles
  FROM ${latencies} AS v
  GROUP BY time_bucket
)
WHERE ${knownLatenciesOf('state')} > 0
${inOrderOfPoints()}`;

export const degradedOverTime = `SELECT ${rollupBucket}, ${degradedShare} AS share
FROM ${decided} AS v
GROUP BY time_bucket
${inOrderOfPoints()}`;

export const breakers = lastOf({
  figure: 'breakerOpen',
  by: { command: 'command' },
  whenever,
  within: 'max',
  as: 'open',
});
export const storeLatency = quantilesOfFigure({
  figure: 'storeDuration',
  whenever,
  quantiles: { p50: 0.5, p99: 0.99 },
});
/** Quantiles of several gates do not add up to one of all: the worst gate's. */
export const gatesStoreLatency = {
  p50: lastOf({ figure: 'gateStoreP50', whenever, across: 'max', within: 'max', as: 'worst_gate_p50' }),
  p99: lastOf({ figure: 'gateStoreP99', whenever, across: 'max', within: 'max', as: 'worst_gate_p99' }),
};
export const countersLost = increasesOf({
  figure: 'countersLost',
  by: { loss: 'tidegate.loss' },
  whenever,
  as: 'losses',
});
export const blockListAge = lastOf({
  ...{ figure: 'blockListAge', by: { gate: 'process' }, whenever, mostProcesses: 10 },
  ...{ across: 'max', within: 'max', as: 'seconds' },
});
export const lentUnits = lastOf({ figure: 'leaseUnits', whenever, within: 'max', as: 'units' });
export const leasedCounters = lastOf({ figure: 'leaseCounters', whenever, within: 'max', as: 'counters' });

const samples = tables.healthSamples.name;
const { time, process, command, region, figure, labels, value } = columnsOf(tables.healthSamples.columns);
const nameOf = (id: Parameters<typeof figureName>[0]): string => quoted(figureName(id));
const [info, versionGauge] = [nameOf('info'), nameOf('policyVersion')];
const policyLabel = `${labels}[${quoted(gateInfoLabels.policyVersion)}]`;
/** Embedded gates say it in hexadecimal digits, the processes of tidegate as a number: both as a number. */
const policyNumber = `if(${figure} = ${versionGauge}, ${value}, toFloat64(reinterpretAsUInt64(reverse(unhex(${policyLabel})))))`;
const tellsVersion = `(${figure} = ${versionGauge} OR (${figure} = ${info} AND ${policyLabel} != ''))`;

export const policyVersions = `SELECT ${pointOf(time)} AS time_bucket, toNullable(uniqExact(${policyNumber})) AS versions
FROM ${samples}
WHERE ${figure} IN (${info}, ${versionGauge}) AND $__timeFilter(${time}) AND ${tellsVersion} AND ${whenever}
GROUP BY time_bucket
${endOfSeries([])}`;

const newest = (id: Parameters<typeof figureName>[0]): string =>
  `argMaxIf(${value}, ${time}, ${figure} = ${nameOf(id)})`;
const told = (id: Parameters<typeof figureName>[0]): string => `countIf(${figure} = ${nameOf(id)}) > 0`;
const atGates = ['info', 'policyVersion', 'blockListAge', 'blockListSize', 'breakerOpen', 'eventsWaiting'] as const;

/** What decides, those heard last at the end: embedded gates, and the processes of tidegate that have one. */
export const gates = `SELECT ${process} AS gate, any(${command}) AS what, any(${region}) AS region_of,
  anyIf(${labels}[${quoted(gateInfoLabels.service)}], ${figure} = ${info}) AS service,
  argMaxIf(${labelOf('info', 'tidegate.version')}, ${time}, ${figure} = ${info}) AS version,
  if(${told('policyVersion')}, leftPad(lower(hex(toUInt64(${newest('policyVersion')}))), 12, '0'), argMaxIf(${policyLabel}, ${time}, ${figure} = ${info})) AS policies,
  if(${told('blockListAge')}, ${newest('blockListAge')}, NULL) AS list_age_seconds, ${newest('blockListSize')} AS list_entries,
  ${newest('breakerOpen')} AS breakers_open, ${newest('eventsWaiting')} AS events_waiting,
  dateDiff('second', max(${time}), $__toTime) AS silent_seconds
FROM ${samples}
WHERE ${figure} IN (${atGates.map(nameOf).join(', ')}) AND ${time} > greatest($__fromTime, subtractHours($__toTime, 1)) AND ${time} <= $__toTime
  AND ${whenever}
GROUP BY ${process}
HAVING what = 'gate' OR ${told('policyVersion')}
ORDER BY silent_seconds DESC, gate
LIMIT 1000`;
