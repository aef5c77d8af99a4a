import { causes } from '../alert/definition.ts';
import { leastRatio, leastZ } from '../alert/spike/spike.ts';

/** How far back decisions are taken for the newest while none come in: a gap is neither a fall to nothing nor a spike. */
const newestWithinSeconds = 600;

/** Position of a cause among {@link causes}, from 1; 0: none. */
export const causeCode = (cause: string): string =>
  `transform(${cause}, [${causes.map((name) => `'${name}'`).join(', ')}], [${causes.map((_, index) => index + 1).join(', ')}], 0)`;

/** Who is denied is not kept by region: of a region no cause is told that speaks of clients. */
export const toldCause = (dimension: string, cause: string): string =>
  `if(${dimension} = 'region' AND ${cause} IN ('one-client', 'retry-storm', 'real-demand'), '', ${cause})`;

/** A number of the clients, null of a region. */
export const ofClients = (dimension: string, number: string): string => `if(${dimension} = 'region', NULL, ${number})`;

/** In this order an incident that several dimensions show alike is told by the first of them. */
const rank = `indexOf(['tenant', 'route', 'policy', 'region', 'all'], dimension)`;

/**
 * Spikes at the instant `at`, an expression. Where all decisions together spike, one dimension tells of it if one of its values
 * explains much more of the denials beyond the usual than it has of the traffic; else only `all` does. Otherwise what looks
 * like the same denials in a later dimension is left to the earlier one. `least` stands for AND as in the view: it is planned faster.
 */
export const spikeRows = (at: string): string => `SELECT
  dimension, if(dimension = 'all', 'all', w.value) AS name,
  toUInt8(if(is_spike, if(all_spikes, dimension = if(most_lift >= 0.4, lifted, 'all'), NOT is_twin), 0)) AS firing,
  if(firing, ${toldCause('dimension', 'w.cause')}, '') AS cause, z,
  throttle_rate AS throttleRate, baseline_rate AS baselineRate, toFloat64(denied) AS denied, toFloat64(allowed) AS allowed,
  ${ofClients('dimension', 'toFloat64(w.clients)')} AS clients, ${ofClients('dimension', 'top_client_share')} AS topClientShare,
  ${ofClients('dimension', 'early_share')} AS earlyShare,
  degraded_share AS degradedShare, degraded_denial_share AS degradedDenialShare,
  toFloat64(new_policy_versions) AS newPolicyVersions, toFloat64(tightened_policies) AS tightenedPolicies,
  demand, explains
FROM (
  SELECT
    *, if(least(is_spike, dimension != 'all'), explains - decided / greatest(1, all_decided), 0) AS lift,
    max(lift) OVER () AS most_lift,
    argMax(dimension, (lift, -${rank})) OVER () AS lifted,
    arrayExists(e -> least(e.1 < ${rank}, e.2 > excess * 0.75, e.2 < excess * 1.25), spiking) AS is_twin
  FROM (
    SELECT
      *, allowed + r.denied AS decided,
      maxIf(is_spike, dimension = 'all') OVER () AS all_spikes,
      maxIf(excess, dimension = 'all') OVER () AS all_excess,
      maxIf(decided, dimension = 'all') OVER () AS all_decided,
      least(1, excess / greatest(1, all_excess)) AS explains,
      groupArrayIf((${rank}, excess), is_spike) OVER () AS spiking
    FROM (
      SELECT *
      FROM throttle_spikes_between(from_time = ${at} - ${newestWithinSeconds}, to_time = ${at}) AS s
      WHERE least(s.denied >= 30, s.minute + 60 >= (
        SELECT max(m.minute) FROM decisions_per_minute AS m
        WHERE m.minute >= ${at} - ${newestWithinSeconds} AND m.minute < ${at}
      ))
      ORDER BY s.minute DESC
      LIMIT 1 BY dimension, s.value
    ) AS r
  )
) AS w
ORDER BY firing DESC, z DESC, dimension, name
LIMIT 100`;

const likely = 'greatest(baseline_rate, 1 / greatest(1, allowed + denied))';

/** Of all decisions together: what is denied, what is usual, and from where on it would be told. */
export const spikeSeries = `SELECT
  minute AS time_bucket, throttle_rate, baseline_rate,
  greatest(least(${leastRatio} * baseline_rate, (1 + baseline_rate) / 2), least(1, ${likely} * pow(1 + ${leastZ} * spread / 1.5 / ${likely}, 1.5))) AS alarm_above
FROM throttle_spikes_between(from_time = greatest($__fromTime, $__toTime - 86400), to_time = $__toTime)
WHERE dimension = 'all'
ORDER BY time_bucket`;
