-- What an overview over weeks reads: a question by tenant does not care for routes. Each dimension holds every decision once,
-- so that any one of them alone comes to the total.
CREATE TABLE IF NOT EXISTS decisions_per_hour_by_dimension{{onCluster}}
(
    hour DateTime('UTC') COMMENT 'start of the hour, seconds UTC' CODEC(Delta(4), ZSTD(1)),
    dimension LowCardinality(String) COMMENT 'what value names: tenant, route, region or policy' CODEC(ZSTD(1)),
    value LowCardinality(String) COMMENT 'tenant, route, region or policy, name' CODEC(ZSTD(1)),
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
ORDER BY (dimension, hour, value, outcome, `partition`)
{{hourTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'decisions by hour, one dimension at a time, outcome and log partition';

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_per_hour_by_dimension_mv{{onCluster}} TO decisions_per_hour_by_dimension AS
SELECT
    hour,
    named.1 AS dimension,
    named.2 AS value,
    outcome,
    `partition`,
    sum(f.decisions) AS decisions,
    sum(f.events) AS events,
    sum(f.early) AS early,
    sum(f.degraded) AS degraded,
    sum(f.shadow_denied) AS shadow_denied,
    sum(f.cost) AS cost,
    sumMap(f.latency_us) AS latency_us
FROM decisions_per_hour AS f
ARRAY JOIN [('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS named
GROUP BY hour, dimension, value, outcome, `partition`;
