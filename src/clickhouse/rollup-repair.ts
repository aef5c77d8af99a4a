import type { RowBlock } from '../ingest/event-table.ts';
import { type ClickHouseEngine, execute, type QueryParams, selectRows } from './engine.ts';

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
  readonly dimensions: readonly string[];
  /** Sums, with what one row of the finer table adds to each. */
  readonly sums: Readonly<Record<string, string>>;
  /** Other measures: what the finer row says, what a row of this table takes back, and how they are combined. */
  readonly others: Readonly<Record<string, { readonly gives: string; readonly takes: string; readonly by: string }>>;
  /** Of the finer table, the rows that count. */
  readonly where?: string;
  /** This time of a finer row. */
  readonly startOf: string;
}

const places = ['tenant', 'route', 'region', 'policy', 'outcome', '`partition`'] as const;
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
  dimensions: ['client_kind', 'client', 'tenant', 'route', 'policy', '`partition`'],
  sums: {
    denied: "if(f.outcome = 'denied', toInt64(f.count), 0::Int64)",
    blocked: "if(f.outcome = 'blocked', toInt64(f.count), 0::Int64)",
    early: 'toInt64(ifNull(f.early, 0))',
  },
  others: { last_time: { gives: 'f.time', takes: 'o.last_time', by: 'max' } },
  where: "f.outcome != 'allowed'",
  startOf: 'toStartOfMinute(f.time)',
};

/** In this order: what one lacks, its repair hands on to the next by itself, and the next then takes what was too much. */
const levels: readonly Level[] = [minutes, denials, coarser('hour', 'minute', hourMs), coarser('day', 'hour', dayMs)];

const bounds = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

/** Without deduplication, here and in the views behind: two repairs may well insert the same difference. */
const repairSettings =
  'insert_deduplicate = 0, deduplicate_blocks_in_dependent_materialized_views = 0, async_insert = 0';

const differenceOf = (level: Level): string => {
  const { table, from, fromTime, time, dimensions, sums, others, startOf, where = '1' } = level;
  const names = Object.keys(sums);
  const rest = Object.entries(others);
  const keys = [time, ...dimensions].join(', ');
  const columns = [time, ...dimensions, ...names, ...rest.map(([name]) => name)].join(', ');
  const gives = [
    ...dimensions.map((name) => `f.${name} AS ${name}`),
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
  FROM ${from} AS f WHERE f.\`partition\` = {partition:UInt32} AND ${where} AND ${bounds(`f.${fromTime}`)}
  UNION ALL
  SELECT o.${time}, ${takes.join(', ')}
  FROM ${table} AS o WHERE o.\`partition\` = {partition:UInt32} AND ${bounds(`o.${time}`)}
) AS d
GROUP BY ${keys}
HAVING ${names.map((name) => `${name} != 0`).join(' OR ')}`;
};

/** Days that each table keeps its rows, 0 for ever. */
const ttlDays = async (engine: ClickHouseEngine): Promise<ReadonlyMap<string, number>> => {
  const rows = await selectRows<{ name: string; engine_full: string }>(
    engine.reader,
    `SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}`,
    { names: levels.map(({ from }) => from) },
  );
  const daysOf = (text: string): number => Number(/TTL .*toIntervalDay\((\d+)\)/.exec(text)?.[1] ?? 0);
  return new Map(rows.map(({ name, engine_full: definition }) => [name, daysOf(definition)]));
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
  const kept = await ttlDays(engine);
  for (const level of levels) {
    const { periodMs, from } = level;
    const startMs = Math.floor(block.minTimeMs / periodMs) * periodMs;
    const fromMs = Math.max(startMs, oldestKeptMs(kept.get(from) ?? 0, periodMs, nowMs));
    const toMs = (Math.floor(block.maxTimeMs / periodMs) + 1) * periodMs;
    if (fromMs >= toMs) continue;
    await execute(engine.writer, differenceOf(level), { partition: block.partition, fromMs, toMs });
  }
};
