-- Whether the limiter denies far more than it just did. The share it denied over five minutes is compared with the same share
-- over the two hours before, leaving out the last ten minutes: the spike must not be its own baseline. The distance is counted in
-- the baseline's own spread (median and quartiles, which a few odd minutes do not move), but never finer than what chance does to
-- so few decisions, nor than 0.002. A floor of 30 denials keeps small numbers out, one of 3 clients a single noisy client.
-- Beside it stands what tells the causes apart. By dimension, as in decisions_per_hour_by_dimension; 'all' is every decision.
CREATE VIEW IF NOT EXISTS throttle_spikes_between{{onCluster}} AS
WITH
    toStartOfMinute({from_time:DateTime('UTC')}) AS first_minute,
    {to_time:DateTime('UTC')} AS end_time,
    per_minute AS
    (
        SELECT
            minute,
            named.1 AS dimension,
            named.2 AS value,
            sumIf(m.decisions, outcome = 'allowed') AS allowed,
            sumIf(m.decisions, outcome = 'denied') AS denied,
            sum(m.degraded) AS degraded
        FROM decisions_per_minute AS m
        ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS named
        WHERE minute >= first_minute - 7440 AND minute < end_time AND outcome != 'blocked'
        GROUP BY minute, dimension, value
    ),
    sliding AS
    (
        SELECT
            minute,
            dimension,
            value,
            sum(p.allowed) OVER five_minutes AS allowed,
            sum(p.denied) OVER five_minutes AS denied,
            sum(p.degraded) OVER five_minutes AS degraded,
            denied / greatest(1, allowed + denied) AS rate
        FROM per_minute AS p
        WINDOW five_minutes AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 240 PRECEDING AND CURRENT ROW)
    ),
    judged AS
    (
        SELECT
            minute,
            dimension,
            value,
            allowed,
            denied,
            degraded,
            rate,
            quantilesExact(0.25, 0.5, 0.75)(rate) OVER before AS quartiles,
            count() OVER before AS baseline_minutes
        FROM sliding
        WINDOW before AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 7200 PRECEDING AND 600 PRECEDING)
    ),
    clients AS
    (
        SELECT
            seen_in AS minute,
            dimension,
            value,
            count() AS clients,
            max(client_denied) AS most_denied,
            sum(client_denied) AS all_denied,
            sum(client_early) AS all_early
        FROM
        (
            SELECT
                minute + later AS seen_in,
                named.1 AS dimension,
                named.2 AS value,
                client_kind,
                client,
                sum(c.denied) AS client_denied,
                sum(c.early) AS client_early
            FROM denials_by_client_per_minute AS c
            ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('policy', policy)] AS named
            ARRAY JOIN [0, 60, 120, 180, 240] AS later
            WHERE minute >= first_minute - 240 AND minute < end_time AND c.denied > 0
            GROUP BY seen_in, dimension, value, client_kind, client
        )
        GROUP BY minute, dimension, value
    ),
    loads AS
    (
        SELECT arraySort(groupArray(first_load)) AS first_loads
        FROM (SELECT min(time) AS first_load FROM policies AS l GROUP BY l.version)
    )
SELECT
    j.minute AS minute,
    j.dimension AS dimension,
    j.value AS value,
    j.allowed AS allowed,
    j.denied AS denied,
    j.rate AS throttle_rate,
    j.quartiles[2] AS baseline_rate,
    toUInt32(j.baseline_minutes) AS baseline_minutes,
    greatest((j.quartiles[3] - j.quartiles[1]) / 1.349, sqrt(baseline_rate * (1 - baseline_rate) / greatest(1, j.allowed + j.denied)), 0.002) AS spread,
    if(j.baseline_minutes = 0, 0, (j.rate - baseline_rate) / spread) AS z,
    toUInt64(c.clients) AS clients,
    c.most_denied / greatest(1, c.all_denied) AS top_client_share,
    c.all_early / greatest(1, c.all_denied) AS early_share,
    j.degraded / greatest(1, j.allowed + j.denied) AS degraded_share,
    toUInt32(arrayCount(at -> at > subtractSeconds(j.minute, 900) AND at <= addSeconds(j.minute, 60), arraySlice((SELECT first_loads FROM loads), 2))) AS new_policy_versions,
    toUInt8(z > 6 AND j.denied >= 30 AND j.baseline_minutes >= 60 AND (clients >= 3 OR j.dimension = 'region')) AS is_spike,
    multiIf(
        is_spike = 0, '',
        degraded_share > 0.5, 'degraded',
        new_policy_versions > 0, 'policy change',
        top_client_share > 0.5, 'one client',
        early_share > 0.5, 'early retries',
        'many clients') AS cause
FROM judged AS j
LEFT JOIN clients AS c ON c.minute = j.minute AND c.dimension = j.dimension AND c.value = j.value
WHERE j.minute >= first_minute AND j.minute < end_time;

-- The last hour, for alert rules: each row is one minute and what the limiter did in the five minutes that end with it.
CREATE VIEW IF NOT EXISTS throttle_spikes{{onCluster}}
(
    minute DateTime('UTC') COMMENT 'start of the newest of the five minutes, seconds UTC',
    dimension String COMMENT 'what value names: all, tenant, route, region or policy',
    value String COMMENT 'tenant, route, region or policy, name, or empty for all',
    allowed Int64 COMMENT 'decisions that the limiter allowed in five minutes, count',
    denied Int64 COMMENT 'decisions that the limiter denied in five minutes, count',
    throttle_rate Float64 COMMENT 'of what the limiter decided in five minutes, the share it denied, 0 to 1',
    baseline_rate Float64 COMMENT 'median of the same share from two hours to ten minutes before, 0 to 1',
    baseline_minutes UInt32 COMMENT 'minutes with decisions in the baseline, count; fewer than 60 make no spike',
    spread Float64 COMMENT 'what counts as usual: quartile distance, or what chance does to so few decisions, share of 1, at least 0.002',
    z Float64 COMMENT 'distance from the baseline, multiples of spread; above 6 is a spike',
    clients UInt64 COMMENT 'clients that the limiter denied in five minutes, count, 0 by region; fewer than 3 make no spike',
    top_client_share Float64 COMMENT 'of these denials, the share of the most denied client, 0 to 1',
    early_share Float64 COMMENT 'of these denials, the share that came before their retry time, 0 to 1',
    degraded_share Float64 COMMENT 'decisions made without the primary store, share of 1',
    new_policy_versions UInt32 COMMENT 'versions of policies that a gate loaded for the first time in the quarter of an hour before, count',
    is_spike UInt8 COMMENT 'whether this is a spike, 0 or 1',
    cause String COMMENT 'degraded, policy change, one client, early retries or many clients; empty without a spike'
) AS
SELECT * FROM throttle_spikes_between(from_time = now('UTC') - INTERVAL 1 HOUR, to_time = now('UTC'));
