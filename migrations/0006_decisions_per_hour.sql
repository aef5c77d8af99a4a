-- What a question over days reads. Fed from the minutes, so that what repairs a minute flows on, and of the same measures,
-- so that an hour is repaired by adding its difference to the minutes.
CREATE TABLE IF NOT EXISTS decisions_per_hour
(
    hour DateTime('UTC') COMMENT 'start of the hour, seconds UTC' CODEC(Delta(4), ZSTD(1)),
    tenant LowCardinality(String) COMMENT 'tenant, name',
    route LowCardinality(String) COMMENT 'method and route template',
    region LowCardinality(String) COMMENT 'region of the emitter, name',
    policy LowCardinality(String) COMMENT 'deciding policy or rule of the block, name, or empty',
    outcome LowCardinality(String) COMMENT 'allowed, denied or blocked',
    `partition` UInt32 COMMENT 'partition of the event log, number from 0',
    decisions Int64 COMMENT 'decisions, count' CODEC(T64, ZSTD(1)),
    events Int64 COMMENT 'rows in decisions_raw, count' CODEC(T64, ZSTD(1)),
    early Int64 COMMENT 'decisions that came before their retry time, count' CODEC(T64, ZSTD(1)),
    degraded Int64 COMMENT 'decisions made without the primary store, count' CODEC(T64, ZSTD(1)),
    shadow_denied Int64 COMMENT 'decisions that a shadow policy would have denied, count' CODEC(T64, ZSTD(1)),
    cost Int64 COMMENT 'cost of all decisions, units' CODEC(T64, ZSTD(1)),
    latency_us SimpleAggregateFunction(sumMap, Tuple(Array(UInt64), Array(Int64))) COMMENT 'upper bounds of latency buckets, microseconds, and decisions in each, count'
)
ENGINE = SummingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (tenant, route, hour, region, policy, outcome, `partition`)
{{hourTtl}}
SETTINGS non_replicated_deduplication_window = {{dedupWindow}}
COMMENT 'decisions by hour, tenant, route, region, policy, outcome and log partition';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_per_hour_mv TO decisions_per_hour AS
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
