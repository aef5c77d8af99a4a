import { quantilesOf } from '../../src/clickhouse/latency-sql.ts';
import { minutes } from '../columns.ts';
import { bucket, grainOf, inOrderOfTime, rowsOf } from '../decision-rows.ts';

const { latency_us } = minutes.columns;

/** Median and tails of how long decisions took, milliseconds. */
export const latency = `${grainOf()}
SELECT time_bucket, toNullable(quantiles[1] / 1000) AS p50_ms, toNullable(quantiles[2] / 1000) AS p95_ms, toNullable(quantiles[3] / 1000) AS p99_ms
FROM (
  SELECT ${bucket}, sumMap(v.${latency_us}) AS state, ${quantilesOf('state')} AS quantiles
  FROM ${rowsOf({ measures: [latency_us] })}
  GROUP BY time_bucket
)
${inOrderOfTime()}`;
