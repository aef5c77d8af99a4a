-- Who is refused, and where: few rows beside those of raw, and asked constantly, so time comes first.
CREATE TABLE IF NOT EXISTS denials_by_client_per_minute{{onCluster}}
(
    minute DateTime('UTC') COMMENT 'start of the minute, seconds UTC' CODEC(Delta(4), ZSTD(1)),
    client_kind LowCardinality(String) COMMENT 'what the client was recognised by: key, user or ip' CODEC(ZSTD(1)),
    client String COMMENT 'client, id within its kind' CODEC(ZSTD(1)),
    tenant LowCardinality(String) COMMENT 'tenant, name' CODEC(ZSTD(1)),
    route LowCardinality(String) COMMENT 'method and route template' CODEC(ZSTD(1)),
    policy LowCardinality(String) COMMENT 'deciding policy or rule of the block, name, or empty' CODEC(ZSTD(1)),
    `partition` UInt32 COMMENT 'partition of the event log, number from 0' CODEC(T64, ZSTD(1)),
    denied Int64 COMMENT 'decisions that the limiter denied, count' CODEC(T64, ZSTD(1)),
    blocked Int64 COMMENT 'decisions that the block list denied, count' CODEC(T64, ZSTD(1)),
    early Int64 COMMENT 'of these, decisions that came before their retry time, count' CODEC(T64, ZSTD(1)),
    last_time SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'time of the newest of these events, milliseconds UTC' CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{replicated}}SummingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, client_kind, client, tenant, route, policy, `partition`)
{{denialsTtl}}
SETTINGS {{dedupWindow}}
COMMENT 'denied and blocked decisions by minute, client, tenant, route, policy and log partition';

CREATE MATERIALIZED VIEW IF NOT EXISTS denials_by_client_per_minute_mv{{onCluster}} TO denials_by_client_per_minute AS
SELECT
    toStartOfMinute(time) AS minute,
    client_kind,
    client,
    tenant,
    route,
    policy,
    `partition`,
    toInt64(sumIf(count, outcome = 'denied')) AS denied,
    toInt64(sumIf(count, outcome = 'blocked')) AS blocked,
    toInt64(sum(ifNull(r.early, 0))) AS early,
    max(time) AS last_time
FROM decisions_raw AS r
WHERE outcome != 'allowed'
GROUP BY minute, client_kind, client, tenant, route, policy, `partition`;
