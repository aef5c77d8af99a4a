-- The one definition of the throttle rate: of what the limiter decided, the share it denied. What the block list stopped
-- never reached the limiter and is counted beside it.
CREATE VIEW IF NOT EXISTS throttle_rate{{onCluster}}
(
    minute DateTime('UTC') COMMENT 'start of the minute, seconds UTC',
    tenant LowCardinality(String) COMMENT 'tenant, name',
    route LowCardinality(String) COMMENT 'method and route template',
    region LowCardinality(String) COMMENT 'region of the emitter, name',
    policy LowCardinality(String) COMMENT 'deciding policy or rule of the block, name, or empty',
    decisions Int64 COMMENT 'decisions, count',
    allowed Int64 COMMENT 'decisions that the limiter allowed, count',
    denied Int64 COMMENT 'decisions that the limiter denied, count',
    blocked Int64 COMMENT 'decisions that the block list denied, count',
    throttle_rate Float64 COMMENT 'of what the limiter decided, the share it denied, 0 to 1'
) AS
SELECT
    minute,
    tenant,
    route,
    region,
    policy,
    sum(m.decisions) AS decisions,
    sumIf(m.decisions, outcome = 'allowed') AS allowed,
    sumIf(m.decisions, outcome = 'denied') AS denied,
    sumIf(m.decisions, outcome = 'blocked') AS blocked,
    if(allowed + denied = 0, 0, denied / (allowed + denied)) AS throttle_rate
FROM decisions_per_minute AS m
GROUP BY minute, tenant, route, region, policy;
