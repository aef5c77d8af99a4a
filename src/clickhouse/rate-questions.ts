import type { OutcomePoint, OutcomesQuery, RatesQuery } from '../analytics/decision-questions.ts';
import type { ThrottlePoint } from '../analytics/decision-reader.ts';
import type { Asking } from './decision-questions.ts';
import { maxPoints, type Source, sourceOf, stepStart } from './grain.ts';
import { type Count, type Counts, outcomeSums, totalsOf } from './outcome-sums.ts';
import { bounded } from './question-rows.ts';

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
  const source = sourceOf(asking.reach, query);
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
  const source = sourceOf(asking.reach, query);
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
