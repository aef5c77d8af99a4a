-- What a question over days reads. Fed from the minutes, so that what repairs a minute flows on, and of the same measures,
-- so that an hour is repaired by adding its difference to the minutes.
CREATE TABLE IF NOT EXISTS decisions_per_hour{{onCluster}}
(
    hour DateTime('UTC') COMMENT 'start of the hour, seconds UTC' CODEC(Delta(4), ZSTD(1)),
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
PARTITION BY toYear(hour)
ORDER BY (hour, outcome, tenant, route, region, policy, `partition`)
{{hourTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'decisions by hour, tenant, route, region, policy, outcome and log partition';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_per_hour_mv{{onCluster}} TO decisions_per_hour AS
SELECT
    toStartOfHour(minute) AS hour,
    tenant,
    route,
    region,
    policy,
    outcome,
    `partition`,
    sum(f.decisions) AS decisions,
    sum(f.events) AS events,
    sum(f.early) AS early,
    sum(f.degraded) AS degraded,
    sum(f.shadow_denied) AS shadow_denied,
    sum(f.cost) AS cost,
    sumMap(f.latency_us) AS latency_us
FROM decisions_per_minute AS f
GROUP BY hour, tenant, route, region, policy, outcome, `partition`;
