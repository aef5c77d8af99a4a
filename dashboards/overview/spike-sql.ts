import { ofClients, toldCause } from '../../src/clickhouse/alert-spike-sql.ts';
import { alertTable } from '../../src/clickhouse/alert-statements.ts';
import { spikes } from '../columns.ts';
import { dimensions } from '../decision-rows.ts';
import { optionOf } from '../variables.ts';

const { minute, dimension, value, denied, throttle_rate, baseline_rate, z, clients, is_spike, cause } = spikes.columns;
const { top_client_share, early_share, degraded_share, new_policy_versions } = spikes.columns;

/** Judging a minute reads hours: of a longer range the newest part is judged. */
export const judgedHours = 2;
const rows = 100;

/** Minutes of spikes that are closer than this are one spike. */
const gapSeconds = 600;

const judged = `throttle_spikes_between(
    from_time = greatest($__fromTime, $__toTime - ${judgedHours * 3600}), to_time = least($__toTime + 60, now()))`;

/** One row per spike: minutes in a row, at their worst. */
const episodes = `(
  SELECT ${dimension} AS of, ${value} AS named, min(${minute}) AS began, max(${minute}) AS ended,
    max(${denied}) AS most_denied, max(${throttle_rate}) AS worst_rate,
    argMax(${baseline_rate}, ${z}) AS usual_rate, max(s.${z}) AS worst_z, ${ofClients('of', `argMax(s.${clients}, s.${z})`)} AS most_clients,
    argMax(${toldCause(dimension, cause)}, s.${z}) AS probable_cause,
    ${ofClients('of', `argMax(${top_client_share}, s.${z})`)} AS one_client,
    ${ofClients('of', `argMax(${early_share}, s.${z})`)} AS early, argMax(${degraded_share}, s.${z}) AS degraded,
    argMax(${new_policy_versions}, s.${z}) AS new_versions
  FROM (
    SELECT *, sum(is_first) OVER (PARTITION BY ${dimension}, ${value} ORDER BY ${minute}) AS episode
    FROM (
      SELECT *, dateDiff('second', lagInFrame(${minute}) OVER (PARTITION BY ${dimension}, ${value} ORDER BY ${minute} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), ${minute}) > ${gapSeconds} AS is_first
      FROM ${judged}
      WHERE ${is_spike} = 1
    )
  ) AS s
  GROUP BY of, named, episode
)`;

/** Grafana's name of All, written so that it is not taken for a macro. */
const all = `concat('$', '__all')`;

/** What a link sets each variable to: the spike's own value, else All. */
const choices = dimensions.map((name) => `if(of = '${name}', ${optionOf('named')}, ${all}) AS to_${name}`);

/** Spikes, newest first, with the time around each for links. */
export const spikesFound = `SELECT began AS first_minute, ended AS last_minute, of AS dimension, named AS name, worst_rate, usual_rate, worst_z,
  most_denied, most_clients, probable_cause, one_client, early, degraded, new_versions,
  toUnixTimestamp(began - 1800) * 1000 AS from_ms, toUnixTimestamp(ended + 1800) * 1000 AS to_ms,
  ${choices.join(', ')}
FROM ${episodes}
ORDER BY began DESC, worst_z DESC, of, named
LIMIT ${rows}`;

/** How many are going on, as the alert tells them: one incident is one spike, in whatever dimensions it shows. */
export const spikesNow = `SELECT countIf(firing = 1) AS spikes_now
FROM (
${alertTable('throttle-spike')}
)`;

/** As marks across the charts. */
export const spikeMarks = `SELECT began AS time, ended + 60 AS timeEnd,
  concat('Spike: ', if(of = 'all', 'all decisions', concat(of, ' ', named))) AS title,
  concat(if(probable_cause = '', '', concat(probable_cause, ', ')), toString(round(worst_rate * 100, 1)), ' % denied, usual ', toString(round(usual_rate * 100, 1)), ' %') AS text,
  'spike' AS tags
FROM ${episodes}
ORDER BY time, title LIMIT 200`;
