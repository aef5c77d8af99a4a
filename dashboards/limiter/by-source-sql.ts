import { knownLatenciesOf, latencyQuantiles, quantilesOf } from '../../src/clickhouse/latency-sql.ts';
import { raw } from '../columns.ts';
import { bucketSeconds, endOfSeries, pointOf, quantilesOfFigure, rateOf } from '../figure-sql.ts';
import { isChosen } from '../variables.ts';

/**
 * Who decided stands in single rows alone: the rollups would have to be several times as large. Up to so long single rows are
 * asked; beyond, what gates and processes count themselves, which they tell for as long as it is kept.
 */
const longestInRows = 6 * 3600;
const inRows = `dateDiff('second', $__fromTime, $__toTime) <= ${longestInRows}`;
const { time, source, degraded, region, count, latency_us } = raw.columns;

export const chosenRegion = isChosen(region);
const inFigures = `NOT (${inRows})\n      AND ${chosenRegion}\n      `;
/** Embedded gates tell who decided in a figure of their own. */
const ownProcesses = `command != 'gate' AND ${inFigures}`;

const rowsWhere = (...more: readonly string[]): string =>
  [inRows, `$__timeFilter(${time})`, chosenRegion, ...more]
    .map((condition) => `\n      AND ${condition}`)
    .join('')
    .slice(11);

/** Points that have not ended are left out: they would be drawn as a fall. */
const hasEnded = `addSeconds(time_bucket, ${bucketSeconds}) <= $__toTime`;

/** Rows `time_bucket, source, per_second`, of whole points. */
const bySource = `(
    SELECT ${pointOf(time)} AS time_bucket, toString(${source}) AS source, sum(${count}) / any(${bucketSeconds}) AS per_second
    FROM ${raw.name}
    WHERE ${rowsWhere()}
    GROUP BY time_bucket, source
    HAVING ${hasEnded}
    UNION ALL
    ${rateOf({ figure: 'decisions', by: { source: 'tidegate.source' }, whenever: ownProcesses, as: 'per_second', isPart: true })}
    UNION ALL
    ${rateOf({ figure: 'gateDecisionsBySource', by: { source: 'tidegate.source' }, whenever: inFigures, as: 'per_second', isPart: true })}
  )`;

export const decisionsBySource = `SELECT time_bucket, source, toNullable(sum(per_second)) AS decisions
FROM ${bySource}
GROUP BY time_bucket, source
${endOfSeries(['source'])}`;

const shareOf = (name: string): string =>
  `sumIf(per_second, source = '${name}') / nullIf(sumIf(per_second, source NOT IN ('block-list', 'switched-off')), 0)`;

/** Of what the limiter decided, the share that needed no call of the store. */
export const spared = `SELECT time_bucket, ${shareOf('lease')} AS lease, ${shareOf('deny-cache')} AS deny_cache
FROM ${bySource}
GROUP BY time_bucket
${endOfSeries([])}`;

const notTold = "if(reason = '', 'not told', reason)";
/** One series per reason, decisions per second. */
export const degradedByReason = `SELECT time_bucket, ${notTold} AS why, toNullable(sum(per_second)) AS decisions
FROM (
    SELECT ${pointOf(time)} AS time_bucket, toString(${degraded}) AS reason, sum(${count}) / any(${bucketSeconds}) AS per_second
    FROM ${raw.name}
    WHERE ${rowsWhere(`${degraded} != ''`)}
    GROUP BY time_bucket, reason
    HAVING ${hasEnded}
    UNION ALL
    ${rateOf({ figure: 'degraded', by: { reason: 'tidegate.reason' }, whenever: inFigures, as: 'per_second', isPart: true })}
  )
GROUP BY time_bucket, why
${endOfSeries(['why'])}`;

const p99 = `${quantilesOf('state')}[${latencyQuantiles.indexOf(0.99) + 1}] / 1e6`;
/** One series per source, seconds. Of embedded gates only where single rows are asked. */
export const slowestBySource = `SELECT time_bucket, source, toNullable(p99) AS seconds
FROM (
    SELECT time_bucket, source, ${p99} AS p99
    FROM (
      SELECT ${pointOf(time)} AS time_bucket, toString(${source}) AS source, sumMap([${latency_us}], [toInt64(${count})]) AS state
      FROM ${raw.name}
      WHERE ${rowsWhere()}
      GROUP BY time_bucket, source
      HAVING ${knownLatenciesOf('state')} > 0
    )
    UNION ALL
    ${quantilesOfFigure({ figure: 'decisionDuration', by: { source: 'tidegate.source' }, quantiles: { p99: 0.99 }, whenever: inFigures, isPart: true })}
  )
${endOfSeries(['source'])}`;
