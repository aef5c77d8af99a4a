-- Whether the limiter denies far more than is usual, minute by minute. What it denied in the newest two and in the newest three
-- minutes (of which the newest may still be going on) is compared with what is usual: the highest of the median of two hours,
-- leaving out the last ten minutes, and of what the same minutes of yesterday and of a week ago showed for certain. No client
-- counts for more than the third most denied one. What src/alert/spike says in words and code is the same statistic.
-- What is asked this often has to be planned fast: a name that stands for an expression is planned anew wherever it is used, hence
-- the many steps, and the engine weighs the comparisons of every AND against all others, hence least() and greatest() in late steps.
CREATE OR REPLACE VIEW throttle_spikes_between{{onCluster}} AS
WITH
    toStartOfMinute({from_time:DateTime('UTC')}) AS first_minute,
    {to_time:DateTime('UTC')} AS end_time,
    -- counts: decided, denied, and of each what was decided without the primary store.
    per_minute AS
    (
        SELECT
            minute,
            named.1 AS dimension,
            named.2 AS value,
            sumForEach([m.decisions, m.decisions * (outcome = 'denied'), m.degraded, m.degraded * (outcome = 'denied')]) AS counts
        FROM decisions_per_minute AS m
        ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS named
        WHERE outcome != 'blocked' AND (
            (minute >= first_minute - 7320 AND minute < end_time)
            OR (minute >= first_minute - 86700 AND minute < end_time - 86220)
            OR (minute >= first_minute - 605100 AND minute < end_time - 604620)
        ) AND (dimension = 'all' OR (dimension, value) IN (
            SELECT d_named.1, d_named.2
            FROM decisions_per_minute AS d
            ARRAY JOIN [('tenant', tenant), ('route', route), ('region', region), ('policy', policy)] AS d_named
            WHERE minute >= first_minute - 120 AND minute < end_time AND outcome = 'denied'
            GROUP BY d_named
            HAVING sum(d.decisions) >= 30
        ))
        GROUP BY minute, dimension, value
    ),
    sliding AS
    (
        SELECT
            minute,
            dimension,
            value,
            -- By region clients are not known: those of all are taken.
            if(dimension = 'region', 'all', dimension) AS among,
            if(dimension = 'region', '', value) AS named,
            p.counts[1] AS decided1,
            sumForEach(p.counts) OVER (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 60 PRECEDING AND CURRENT ROW) AS two,
            sumForEach(p.counts) OVER (PARTITION BY dimension, value ORDER BY minute RANGE BETWEEN 120 PRECEDING AND CURRENT ROW) AS three
        FROM per_minute AS p
    ),
    judged AS
    (
        SELECT
            *,
            quantilesExact(0.25, 0.5, 0.75, 0.9)(two[2] / greatest(1, two[1])) OVER recent AS quantiles,
            count() OVER recent AS recent_minutes,
            avg(decided1) OVER recent AS usual_decided,
            max(greatest(0, three[2] - 2 * sqrt(three[2])) / greatest(1, three[1])) OVER yesterday AS yesterday_rate,
            count() OVER yesterday AS yesterday_minutes,
            max(greatest(0, three[2] - 2 * sqrt(three[2])) / greatest(1, three[1])) OVER last_week AS last_week_rate,
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
            minute,
            dimension,
            value,
            count() AS clients,
            groupArraySorted(3)(-named_denied) AS most,
            sum(named_denied * named_denied) AS squares,
            sum(named_denied) AS all_named,
            sum(client_denied) AS all_denied,
            sum(client_early) AS all_early
        FROM
        (
            SELECT
                c.minute + later AS minute,
                named.1 AS dimension,
                named.2 AS value,
                sum(c.denied) AS client_denied,
                sum(c.denied * (client != '~other')) AS named_denied,
                sum(c.early) AS client_early
            FROM denials_by_client_per_minute AS c
            ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('policy', policy)] AS named
            ARRAY JOIN [0, 60, 120] AS later
            WHERE c.minute >= first_minute - 120 AND c.minute < end_time AND c.denied > 0
            GROUP BY minute, dimension, value, client_kind, client
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
        WHERE t.version IN (SELECT arrayJoin([version, previous]) FROM changes)
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
            j.three[1] AS decided,
            j.three[2] AS denied,
            j.two[1] AS decided2,
            j.two[2] AS denied2,
            toUInt32(j.recent_minutes) AS baseline_minutes,
            if(baseline_minutes = 0, 0, j.quantiles[2]) AS median_rate,
            greatest(median_rate, j.yesterday_rate, j.last_week_rate) AS baseline_rate,
            if(baseline_minutes = 0, 0, greatest((j.quantiles[3] - j.quantiles[1]) / 1.349, (j.quantiles[4] - j.quantiles[2]) / 1.2816)) AS recent_spread,
            if(baseline_minutes = 0, 0, j.usual_decided) AS usual_decided,
            j.recent_minutes >= 15 OR j.yesterday_minutes >= 4 OR j.last_week_minutes >= 4 AS is_known,
            j.three[3] / greatest(1, j.three[1]) AS degraded_share,
            j.three[4] / greatest(1, j.three[2]) AS degraded_denial_share,
            (j.three[1] - j.decided1) / 2 / greatest(1, usual_decided) AS demand,
            c.most AS most,
            toFloat64(greatest(0, 2 * most[3] - most[1] - most[2])) AS above_third,
            c.squares - most[1] * most[1] - most[2] * most[2] + 2 * most[3] * most[3] AS counted_squares,
            c.all_named AS all_named,
            if(dimension = 'region', 0, toUInt64(c.clients)) AS clients,
            if(dimension = 'region', 0, -most[1] / greatest(1, c.all_denied)) AS top_client_share,
            c.all_early / greatest(1, c.all_denied) AS early_share
        FROM judged AS j
        LEFT JOIN (SELECT *, dimension AS among, value AS named FROM clients) AS c USING (minute, among, named)
        WHERE j.minute >= first_minute
    ),
    counted AS
    (
        SELECT
            *,
            least(3, greatest(1, counted_squares / greatest(1, all_named - above_third))) AS in_a_row,
            least(toFloat64(denied), above_third) AS above,
            least(toFloat64(denied2), above) AS above2,
            greatest(1, decided - above) AS counted3,
            greatest(1, decided2 - above2) AS counted2,
            (denied - above) / counted3 AS rate3,
            (denied2 - above2) / counted2 AS rate2
        FROM joined
    ),
    measured AS
    (
        SELECT
            *,
            greatest(baseline_rate, 1 / counted3) AS likely3,
            greatest(baseline_rate, 1 / counted2) AS likely2,
            recent_spread * if(median_rate > 0, baseline_rate / median_rate, 1) AS usual_spread,
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
            if(least(is_known, spread > 0), 1.5 * likely3 / spread * (pow(rate3 / likely3, 2 / 3) - 1), 0) AS z3,
            if(least(is_known, spread2 > 0), 1.5 * likely2 / spread2 * (pow(rate2 / likely2, 2 / 3) - 1), 0) AS z2,
            least(2.2 * baseline_rate, (1 + baseline_rate) / 2) AS alarm_rate,
            arrayFilter(t -> least(t.1 > subtractSeconds(minute, 900), t.1 <= addSeconds(minute, 60)), (SELECT tightenings FROM dated)) AS loaded
        FROM measured
    )
SELECT
    minute,
    dimension,
    value,
    toInt64(decided - v.denied) AS allowed,
    toInt64(v.denied) AS denied,
    v.denied / greatest(1, decided) AS throttle_rate,
    baseline_rate,
    baseline_minutes,
    spread,
    greatest(z2, z3) AS z,
    clients,
    top_client_share,
    early_share,
    degraded_share,
    toUInt32(length(loaded)) AS new_policy_versions,
    toUInt8(least(v.denied >= 30, greatest(least(z2 >= 4.5, rate2 >= alarm_rate), least(z3 >= 4.5, rate3 >= alarm_rate)))) AS is_spike,
    multiIf(
        is_spike = 0, '',
        degraded_denial_share > 0.5, 'store-fault',
        tightened_policies > 0, 'policy-change',
        top_client_share > 0.5, 'one-client',
        early_share > 0.5, 'retry-storm',
        'real-demand') AS cause,
    degraded_denial_share,
    toUInt32(arraySum(t -> t.2, loaded)) AS tightened_policies,
    demand,
    greatest(0, v.denied - baseline_rate * decided) AS excess
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
