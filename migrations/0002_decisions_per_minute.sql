-- Every measure is a plain sum, so that a minute that missed a block is repaired by adding the difference to raw.
-- The partition is a dimension so that its one owner can do that without touching another owner's rows.
CREATE TABLE IF NOT EXISTS decisions_per_minute{{onCluster}}
(
    minute DateTime('UTC') COMMENT 'start of the minute, seconds UTC' CODEC(Delta(4), ZSTD(1)),
    tenant LowCardinality(String) COMMENT 'tenant, name' CODEC(ZSTD(1)),
    route LowCardinality(String) COMMENT 'method and route template' CODEC(ZSTD(1)),
    region LowCardinality(String) COMMENT 'region of the emitter, name' CODEC(ZSTD(1)),
    policy LowCardinality(String) COMMENT 'deciding policy or rule of the block, name, or empty' CODEC(ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'allowed, denied or blocked' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    decisions Int64 COMMENT 'decisions, count' CODEC(T64, ZSTD(1)),
    events Int64 COMMENT 'rows in decisions_raw, count' CODEC(T64, ZSTD(1)),
    early Int64 COMMENT 'decisions that came before their retry time, count' CODEC(T64, ZSTD(1)),
    degraded Int64 COMMENT 'decisions made without the primary store, count' CODEC(T64, ZSTD(1)),
    shadow_denied Int64 COMMENT 'decisions that a shadow policy would have denied, count' CODEC(T64, ZSTD(1)),
    cost Int64 COMMENT 'cost of all decisions, units' CODEC(T64, ZSTD(1)),
    latency_us SimpleAggregateFunction(sumMap, Tuple(Array(UInt64), Array(Int64))) COMMENT 'upper bounds of latency buckets, microseconds, and decisions in each, count' CODEC(ZSTD(1))
)
ENGINE = {{replicated}}SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, outcome, tenant, route, region, policy, `partition`)
{{minuteTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'decisions by minute, tenant, route, region, policy, outcome and log partition';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_per_minute_mv{{onCluster}} TO decisions_per_minute AS
SELECT
    toStartOfMinute(time) AS minute,
    tenant,
    route,
    region,
    policy,
    outcome,
    `partition`,
    toInt64(sum(count)) AS decisions,
    toInt64(count()) AS events,
    toInt64(sum(ifNull(r.early, 0))) AS early,
    toInt64(sumIf(count, r.degraded != '')) AS degraded,
    toInt64(sumIf(count, notEmpty(r.shadow_denied))) AS shadow_denied,
    toInt64(sum(r.cost * count)) AS cost,
    sumMap([r.latency_us], [toInt64(count)]) AS latency_us
FROM decisions_raw AS r
GROUP BY minute, tenant, route, region, policy, outcome, `partition`;
