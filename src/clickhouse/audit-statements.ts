import { topics } from '../event/event-log.ts';

/** Where the rows of a topic are, and what is made of them. */
export interface AuditedTable {
  readonly table: string;
  /** What one row stands for. */
  readonly count: string;
  /** From the coarsest to the finest: each is read before what it is made from. */
  readonly rollups: readonly RollupStatement[];
}

export interface RollupStatement {
  readonly table: string;
  readonly source: string | null;
  /** Column that begins its period. */
  readonly time: string;
  readonly measures: 'all' | 'decisions';
  /** Its rows that make up the source once, where it holds them several times. */
  readonly dimension?: string;
}

const rollup = (table: string, source: string | null, time: string): RollupStatement => ({
  table,
  source,
  time,
  measures: 'all',
});

const byDimension = (dimension: string): RollupStatement => ({
  ...rollup('decisions_per_hour_by_dimension', 'decisions_per_hour', 'hour'),
  dimension,
});

/** Topics whose rows are stored, by name. */
export const auditedTables: ReadonlyMap<string, AuditedTable> = new Map([
  [
    topics.decisions,
    {
      table: 'decisions_raw',
      count: 'r.count',
      rollups: [
        rollup('decisions_per_day', 'decisions_per_hour', 'day'),
        ...['tenant', 'route', 'region', 'policy'].map(byDimension),
        rollup('decisions_per_hour', 'decisions_per_minute', 'hour'),
        { table: 'denials_by_client_per_minute', source: null, time: 'minute', measures: 'decisions' },
        rollup('decisions_per_minute', null, 'minute'),
      ],
    },
  ],
  [topics.blocks, { table: 'blocks', count: '1', rollups: [] }],
  [topics.policies, { table: 'policies', count: '1', rollups: [] }],
]);

export type Period = 'day' | 'month';

/** Seconds since the epoch, in steps that the rollups take, too: what lies outside their range is cut off alike. */
const periodOf = (column: string, period: Period): string =>
  period === 'day'
    ? `toUnixTimestamp(toStartOfDay(${column}))`
    : `toUnixTimestamp(toDateTime(toStartOfMonth(${column}), 'UTC'))`;

const keyOfLine = "concat(topic_id, ':', toString(`partition`))";

/** Lines that are older may be gone already, one here and one there. */
const keptLines = "topic = {topic:String} AND stored_at >= fromUnixTimestamp64Milli({ledgerFromMs:Int64}, 'UTC')";

/** The ledger as it was when it was read first: lines that came later say nothing of what is compared. */
const knownLines = `${keptLines} AND end_offset <= transform(${keyOfLine}, {lines:Array(String)}, {ends:Array(UInt64)}, toUInt64(0))`;

/** Contiguous ranges cancel each other out but for the first start and the last end, whatever their number. */
export const ledgerStatement = `SELECT topic_id AS incarnation, \`partition\` AS number, ${keyOfLine} AS line, count() AS blocks,
  min(l.start_offset) AS first, max(l.end_offset) AS end, sum(l.rows) AS row_count, sum(l.doubled_rows) AS doubled,
  sum(l.dead_letters) AS dead, sum(l.lost_records) AS lost, countIf(l.settled = 1) AS settled_blocks,
  toUnixTimestamp64Milli(min(l.stored_at)) AS first_stored, toUnixTimestamp64Milli(max(l.stored_at)) AS last_stored,
  sum(cityHash64(l.end_offset)) - sum(cityHash64(l.start_offset)) = cityHash64(end) - cityHash64(first) AS contiguous
FROM ingest_blocks AS l FINAL WHERE ${keptLines} GROUP BY topic_id, number ORDER BY number, last_stored`;

export const breaksStatement = `SELECT incarnation, number, before, start FROM (
  SELECT topic_id AS incarnation, \`partition\` AS number, l.start_offset AS start, lagInFrame(toNullable(l.end_offset))
    OVER (PARTITION BY topic_id, \`partition\` ORDER BY l.start_offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
  FROM ingest_blocks AS l FINAL WHERE ${knownLines} AND ${keyOfLine} IN {broken:Array(String)}
) WHERE before IS NOT NULL AND before != start ORDER BY number, start LIMIT 20 BY number LIMIT 1000`;

/** How far the known lines say that each emitter came. */
const reached = `SELECT \`partition\` AS number, e.emitter AS name, max(e.last_seq) AS last
  FROM ingest_blocks FINAL ARRAY JOIN emitters AS e WHERE ${knownLines} GROUP BY number, name`;

/** Rows that are older than the ledger are in none of its lines, and are as settled as the others. */
const isBehind = `r.seq > s.last AND toUnixTimestamp(r.ingested_at) >=
  transform(r.\`partition\`, {partitions:Array(UInt32)}, {beginnings:Array(UInt32)}, toUInt32(0))`;

export const rawSumsStatement = (period: Period): string =>
  `SELECT r.\`partition\` AS number, ${periodOf('toStartOfMinute(r.time)', period)} AS period, toString(r.outcome) AS result, ${isBehind} AS behind,
  [toInt64(sum(r.count)), toInt64(count()), toInt64(sum(ifNull(r.early, 0))), toInt64(sumIf(r.count, r.degraded != '')),
    toInt64(sumIf(r.count, notEmpty(r.shadow_denied))), toInt64(sum(r.cost * r.count)), toInt64(sum(r.count))] AS measured
FROM decisions_raw AS r LEFT JOIN (${reached}) AS s ON s.number = r.\`partition\` AND s.name = r.emitter
WHERE r.time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') GROUP BY number, period, result, behind`;

export const rollupSumsStatement = (rollup: RollupStatement, period: Period): string => {
  const { table, time, measures, dimension } = rollup;
  const head = `SELECT t.\`partition\` AS number, ${periodOf(`t.${time}`, period)} AS period`;
  const only = dimension === undefined ? '' : ` AND t.dimension = '${dimension}'`;
  const where = `WHERE t.${time} >= toDateTime(intDiv({fromMs:Int64}, 1000), 'UTC')${only}`;
  if (measures === 'decisions') {
    return `SELECT number, period, pair.1 AS result, [pair.2] AS measured FROM (
  ${head}, arrayJoin([('denied', sum(t.denied)), ('blocked', sum(t.blocked))]) AS pair FROM ${table} AS t ${where} GROUP BY number, period)`;
  }
  return `${head}, toString(t.outcome) AS result, [sum(t.decisions), sum(t.events), sum(t.early), sum(t.degraded), sum(t.shadow_denied),
  sum(t.cost), sum(arraySum(t.latency_us.2))] AS measured FROM ${table} AS t ${where} GROUP BY number, period, result`;
};

/** Every emitter's entries of the known lines; `kept`: its rows are still there as far as the time to live goes. */
const spans = `SELECT \`partition\` AS number, e.emitter AS name, e.first_seq AS first, e.last_seq AS last,
    e.rows AS row_count, e.missing_rows AS missing, e.total AS total,
    rows = 0 OR min_time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AS kept
  FROM ingest_blocks FINAL ARRAY JOIN emitters AS e WHERE ${knownLines}`;

/**
 * Where the comparison of each emitter begins: behind the last line whose rows may be gone, else at its beginning, else, when
 * the ledger knows it from the middle on, behind its first line.
 */
const bases = `SELECT number, name, max(b.last) AS newest, argMax(b.total, (b.last, b.total)) AS newest_total,
    multiIf(countIf(NOT b.kept) > 0, maxIf(b.last, NOT b.kept), min(b.first) <= 1, toUInt64(0), argMin(b.last, b.first)) AS base,
    multiIf(countIf(NOT b.kept) > 0, argMaxIf(b.total, (b.last, b.total), NOT b.kept), min(b.first) <= 1, toUInt64(0), argMin(b.total, b.first)) AS base_total
  FROM (${spans}) AS b GROUP BY number, name`;

const accounts = `SELECT x.number AS number, x.name AS name, any(y.base) AS base, any(y.newest) AS last, any(toInt64(y.newest_total) - toInt64(y.base_total)) AS said,
    sumIf(x.row_count, x.last > y.base) AS accounted, sumIf(x.missing, x.last > y.base) AS missing, accounted = last - base AS whole
  FROM (${spans}) AS x INNER JOIN (${bases}) AS y ON y.number = x.number AND y.name = x.name GROUP BY number, name`;

/** Σ n² to the given number, as far as 64 bits go: sums of stored positions overflow alike. */
const squaresTo = (n: string): string => `toUInt256(${n}) * (toUInt256(${n}) + 1) * (2 * toUInt256(${n}) + 1) / 6`;
const squares = `toUInt64(bitAnd(toUInt256(${squaresTo('last')}) - toUInt256(${squaresTo('base')}), toUInt256(18446744073709551615)))`;
/** The same for Σ n. */
const sumTo = (n: string): string => `intDiv(toUInt128(${n}) * (toUInt128(${n}) + 1), 2)`;
const positions = `toUInt64(bitAnd(${sumTo('last')} - ${sumTo('base')}, toUInt128(18446744073709551615)))`;

const compared = 'r.seq > s.base AND r.seq <= s.last';

/**
 * The rows of each emitter against the ledger. Where all positions should be there, the number of the rows and the sums of
 * their positions and of the squares prove it, in constant memory; else positions are told apart one by one.
 */
export const rowsStatement = ({
  table,
  count,
}: AuditedTable): string => `SELECT number, sum(w.accounted) AS accounted_rows,
  sum(w.stored) AS stored_rows, sum(w.said) AS said_decisions, sum(w.decisions) AS stored_decisions, sum(w.behind) AS behind_rows,
  countIf(NOT agrees) AS differing_emitters,
  arrayMap(d -> d.2, arraySlice(arrayReverseSort(groupArrayIf(1000)((off, (name, base + 1, last, w.accounted, w.stored, w.missing, w.said, w.decisions)), NOT agrees)), 1, 20)) AS differing
FROM (
  SELECT number, name, max(u.base) AS base, max(u.last) AS last, sum(u.said) AS said, sum(u.accounted) AS accounted, sum(u.missing) AS missing,
    sum(u.stored) AS stored, sum(u.decisions) AS decisions, sum(u.behind) AS behind,
    abs(toInt64(accounted) - toInt64(stored)) + abs(toInt64(said) - toInt64(decisions)) AS off,
    missing = 0 AND stored = accounted AND if(accounted = last - base,
      said = decisions AND sum(u.seqs) = ${positions} AND sum(u.seq_squares) = ${squares}, sum(u.known) = stored) AS agrees
  FROM (
    SELECT a.number AS number, a.name AS name, a.base AS base, a.last AS last, a.said AS said, a.accounted AS accounted, a.missing AS missing,
      toUInt64(0) AS stored, toInt64(0) AS decisions, toUInt64(0) AS seqs, toUInt64(0) AS seq_squares, toUInt64(0) AS known, toUInt64(0) AS behind
    FROM (${accounts}) AS a
    UNION ALL
    SELECT r.\`partition\` AS number, toString(r.emitter) AS name, toUInt64(0), toUInt64(0), toInt64(0), toUInt64(0), toUInt64(0),
      countIf(${compared}), toInt64(sumIf(${count}, ${compared})), sumIf(r.seq, ${compared}), sumIf(r.seq * r.seq, ${compared}),
      uniqExactIf(r.seq, ${compared} AND NOT s.whole), countIf(${isBehind})
    FROM ${table} AS r LEFT JOIN (${accounts}) AS s ON s.number = r.\`partition\` AND s.name = r.emitter
    WHERE r.time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') GROUP BY number, name
  ) AS u GROUP BY number, name
) AS w GROUP BY number ORDER BY number`;

/** How many of these positions there are, whatever is stored twice. */
export const distinctStatement = (table: string): string => `SELECT uniqExact(r.seq) AS seqs FROM ${table} AS r
WHERE r.\`partition\` = {number:UInt32} AND r.emitter = {name:String} AND r.seq >= {firstSeq:UInt64} AND r.seq <= {lastSeq:UInt64}
  AND r.time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`;

export const silentStatement = `SELECT name, open, toUnixTimestamp64Milli(heard) AS heard_ms, count() OVER () AS emitters FROM (
  SELECT name, countIf(NOT done) AS open, max(stored) AS heard FROM (
    SELECT \`partition\` AS number, e.emitter AS name, max(e.ended) = 1 AS done, max(l.stored_at) AS stored
    FROM ingest_blocks AS l FINAL ARRAY JOIN emitters AS e WHERE ${keptLines} GROUP BY number, name
  ) GROUP BY name
) WHERE open > 0 AND heard < fromUnixTimestamp64Milli({silentSinceMs:Int64}, 'UTC') ORDER BY heard_ms, name LIMIT 20`;

export const busiestMinuteStatement = `SELECT max(blocks) AS most FROM (
  SELECT count() AS blocks FROM ingest_blocks AS l WHERE l.stored_at >= now() - 86400 AND l.rows > 0 GROUP BY toStartOfMinute(l.stored_at))`;

/** How many rows a reading of sums comes to, by days. */
export const sizeStatement = (table: string, time: string): string =>
  `SELECT uniqExact(t.\`partition\`) * (dateDiff('day', min(t.${time}), max(t.${time})) + 1) * 3 AS days FROM ${table} AS t`;

/** Rows against minutes, over the minutes whose rows are kept. */
export const partitionTotalsStatement = `SELECT number, sum(e) AS events, sum(d) AS decisions, sum(u) AS distinct_events, sum(m) AS minute_decisions FROM (
  SELECT \`partition\` AS number, count() AS e, toInt64(sum(r.count)) AS d, uniqExact(emitter, seq) AS u, 0::Int64 AS m
  FROM decisions_raw AS r GROUP BY number
  UNION ALL
  SELECT \`partition\` AS number, 0, 0, 0, sum(p.decisions) FROM decisions_per_minute AS p
  WHERE minute >= (SELECT toStartOfMinute(min(time)) FROM decisions_raw) GROUP BY number
  ) GROUP BY number ORDER BY number`;
