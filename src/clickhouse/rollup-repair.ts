import type { RowBlock } from '../ingest/event-table.ts';
import { type ClickHouseEngine, execute, type QueryParams } from './engine.ts';
import { ttlDaysOf } from './retention.ts';
import { spansOf } from './touched-days.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/**
 * One table that is derived, and the finer one that it must agree with. All measures are sums, so what is wrong is put
 * right by inserting the difference: no mutation, may be interrupted, adds nothing where nothing is wrong.
 */
interface Level {
  readonly table: string;
  /** Where its rows come from; its time to live bounds what can be repaired. */
  readonly from: string;
  readonly fromTime: string;
  /** Its own column of time, and how much of it one row covers. */
  readonly time: string;
  readonly periodMs: number;
  /** What tells its rows apart, with what it is in a row of the finer table. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Sums, with what one row of the finer table adds to each. */
  readonly sums: Readonly<Record<string, string>>;
  /** Other measures: what the finer row says, what a row of this table takes back, and how they are combined. */
  readonly others: Readonly<Record<string, { readonly gives: string; readonly takes: string; readonly by: string }>>;
  /** Of the finer table, the rows that count; and what makes several of one. */
  readonly where?: string;
  readonly arrayJoin?: string;
  /** This time of a finer row. */
  readonly startOf: string;
}

const asTheyAre = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, `f.${name}`]));
const places = asTheyAre('tenant', 'route', 'region', 'policy', 'outcome', '`partition`');
const measures = ['decisions', 'events', 'early', 'degraded', 'shadow_denied', 'cost'] as const;
const negatedBuckets = '(o.latency_us.1, arrayMap(n -> -n, o.latency_us.2))';

const minutes: Level = {
  table: 'decisions_per_minute',
  from: 'decisions_raw',
  fromTime: 'time',
  time: 'minute',
  periodMs: minuteMs,
  dimensions: places,
  sums: {
    decisions: 'toInt64(f.count)',
    events: '1::Int64',
    early: 'toInt64(ifNull(f.early, 0))',
    degraded: "if(f.degraded != '', toInt64(f.count), 0::Int64)",
    shadow_denied: 'if(notEmpty(f.shadow_denied), toInt64(f.count), 0::Int64)',
    cost: 'toInt64(f.cost * f.count)',
  },
  others: {
    latency_us: { gives: '([f.latency_us], [toInt64(f.count)])', takes: negatedBuckets, by: 'sumMap' },
  },
  startOf: 'toStartOfMinute(f.time)',
};

const coarser = (name: 'hour' | 'day', finer: 'minute' | 'hour', periodMs: number): Level => ({
  table: `decisions_per_${name}`,
  from: `decisions_per_${finer}`,
  fromTime: finer,
  time: name,
  periodMs,
  dimensions: places,
  sums: Object.fromEntries(measures.map((measure) => [measure, `f.${measure}`])),
  others: { latency_us: { gives: 'f.latency_us', takes: negatedBuckets, by: 'sumMap' } },
  startOf: name === 'hour' ? `toStartOfHour(f.${finer})` : `toStartOfDay(f.${finer})`,
});

const denials: Level = {
  table: 'denials_by_client_per_minute',
  from: 'decisions_raw',
  fromTime: 'time',
  time: 'minute',
  periodMs: minuteMs,
  dimensions: asTheyAre('client_kind', 'client', 'tenant', 'route', 'policy', '`partition`'),
  sums: {
    denied: "if(f.outcome = 'denied', toInt64(f.count), 0::Int64)",
    blocked: "if(f.outcome = 'blocked', toInt64(f.count), 0::Int64)",
    early: 'toInt64(ifNull(f.early, 0))',
  },
  others: { last_time: { gives: 'f.time', takes: 'o.last_time', by: 'max' } },
  where: "f.outcome != 'allowed'",
  startOf: 'toStartOfMinute(f.time)',
};

const overview: Level = {
  ...coarser('hour', 'minute', hourMs),
  table: 'decisions_per_hour_by_dimension',
  from: 'decisions_per_hour',
  fromTime: 'hour',
  dimensions: { dimension: 'named.1', value: 'named.2', ...asTheyAre('outcome', '`partition`') },
  arrayJoin:
    "ARRAY JOIN [('tenant', f.tenant), ('route', f.route), ('region', f.region), ('policy', f.policy)] AS named",
  startOf: 'f.hour',
};

/** In this order: what one lacks, its repair hands on to the next by itself, and the next then takes what was too much. */
const levels: readonly Level[] = [
  minutes,
  denials,
  coarser('hour', 'minute', hourMs),
  overview,
  coarser('day', 'hour', dayMs),
];

const bounds = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

/** Two repairs may well insert the same difference: nothing is recognised, neither here nor in the views behind. */
const repairSettings =
  'insert_deduplicate = 0, deduplicate_blocks_in_dependent_materialized_views = 0, async_insert = 0';

const differenceOf = (level: Level): string => {
  const { table, from, fromTime, time, sums, others, startOf, where = '1', arrayJoin = '' } = level;
  const dimensions = Object.keys(level.dimensions);
  const names = Object.keys(sums);
  const rest = Object.entries(others);
  const keys = [time, ...dimensions].join(', ');
  const columns = [time, ...dimensions, ...names, ...rest.map(([name]) => name)].join(', ');
  const gives = [
    ...Object.entries(level.dimensions).map(([name, expression]) => `${expression} AS ${name}`),
    ...names.map((name) => `${sums[name] ?? '0'} AS ${name}`),
    ...rest.map(([name, { gives: expression }]) => `${expression} AS ${name}`),
  ];
  const takes = [
    ...dimensions.map((name) => `o.${name}`),
    ...names.map((name) => `-o.${name}`),
    ...rest.map(([, { takes: expression }]) => expression),
  ];
  return `INSERT INTO ${table} (${columns}) SETTINGS ${repairSettings}
SELECT ${keys}, ${names.map((name) => `sum(d.${name}) AS ${name}`).join(', ')},
  ${rest.map(([name, { by }]) => `${by}(d.${name}) AS ${name}`).join(', ')}
FROM (
  SELECT ${startOf} AS ${time}, ${gives.join(', ')}
  FROM ${from} AS f ${arrayJoin} WHERE f.\`partition\` = {partition:UInt32} AND ${where} AND ${bounds(`f.${fromTime}`)}
  UNION ALL
  SELECT o.${time}, ${takes.join(', ')}
  FROM ${table} AS o WHERE o.\`partition\` = {partition:UInt32} AND ${bounds(`o.${time}`)}
) AS d
GROUP BY ${keys}
HAVING ${names.map((name) => `${name} != 0`).join(' OR ')}`;
};

/** Older periods are left alone: the finer rows may be gone, and this table is all that remains of them. */
const oldestKeptMs = (days: number, periodMs: number, nowMs: number): number => {
  if (days === 0) return 0;
  const wholeMs = (Math.floor(nowMs / dayMs) - days + 1) * dayMs;
  return Math.ceil(wholeMs / periodMs) * periodMs;
};

export interface DecisionRepair {
  readonly engine: ClickHouseEngine;
  readonly block: RowBlock;
  /** The block's rows in `decisions_raw`: FROM clause and its parameters. */
  readonly marks: { readonly rows: string; readonly params: QueryParams };
  readonly nowMs: number;
}

/** See EventTable.repair(), for decisions. */
export const repairDecisions = async ({ engine, block, marks, nowMs }: DecisionRepair): Promise<void> => {
  await execute(
    engine.writer,
    `INSERT INTO emitter_marks SETTINGS ${repairSettings}
     SELECT \`partition\`, toString(emitter), max(seq), max(time) ${marks.rows} GROUP BY \`partition\`, emitter`,
    marks.params,
  );
  const kept = await ttlDaysOf(
    engine,
    levels.map(({ from }) => from),
  );
  // Level by level: what a finer one lacks is handed on by its repair.
  for (const level of levels) {
    const { periodMs, from } = level;
    const keptFromMs = oldestKeptMs(kept.get(from) ?? 0, periodMs, nowMs);
    for (const { minTimeMs, maxTimeMs } of spansOf(block)) {
      const fromMs = Math.max(Math.floor(minTimeMs / periodMs) * periodMs, keptFromMs);
      const toMs = (Math.floor(maxTimeMs / periodMs) + 1) * periodMs;
      if (fromMs >= toMs) continue;
      await execute(engine.writer, differenceOf(level), { partition: block.partition, fromMs, toMs });
    }
  }
};
