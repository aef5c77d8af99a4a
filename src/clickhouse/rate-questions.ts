import { groupings, type OutcomePoint, type OutcomesQuery, type RatesQuery } from '../analytics/decision-questions.ts';
import { type ThrottlePoint, type TimeRange, wholeStep } from '../analytics/decision-reader.ts';
import { TidegateError } from '../errors.ts';
import type { Asking } from './decision-questions.ts';
import { hoursReachMs } from './grain.ts';
import { type Count, type Counts, outcomeSums, totalsOf } from './outcome-sums.ts';
import { bounded, type Rows, type TenantTable } from './question-rows.ts';

export const maxPoints = 20_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Rows that answer a question in steps. */
interface Source {
  readonly rows: Rows;
  readonly time: 'time' | 'minute' | 'hour' | 'day';
  /** Decisions of one row; and those of them made without the primary store. */
  readonly count: string;
  readonly degraded: string;
  /** Name of a row's group. */
  readonly group: string;
  readonly stepMinutes: number;
}

const rollup = { count: 'r.decisions', degraded: 'sum(r.degraded)' } as const;
const single = { count: 'r.count', degraded: "sumIf(r.count, r.degraded != '')" } as const;

type Asked = OutcomesQuery & { readonly by?: RatesQuery['by'] };

const wholeRange = ({ fromMs, toMs }: TimeRange, unitMs: number): TimeRange => ({
  fromMs: Math.floor(fromMs / unitMs) * unitMs,
  toMs,
});

/** Whether everything is meant, so that sums over all other dimensions will do. */
const isEverything = ({ tenant, route, region, policy }: Asked): boolean =>
  [tenant, route, region, policy].every((value) => value === undefined);

const groupOf = (by: Asked['by']): string => {
  if (by === undefined) return "''";
  if (!groupings.includes(by)) throw new TidegateError('INPUT_INVALID', `These go by ${groupings.join(', ')}`);
  return by === 'client' ? "concat(r.client_kind, ':', r.client)" : `r.${by}`;
};

/** The coarsest rows that have what is asked for. */
const sourceOf = ({ reach }: Asking, query: Asked): Source => {
  const { by, stepMinutes: asked = 1, ...filter } = query;
  const stepMinutes = wholeStep(bounded('stepMinutes', asked, 1440));
  const group = groupOf(by);
  const from = (table: TenantTable, unitMs: number): Rows =>
    reach.of(table, { ...filter, range: wholeRange(query, unitMs) });
  if (by === 'client' || query.client) {
    return { rows: from('decisions_raw', minuteMs), time: 'time', ...single, group, stepMinutes };
  }
  if (stepMinutes < 60) {
    return { rows: from('decisions_per_minute', minuteMs), time: 'minute', ...rollup, group, stepMinutes };
  }
  if (stepMinutes === 1440 && query.toMs - query.fromMs > hoursReachMs) {
    return { rows: from('decisions_per_day', dayMs), time: 'day', ...rollup, group, stepMinutes };
  }
  if (reach.tenants !== null || !isEverything(query)) {
    return { rows: from('decisions_per_hour', hourMs), time: 'hour', ...rollup, group, stepMinutes };
  }
  // Each dimension holds all; regions are the fewest rows.
  const rows = reach.ofDimension(by ?? 'region', wholeRange(query, hourMs));
  return { rows, time: 'hour', ...rollup, group: by === undefined ? "''" : 'r.value', stepMinutes };
};

const stepStart = ({ time }: Source): string =>
  `toUnixTimestamp(toStartOfInterval(r.${time}, toIntervalMinute({stepMinutes:UInt32})))`;

/** Busiest first. Of clients the most denied ones: most of the others have nothing to do with throttling. */
const groupsOf = async ({ questions }: Asking, source: Source, query: RatesQuery): Promise<readonly string[]> => {
  const most = bounded('groups', query.groups ?? 20, 100);
  const isDenied = query.by === 'client' ? " AND r.outcome = 'denied'" : '';
  const groups = await questions.select<{ name: string }>(
    `SELECT ${source.group} AS name FROM ${source.rows.from}${isDenied}
     GROUP BY name ORDER BY sum(${source.count}) DESC, name LIMIT {most:UInt32}`,
    { ...source.rows.params, most },
  );
  return groups.map(({ name }) => name);
};

/** Only where one of these ids is can a row be of one of the groups: an index knows. */
const clientIds = (groups: readonly string[]): string[] => groups.map((key) => key.slice(key.indexOf(':') + 1));

export const askRates = async (asking: Asking, query: RatesQuery): Promise<readonly ThrottlePoint[]> => {
  const source = sourceOf(asking, query);
  const groups = await groupsOf(asking, source, query);
  if (groups.length === 0) return [];
  const isClients = query.by === 'client';
  const rows = await asking.questions.select<Counts & { at: Count; name: string; rate: number }>(
    `SELECT ${stepStart(source)} AS at, ${source.group} AS name, ${outcomeSums(source.count)},
       if(allowed + denied = 0, 0, denied / (allowed + denied)) AS rate
     FROM ${source.rows.from} AND ${source.group} IN {groups:Array(String)}${isClients ? ' AND r.client IN {clients:Array(String)}' : ''}
     GROUP BY at, name ORDER BY at, name LIMIT {most:UInt32}`,
    {
      ...source.rows.params,
      stepMinutes: source.stepMinutes,
      most: maxPoints,
      groups,
      ...(isClients ? { clients: clientIds(groups) } : {}),
    },
  );
  return rows.map((row) => ({
    ...totalsOf(row),
    atMs: Number(row.at) * 1000,
    group: row.name,
    throttleRate: Number(row.rate),
  }));
};

export const askOutcomes = async (asking: Asking, query: OutcomesQuery): Promise<readonly OutcomePoint[]> => {
  const source = sourceOf(asking, query);
  const rows = await asking.questions.select<Counts & { at: Count; without_store: Count }>(
    `SELECT ${stepStart(source)} AS at, ${outcomeSums(source.count)}, ${source.degraded} AS without_store
     FROM ${source.rows.from} GROUP BY at ORDER BY at LIMIT {most:UInt32}`,
    { ...source.rows.params, stepMinutes: source.stepMinutes, most: maxPoints },
  );
  return rows.map((row) => ({
    ...totalsOf(row),
    atMs: Number(row.at) * 1000,
    degraded: Number(row.without_store),
  }));
};
