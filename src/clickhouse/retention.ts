import { type ClickHouseEngine, selectRows } from './engine.ts';

/** How long each table keeps a row after its time, days. 0 or left out: for ever. */
export interface Retention {
  /** `decisions_raw`. */
  readonly rawTtlDays?: number;
  readonly minuteTtlDays?: number;
  readonly hourTtlDays?: number;
  readonly dayTtlDays?: number;
  /** `denials_by_client_per_minute`. */
  readonly denialsTtlDays?: number;
  /** `ingest_blocks`, after a line was written. */
  readonly ingestBlocksTtlDays?: number;
  /** `blocks`, which hold clients. */
  readonly blocksTtlDays?: number;
  readonly policiesTtlDays?: number;
  /** `health_samples`. */
  readonly healthTtlDays?: number;
}

/**
 * How long rows are kept where nothing else is said. A replayed log is older than all of it, so 0 days for raw mean that
 * nothing goes.
 */
export const defaultRetention = {
  rawTtlDays: 30,
  minuteTtlDays: 100,
  hourTtlDays: 400,
  dayTtlDays: 0,
  denialsTtlDays: 30,
  ingestBlocksTtlDays: 30,
  blocksTtlDays: 400,
  policiesTtlDays: 0,
  healthTtlDays: 30,
} as const satisfies Required<Retention>;

/** What is kept in the end: given, by default, or all of it when raw is kept for ever and nothing else is said. */
export const retentionOf = (given: Retention): Required<Retention> => {
  const names = Object.keys(defaultRetention) as (keyof Retention)[];
  const fallback = (name: keyof Retention): number => (given.rawTtlDays === 0 ? 0 : defaultRetention[name]);
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? fallback(name)]),
  ) as unknown as Required<Retention>;
};

interface TableTtl {
  readonly table: string;
  readonly column: string;
  /** Placeholder of the clause in the table's migration. */
  readonly placeholder: string;
  readonly days: keyof Retention;
}

const tableTtls: readonly TableTtl[] = [
  { table: 'decisions_raw', column: 'time', placeholder: 'rawTtl', days: 'rawTtlDays' },
  { table: 'decisions_per_minute', column: 'minute', placeholder: 'minuteTtl', days: 'minuteTtlDays' },
  { table: 'decisions_per_hour', column: 'hour', placeholder: 'hourTtl', days: 'hourTtlDays' },
  {
    table: 'decisions_per_hour_by_dimension',
    column: 'hour',
    placeholder: 'hourTtl',
    days: 'hourTtlDays',
  },
  { table: 'decisions_per_day', column: 'day', placeholder: 'dayTtl', days: 'dayTtlDays' },
  { table: 'denials_by_client_per_minute', column: 'minute', placeholder: 'denialsTtl', days: 'denialsTtlDays' },
  { table: 'ingest_blocks', column: 'stored_at', placeholder: 'ingestBlocksTtl', days: 'ingestBlocksTtlDays' },
  { table: 'blocks', column: 'time', placeholder: 'blocksTtl', days: 'blocksTtlDays' },
  { table: 'policies', column: 'time', placeholder: 'policiesTtl', days: 'policiesTtlDays' },
  { table: 'health_samples', column: 'time', placeholder: 'healthTtl', days: 'healthTtlDays' },
];

const ttlOf = ({ column, days }: TableTtl, options: Retention): string => {
  const kept = options[days] ?? 0;
  return kept > 0 ? `toDateTime(${column}) + toIntervalDay(${kept})` : '';
};

/** Placeholder → TTL clause of a CREATE TABLE, empty without one. */
export const ttlClauses = (options: Retention): [string, string][] =>
  tableTtls.map((ttl) => [ttl.placeholder, ttlOf(ttl, options) && `TTL ${ttlOf(ttl, options)}`]);

/** What the tables keep: empty, or the expression behind TTL. */
export const ttlExpressions = (options: Retention): ReadonlyMap<string, string> =>
  new Map(tableTtls.map((ttl) => [ttl.table, ttlOf(ttl, options)]));

/** Days that the tables keep their rows at present, 0 for ever. */
export const ttlDaysOf = async (
  engine: ClickHouseEngine,
  tables: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const rows = await selectRows<{ name: string; engine_full: string }>(
    engine.reader,
    'SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {tables:Array(String)}',
    { tables },
  );
  const daysOf = (text: string): number => Number(/TTL .*?toIntervalDay\((\d+)\)/.exec(text)?.[1] ?? 0);
  return new Map(rows.map(({ name, engine_full: definition }) => [name, daysOf(definition)]));
};
