import { type AlertObjectives, type BurnWindows, fastBurn, slowBurn } from './alert-objectives.ts';
import { ofClients } from './alert-spike-sql.ts';
import { toldBurnRows } from './told-burns-sql.ts';

/** Fewer denials are no alarm, whatever share they are. */
const leastDenied = { long: 100, short: 30 } as const;
/** For latencies: so many slow decisions, of so many. */
const leastSlow = 20;

const dimensions = `[('all', ''), ('tenant', tenant), ('route', route), ('region', region), ('policy', policy)]`;

/** Rows by minute or hour with `at_time`, `dimension`, `value`, `decided`, `denied`, `degraded_denied`. */
const countedRows = (at: string, question: 'throttle-burn-fast' | 'throttle-burn-slow'): string =>
  question === 'throttle-burn-fast'
    ? `SELECT minute AS at_time, named.1 AS dimension, named.2 AS value, outcome, d.decisions AS decided, d.degraded AS degraded
      FROM decisions_per_minute AS d ARRAY JOIN ${dimensions} AS named
      WHERE minute >= ${at} - 21600 AND minute < ${at} AND outcome != 'blocked'`
    : `SELECT hour AS at_time, as_all.1 AS dimension, as_all.2 AS value, outcome, d.decisions AS decided, d.degraded AS degraded
      FROM decisions_per_hour_by_dimension AS d
      ARRAY JOIN arrayConcat([(toString(d.dimension), toString(d.value))], if(d.dimension = 'region', [('all', '')], [])) AS as_all
      WHERE hour >= ${at} - 259200 AND hour < ${at} AND outcome != 'blocked'`;

const since = (at: string, seconds: number): string => `at_time >= ${at} - ${seconds}`;

interface Pair {
  readonly at: string;
  readonly windows: BurnWindows;
  readonly objective: number;
}

const sharesOf = ({ at, windows }: Pair, index: number): string => {
  const [long, short] = [since(at, windows.longSeconds), since(at, windows.shortSeconds)];
  const denied = (when: string): string => `sumIf(c.decided, outcome = 'denied' AND ${when})`;
  return `${denied(long)} AS denied_long${index}, sumIf(c.decided, ${long}) AS decided_long${index},
    denied_long${index} / greatest(1, decided_long${index}) AS share_long${index},
    ${denied(short)} AS denied_short${index},
    denied_short${index} / greatest(1, sumIf(c.decided, ${short})) AS share_short${index},
    sumIf(c.degraded, outcome = 'denied' AND ${long}) AS degraded_long${index}`;
};

const burns = ({ windows: { factor }, objective }: Pair, index: number): string =>
  `(share_long${index} >= ${factor * objective} AND share_short${index} >= ${factor * objective}
    AND denied_long${index} >= ${leastDenied.long} AND denied_short${index} >= ${leastDenied.short})`;

/** At most so many values are compared, all decisions together always among them, and so many told. */
const most = { compared: 1000, told: 100 } as const;

interface Burns {
  readonly at: string;
  readonly question: 'throttle-burn-fast' | 'throttle-burn-slow';
  readonly objective: number;
}

/** What may be told, with what each window says of it. */
const burningRows = ({ at, question, objective }: Burns, pairs: readonly Pair[]): string => `
    SELECT dimension, value, ${pairs.map(sharesOf).join(',\n      ')},
      ${pairs.map((pair, index) => `${burns(pair, index)} AS ${index === 0 ? 'first' : 'second'}_burns`).join(',\n      ')},
      first_burns OR second_burns AS is_burning, ${objective} AS objective
    FROM (
      ${countedRows(at, question)}
    ) AS c
    GROUP BY dimension, value
    HAVING denied_long1 >= ${leastDenied.long} AND denied_short1 >= ${leastDenied.short}
    ORDER BY dimension = 'all' DESC, is_burning DESC, denied_long1 DESC
    LIMIT ${most.compared}`;

/** By dimension: how many times faster than it may the share of denials is used up, in the windows that show it best. */
export const burnRows = (
  question: Burns['question'],
  at: string,
  { deniedShare: objective }: AlertObjectives,
): string => {
  const pairs = (question === 'throttle-burn-fast' ? fastBurn : slowBurn).map((windows) => ({
    at,
    windows,
    objective,
  }));
  const told = (what: string): string => `if(first_burns OR NOT second_burns, ${what}0, ${what}1)`;
  const clientSeconds = pairs[1]?.windows.shortSeconds ?? 0;
  const policySeconds = pairs[1]?.windows.longSeconds ?? 0;
  return `WITH burning AS (
  SELECT *, ${told('share_long')} / objective AS burn, toUInt8(is_told) AS firing
  FROM (${toldBurnRows(burningRows({ at, question, objective }, pairs))})
  ORDER BY firing DESC, burn DESC, dimension, value
  LIMIT ${most.told}
),
clients AS (
  SELECT dimension, value, count() AS denied_clients, max(client_denied) / greatest(1, sum(client_denied)) AS top_share,
    sum(client_early) / greatest(1, sum(client_denied)) AS early_share
  FROM (
    SELECT named.1 AS dimension, named.2 AS value, client_kind, client, sum(d.denied) AS client_denied, sum(d.early) AS client_early
    FROM denials_by_client_per_minute AS d
    ARRAY JOIN [('all', ''), ('tenant', tenant), ('route', route), ('policy', policy)] AS named
    WHERE minute >= ${at} - ${clientSeconds} AND minute < ${at} AND d.denied > 0
      AND (dimension, value) IN (SELECT dimension, value FROM burning)
    GROUP BY dimension, value, client_kind, client
  )
  GROUP BY dimension, value
)
SELECT b.dimension AS dimension, if(b.dimension = 'all', 'all', b.value) AS name,
  b.firing AS firing,
  multiIf(NOT firing, '', degradedDenialShare > 0.5, 'store-fault', ifNull(topClientShare > 0.5, 0), 'one-client',
    newPolicyVersions > 0, 'policy-change', isNull(clients), '', earlyShare > 0.5, 'retry-storm', 'real-demand') AS cause,
  b.burn AS burn, ${told('share_short')} / ${objective} AS shortBurn,
  ${told('share_long')} AS throttleRate, toFloat64(${told('denied_long')}) AS denied,
  toFloat64(${told('decided_long')} - ${told('denied_long')}) AS allowed,
  ${ofClients('b.dimension', 'toFloat64(c.denied_clients)')} AS clients, ${ofClients('b.dimension', 'c.top_share')} AS topClientShare,
  ${ofClients('b.dimension', 'c.early_share')} AS earlyShare,
  ${told('degraded_long')} / greatest(1, denied) AS degradedDenialShare,
  toFloat64((
    SELECT countIf(first_load > ${at} - ${policySeconds} AND place > 1)
    FROM (SELECT first_load, row_number() OVER (ORDER BY first_load) AS place
      FROM (SELECT min(p.time) AS first_load FROM policies AS p WHERE p.time <= ${at} GROUP BY p.version))
  )) AS newPolicyVersions
FROM burning AS b
LEFT JOIN clients AS c ON c.dimension = b.dimension AND c.value = b.value
ORDER BY firing DESC, burn DESC, dimension, name
LIMIT ${most.told}`;
};

/** Decisions of `state` that took longer than the deadline; within a bucket they are spread evenly over the logarithm. */
export const slowOf = (state: string, deadlineUs: number): string =>
  `arraySum(arrayMap((b, n) -> n * least(1, greatest(0, log2(greatest(1, b) / ${deadlineUs}))), ${state}.1, ${state}.2))`;

const latencyRows = (
  at: string,
  deadlineUs: number,
): string => `SELECT minute AS at_time, named.1 AS dimension, named.2 AS value,
        sum(${slowOf('d.latency_us', deadlineUs)}) AS slow,
        sum(arraySum(arrayMap((b, n) -> if(b > 0, n, 0), d.latency_us.1, d.latency_us.2))) AS known
      FROM decisions_per_minute AS d ARRAY JOIN [('all', ''), ('region', region)] AS named
      WHERE minute >= ${at} - 21600 AND minute < ${at}
      GROUP BY at_time, dimension, value`;

/** Named as {@link toldBurnRows} asks: what is denied there is slow here. */
const slowShares = (at: string, { longSeconds, shortSeconds }: BurnWindows, index: number): string => {
  const [long, short] = [since(at, longSeconds), since(at, shortSeconds)];
  return `sumIf(c.slow, ${long}) AS denied_long${index}, sumIf(c.known, ${long}) AS decided_long${index},
      denied_long${index} / greatest(1, decided_long${index}) AS share_long${index},
      sumIf(c.slow, ${short}) AS slow_short${index}, slow_short${index} / greatest(1, sumIf(c.known, ${short})) AS share_short${index}`;
};

/**
 * By region: how many times faster than it may the share of decisions beyond the deadline is used up. Where all decisions are slow,
 * a region tells of it only if it explains much more of the slow ones than it has of all.
 */
export const deadlineRows = (at: string, { slowShare, deadlineUs }: AlertObjectives): string => {
  const burnsAt = ({ factor }: BurnWindows, index: number): string =>
    `(share_long${index} >= ${factor * slowShare} AND share_short${index} >= ${factor * slowShare} AND slow_short${index} >= ${leastSlow})`;
  const told = (what: string): string => `if(first_burns OR NOT second_burns, ${what}0, ${what}1)`;
  return `SELECT dimension, if(dimension = 'all', 'all', value) AS name, toUInt8(is_told) AS firing, '' AS cause,
  ${told('share_long')} / ${slowShare} AS burn, ${told('share_short')} / ${slowShare} AS shortBurn,
  ${told('share_long')} AS slowShare, round(${told('denied_long')}) AS slow, toFloat64(${told('decided_long')}) AS decisions
FROM (${toldBurnRows(`
    SELECT dimension, value, ${fastBurn.map((windows, index) => slowShares(at, windows, index)).join(',\n      ')},
      ${fastBurn.map((windows, index) => `${burnsAt(windows, index)} AS ${index === 0 ? 'first' : 'second'}_burns`).join(',\n      ')},
      first_burns OR second_burns AS is_burning, ${slowShare} AS objective
    FROM (
      ${latencyRows(at, deadlineUs)}
    ) AS c
    GROUP BY dimension, value
    ORDER BY dimension = 'all' DESC, is_burning DESC, denied_long1 DESC
    LIMIT ${most.compared}`)})
ORDER BY firing DESC, burn DESC, dimension, name
LIMIT ${most.told}`;
};

/**
 * By region: the share of the decisions of five minutes that was made without the primary store. Where it is too much of all
 * decisions, a region tells of it only if it explains much more of them than it has of all.
 */
export const degradedRows = (at: string, { degradedShare }: AlertObjectives): string => `SELECT
  dimension, if(dimension = 'all', 'all', value) AS name,
  toUInt8(is_told) AS firing, if(firing, 'store-fault', '') AS cause,
  denied_long0 / greatest(1, decided_long0) AS degradedShare, toFloat64(denied_long0) AS degraded,
  toFloat64(decided_long0) AS decisions
FROM (${toldBurnRows(`
    SELECT named.1 AS dimension, named.2 AS value, sum(d.degraded) AS denied_long0, sum(d.decisions) AS decided_long0,
      denied_long0 AS denied_long1, decided_long0 AS decided_long1,
      denied_long0 / greatest(1, decided_long0) > ${degradedShare} AND denied_long0 >= 10 AS is_burning, is_burning AS first_burns,
      ${degradedShare} AS objective
    FROM decisions_per_minute AS d
    ARRAY JOIN [('all', ''), ('region', region)] AS named
    WHERE minute >= ${at} - 300 AND minute < ${at} AND outcome != 'blocked'
    GROUP BY dimension, value
    ORDER BY dimension = 'all' DESC, is_burning DESC, denied_long0 DESC
    LIMIT ${most.compared}`)})
ORDER BY firing DESC, degradedShare DESC, dimension, name
LIMIT ${most.told}`;
