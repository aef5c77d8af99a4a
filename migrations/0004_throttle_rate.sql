-- The one definition of the throttle rate: of what the limiter decided, the share it denied. What the block list stopped
-- never reached the limiter and is counted beside it.
CREATE VIEW IF NOT EXISTS throttle_rate{{onCluster}} AS
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
