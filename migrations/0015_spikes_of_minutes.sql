-- Whether the limiter denies far more than is usual, minute by minute. What it denied in the newest two and in the newest three
-- minutes (of which the newest may still be going on) is compared with what is usual: the highest of the median of two hours,
-- leaving out the last ten minutes, and of what the same minutes of yesterday and of a week ago showed for certain. No client
-- counts for more than the third most denied one. What src/alert/spike says in words and code is the same statistic.
CREATE OR REPLACE VIEW throttle_spikes_between{{onCluster}} AS
WITH
    toStartOfMinute({from_time:DateTime('UTC')}) AS first_minute,
    {to_time:DateTime('UTC')} AS end_time,
    looked_at AS
    (
        SELECT named.1 AS dimension, named.2 AS value
        FROM decisions_per_minute AS d
        ARRAY JOIN [('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS named
        WHERE minute >= first_minute - 120 AND minute < end_time AND outcome = 'denied'
        GROUP BY dimension, value
        HAVING sum(d.decisions) >= 30
        UNION ALL
        SELECT 'all', ''
    ),
    per_minute AS
    (
        SELECT
            minute,
            named.1 AS dimension,
            named.2 AS value,
            sum(m.decisions) AS decided,
            sumIf(m.decisions, outcome = 'denied') AS denied,
            sum(m.degraded) AS degraded,
            sumIf(m.degraded, outcome = 'denied') AS degraded_denied
        FROM decisions_per_minute AS m
        ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS named
        WHERE outcome != 'blocked' AND (dimension, value) IN looked_at AND (
            (minute >= first_minute - 7320 AND minute < end_time)
            OR (minute >= first_minute - 86700 AND minute < end_time - 86220)
            OR (minute >= first_minute - 605100 AND minute < end_time - 604620)
        )
        GROUP BY minute, dimension, value
    ),
    sliding AS
    (
        SELECT
            minute,
            dimension,
            value,
            p.decided AS decided1,
            sum(p.decided) OVER two AS decided2,
            sum(p.denied) OVER two AS denied2,
            sum(p.decided) OVER three AS decided3,
            sum(p.denied) OVER three AS denied3,
            sum(p.degraded) OVER three AS degraded3,
            sum(p.degraded_denied) OVER three AS degraded_denied3,
            denied2 / greatest(1, decided2) AS rate2,
            greatest(0, denied3 - 2 * sqrt(denied3)) / greatest(1, decided3) AS certain
        FROM per_minute AS p
        WINDOW
            two AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 60 PRECEDING AND CURRENT ROW),
            three AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 120 PRECEDING AND CURRENT ROW)
    ),
    judged AS
    (
        SELECT
            *,
            quantilesExact(0.25, 0.5, 0.75, 0.9)(rate2) OVER recent AS quantiles,
            count() OVER recent AS recent_minutes,
            avg(decided1) OVER recent AS usual_decided,
            max(certain) OVER yesterday AS yesterday_rate,
            count() OVER yesterday AS yesterday_minutes,
            max(certain) OVER last_week AS last_week_rate,
            count() OVER last_week AS last_week_minutes
        FROM sliding
        WINDOW
            recent AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 7200 PRECEDING AND 600 PRECEDING),
            yesterday AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 86580 PRECEDING AND 86220 PRECEDING),
            last_week AS (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 604980 PRECEDING AND 604620 PRECEDING)
    ),
    clients AS
    (
        SELECT
            seen_in AS minute,
            dimension,
            value,
            count() AS clients,
            groupArraySorted(3)(if(client = '~other', 0, -client_denied)) AS most,
            -most[1] AS most_denied,
            greatest(0, -most[1] - most[2] + 2 * most[3]) AS above_third,
            sum(if(client = '~other', 0, client_denied * client_denied)) AS squares,
            sum(if(client = '~other', 0, client_denied)) AS named_denied,
            squares - most[1] * most[1] - most[2] * most[2] + 2 * most[3] * most[3] AS counted_squares,
            least(3, greatest(1, counted_squares / greatest(1, named_denied - above_third))) AS in_a_row,
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
            ARRAY JOIN [0, 60, 120] AS later
            WHERE minute >= first_minute - 120 AND minute < end_time AND c.denied > 0 AND (dimension, value) IN looked_at
            GROUP BY seen_in, dimension, value, client_kind, client
        )
        GROUP BY minute, dimension, value
    ),
    loads AS
    (
        SELECT l.version AS version, min(time) AS first_load FROM policies AS l GROUP BY l.version
    ),
    successions AS
    (
        SELECT
            version,
            first_load,
            any(version) OVER (ORDER BY first_load, version ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS previous
        FROM loads
    ),
    changes AS
    (
        SELECT version, first_load, previous
        FROM successions
        WHERE previous != '' AND first_load > first_minute - 900 AND first_load <= end_time
    ),
    limits AS
    (
        SELECT
            t.version AS version,
            any(t.policies) AS text,
            arrayFilter(p -> JSONExtractString(p, 'mode') != 'shadow', JSONExtractArrayRaw(text)) AS enforced,
            CAST((
                arrayMap(p -> JSONExtractString(p, 'name'), enforced),
                arrayMap(p -> (
                    JSONExtractFloat(p, 'limit') / greatest(1, JSONExtractFloat(p, 'windowMs')),
                    JSONExtractFloat(p, 'burst')), enforced)
            ), 'Map(String, Tuple(Float64, Float64))') AS limit_of
        FROM policies AS t
        WHERE t.version IN (SELECT version FROM changes) OR t.version IN (SELECT previous FROM changes)
        GROUP BY t.version
    ),
    dated AS
    (
        SELECT
            arraySort(groupArray((
                c.first_load,
                if(empty(n.text) OR empty(o.text), 1, arrayCount(
                    name -> NOT mapContains(o.limit_of, name)
                        OR n.limit_of[name].1 < o.limit_of[name].1
                        OR n.limit_of[name].2 < o.limit_of[name].2,
                    mapKeys(n.limit_of)))
            ))) AS tightenings
        FROM changes AS c
        LEFT JOIN limits AS n ON n.version = c.version
        LEFT JOIN limits AS o ON o.version = c.previous
    ),
    joined AS
    (
        SELECT
            j.minute AS minute,
            j.dimension AS dimension,
            j.value AS value,
            j.decided1 AS decided1,
            j.decided2 AS decided2,
            j.decided3 AS decided,
            j.denied2 AS denied2,
            j.denied3 AS denied,
            j.degraded3 AS degraded,
            j.degraded_denied3 AS degraded_denied,
            toUInt32(j.recent_minutes) AS baseline_minutes,
            j.recent_minutes = 0 AS is_new,
            if(is_new, 0, j.quantiles[2]) AS median_rate,
            greatest(median_rate, j.yesterday_rate, j.last_week_rate) AS baseline_rate,
            if(is_new, 0, greatest((j.quantiles[3] - j.quantiles[1]) / 1.349, (j.quantiles[4] - j.quantiles[2]) / 1.2816)) AS recent_spread,
            if(is_new, 0, j.usual_decided) AS usual_decided,
            j.recent_minutes >= 15 OR j.yesterday_minutes >= 4 OR j.last_week_minutes >= 4 AS is_known,
            least(toFloat64(j.denied3), toFloat64(c.above_third)) AS above,
            least(toFloat64(j.denied2), above) AS above2,
            greatest(1, c.in_a_row) AS in_a_row,
            c.clients AS denied_clients,
            c.most_denied AS most_denied,
            c.all_denied AS all_denied,
            c.all_early AS all_early
        FROM judged AS j
        LEFT JOIN clients AS c ON c.minute = j.minute AND c.dimension = if(j.dimension = 'region', 'all', j.dimension)
            AND c.value = if(j.dimension = 'region', '', j.value)
        WHERE j.minute >= first_minute AND j.minute < end_time
    ),
    counted AS
    (
        SELECT
            *,
            greatest(1, decided - above) AS counted3,
            greatest(1, decided2 - above2) AS counted2,
            greatest(baseline_rate, 1 / counted3) AS likely3,
            greatest(baseline_rate, 1 / counted2) AS likely2,
            (denied - above) / counted3 AS rate3,
            (denied2 - above2) / counted2 AS rate2,
            recent_spread * if(median_rate > 0, baseline_rate / median_rate, 1) AS usual_spread,
            least(2.2 * baseline_rate, (1 + baseline_rate) / 2) AS alarm_rate
        FROM joined
    ),
    measured AS
    (
        SELECT
            *,
            greatest(
                usual_spread * sqrt(greatest(1, 2 * usual_decided / counted3)),
                sqrt(in_a_row * likely3 * (1 - baseline_rate) / counted3)) AS spread,
            greatest(
                usual_spread * sqrt(greatest(1, 2 * usual_decided / counted2)),
                sqrt(in_a_row * likely2 * (1 - baseline_rate) / counted2)) AS spread2
        FROM counted
    ),
    distant AS
    (
        SELECT
            *,
            if(is_known AND spread > 0, 1.5 * likely3 / spread * (pow(rate3 / likely3, 2 / 3) - 1), 0) AS z3,
            if(is_known AND spread2 > 0, 1.5 * likely2 / spread2 * (pow(rate2 / likely2, 2 / 3) - 1), 0) AS z2,
            arrayFilter(t -> t.1 > subtractSeconds(minute, 900) AND t.1 <= addSeconds(minute, 60), (SELECT tightenings FROM dated)) AS loaded
        FROM measured
    )
SELECT
    v.minute AS minute,
    v.dimension AS dimension,
    v.value AS value,
    toInt64(v.decided - v.denied) AS allowed,
    toInt64(v.denied) AS denied,
    v.denied / greatest(1, v.decided) AS throttle_rate,
    v.baseline_rate AS baseline_rate,
    v.baseline_minutes AS baseline_minutes,
    v.spread AS spread,
    greatest(v.z2, v.z3) AS z,
    if(v.dimension = 'region', 0, toUInt64(v.denied_clients)) AS clients,
    if(v.dimension = 'region', 0, v.most_denied / greatest(1, v.all_denied)) AS top_client_share,
    v.all_early / greatest(1, v.all_denied) AS early_share,
    v.degraded / greatest(1, v.decided) AS degraded_share,
    toUInt32(length(v.loaded)) AS new_policy_versions,
    toUInt8(v.denied >= 30 AND ((v.z2 >= 4.5 AND v.rate2 >= v.alarm_rate) OR (v.z3 >= 4.5 AND v.rate3 >= v.alarm_rate))) AS is_spike,
    multiIf(
        is_spike = 0, '',
        degraded_denial_share > 0.5, 'store-fault',
        tightened_policies > 0, 'policy-change',
        top_client_share > 0.5, 'one-client',
        early_share > 0.5, 'retry-storm',
        'real-demand') AS cause,
    v.degraded_denied / greatest(1, v.denied) AS degraded_denial_share,
    toUInt32(arraySum(t -> t.2, v.loaded)) AS tightened_policies,
    (v.decided - v.decided1) / 2 / greatest(1, v.usual_decided) AS demand,
    greatest(0, v.denied - v.baseline_rate * v.decided) AS excess
FROM distant AS v;

-- The last hour, for whoever looks: each row is what the limiter did in the three minutes that end with it. Series with fewer than 30
-- denials in the hour are left out, but for all decisions together.
CREATE OR REPLACE VIEW throttle_spikes{{onCluster}}
(
    minute DateTime('UTC') COMMENT 'start of the newest of the three minutes, seconds UTC',
    dimension String COMMENT 'what value names: all, tenant, route, region or policy',
    value String COMMENT 'tenant, route, region or policy, name, or empty for all',
    allowed Int64 COMMENT 'decisions that the limiter allowed in three minutes, count',
    denied Int64 COMMENT 'decisions that the limiter denied in three minutes, count; fewer than 30 make no spike',
    throttle_rate Float64 COMMENT 'of what the limiter decided in three minutes, the share it denied, 0 to 1',
    baseline_rate Float64 COMMENT 'what is usual of that share, by the two hours before, yesterday and a week ago, 0 to 1',
    baseline_minutes UInt32 COMMENT 'minutes with decisions from two hours to ten minutes before, count; fewer than 15 make no spike without yesterday',
    spread Float64 COMMENT 'what counts as usual: how far the share strays by itself, or by chance for so few decisions and clients, share of 1',
    z Float64 COMMENT 'distance from what is usual in two or three minutes, multiples of what chance strays; 4.5 is a spike',
    clients UInt64 COMMENT 'clients that the limiter denied in three minutes, count, 0 by region',
    top_client_share Float64 COMMENT 'of these denials, the share of the most denied client, 0 to 1, 0 by region',
    early_share Float64 COMMENT 'of these denials, the share that came before their retry time, 0 to 1, by region that of all',
    degraded_share Float64 COMMENT 'decisions made without the primary store, share of 1',
    new_policy_versions UInt32 COMMENT 'versions of policies that a gate loaded for the first time in the quarter of an hour before, count',
    is_spike UInt8 COMMENT 'whether this is a spike, 0 or 1',
    cause String COMMENT 'store-fault, policy-change, one-client, retry-storm or real-demand; empty without a spike',
    degraded_denial_share Float64 COMMENT 'of these denials, those made without the primary store, share of 1',
    tightened_policies UInt32 COMMENT 'limits of these versions that are new or lower than before, count; 1 for a version whose policies are not stored',
    demand Float64 COMMENT 'decisions a minute in the two minutes before this one, multiples of the mean of the baseline',
    excess Float64 COMMENT 'denials beyond what is usual in three minutes, count'
) AS
SELECT * FROM throttle_spikes_between(from_time = now('UTC') - INTERVAL 1 HOUR, to_time = now('UTC'));
