-- One row per decision event: see DecisionEvent v1. Σ count over all rows = decisions taken.
-- In order of time: what is asked of single rows is bounded in time (evidence, and whether a block is stored), the rollups
-- answer by tenant and route. Months keep a log of many years in few parts.
CREATE TABLE IF NOT EXISTS decisions_raw{{onCluster}}
(
    time DateTime64(3, 'UTC') COMMENT 'when the first of these decisions was taken, milliseconds UTC' CODEC(Delta(8), ZSTD(1)),
    emitter LowCardinality(String) COMMENT 'process that decided, for as long as it lives' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    seq UInt64 COMMENT 'position among the events of this emitter and partition, count from 1 without a gap' CODEC(Delta(8), ZSTD(1)),
    region LowCardinality(String) COMMENT 'region of the emitter, name' CODEC(ZSTD(1)),
    tenant LowCardinality(String) COMMENT 'tenant, name' CODEC(ZSTD(1)),
    client_kind LowCardinality(String) COMMENT 'what the client was recognised by: key, user or ip' CODEC(ZSTD(1)),
    client String COMMENT 'client, id within its kind' CODEC(ZSTD(1)),
    address String COMMENT 'IP address beside a key or user client, or empty' CODEC(ZSTD(1)),
    route LowCardinality(String) COMMENT 'method and route template' CODEC(ZSTD(1)),
    method LowCardinality(String) COMMENT 'HTTP method, name' CODEC(ZSTD(1)),
    policy LowCardinality(String) COMMENT 'deciding policy or rule of the block, name, or empty' CODEC(ZSTD(1)),
    policy_version LowCardinality(String) COMMENT 'version of the policy file, 12 hex digits' CODEC(ZSTD(1)),
    scope LowCardinality(String) COMMENT 'what the deciding limit is keyed by, parts joined by +' CODEC(ZSTD(1)),
    `limit` UInt64 COMMENT 'deciding limit, units of cost per window, 0 without one' CODEC(T64, ZSTD(1)),
    remaining UInt64 COMMENT 'least left among these decisions, units of cost' CODEC(T64, ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'allowed, denied or blocked' CODEC(ZSTD(1)),
    source LowCardinality(String) COMMENT 'who decided, name' CODEC(ZSTD(1)),
    degraded LowCardinality(String) COMMENT 'why the primary store did not decide, name, or empty' CODEC(ZSTD(1)),
    shadow_denied Array(LowCardinality(String)) COMMENT 'shadow policies that would have denied, names' CODEC(ZSTD(1)),
    cost UInt64 COMMENT 'cost of one decision, units' CODEC(T64, ZSTD(1)),
    latency_us UInt64 COMMENT 'upper bound of the latency bucket, microseconds' CODEC(T64, ZSTD(1)),
    early Nullable(UInt64) COMMENT 'decisions that came before their retry time, count, NULL where nobody was told',
    count UInt64 COMMENT 'decisions this row stands for, count, at least 1' CODEC(T64, ZSTD(1)),
    ingested_at DateTime('UTC') DEFAULT now('UTC') COMMENT 'when the row was stored, seconds UTC' CODEC(Delta(4), ZSTD(1)),
    INDEX client_index client TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{replicated}}MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY time
{{rawTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'every decision event, exactly once';
