import type { ClientHistory, ClientHistoryQuery, NamedTotals, OutcomePoint } from '../analytics/decision-questions.ts';
import type { Asking } from './decision-questions.ts';
import { type Count, type Counts, outcomeSums, totalsOf } from './outcome-sums.ts';
import { bounded } from './question-rows.ts';

const minuteMs = 60_000;
const mostOfEach = 50;
const mostPoints = 2_000;

const dimensions = ['routes', 'policies', 'addresses', 'tenants'] as const;
type Part = 'points' | 'all' | (typeof dimensions)[number];

interface HistoryRow extends Counts {
  readonly part: Part;
  readonly name: string;
  readonly at: Count;
  readonly first: Count;
  readonly last: Count;
  readonly without_store: Count;
}

const namedOf = (rows: readonly HistoryRow[], part: Part): NamedTotals[] =>
  rows
    .filter((row) => row.part === part && row.name !== '')
    .slice(0, mostOfEach)
    .map((row) => ({ name: row.name, ...totalsOf(row) }));

const pointOf = (row: HistoryRow): OutcomePoint => ({
  atMs: Number(row.at) * 1000,
  ...totalsOf(row),
  degraded: Number(row.without_store),
});

/** One reading of the rows answers all parts. */
export const askClientHistory = async (
  { reach, questions }: Asking,
  query: ClientHistoryQuery,
): Promise<ClientHistory> => {
  const stepMinutes = bounded('stepMinutes', query.stepMinutes ?? 1, 1440);
  const range = { fromMs: Math.floor(query.fromMs / minuteMs) * minuteMs, toMs: query.toMs };
  const { client, tenant } = query;
  const { from, params } = reach.of('decisions_raw', { client, ...(tenant === undefined ? {} : { tenant }), range });
  const rows = await questions.select<HistoryRow>(
    `SELECT part, name, at, ${outcomeSums('h.rows_count')}, sumIf(h.rows_count, h.is_degraded) AS without_store,
       toUnixTimestamp64Milli(min(h.row_time)) AS first, toUnixTimestamp64Milli(max(h.row_time)) AS last
     FROM (
       SELECT r.outcome AS outcome, r.count AS rows_count, r.degraded != '' AS is_degraded, r.time AS row_time,
         parts.1 AS part, parts.2 AS name, parts.3 AS at
       FROM (SELECT * FROM ${from}) AS r
       ARRAY JOIN [
         ('all', '', toUInt32(0)),
         ('points', '', toUnixTimestamp(toStartOfInterval(r.time, toIntervalMinute({stepMinutes:UInt32})))),
         ('routes', toString(r.route), toUInt32(0)), ('policies', toString(r.policy), toUInt32(0)),
         ('addresses', r.address, toUInt32(0)), ('tenants', toString(r.tenant), toUInt32(0))] AS parts) AS h
     GROUP BY part, name, at
     ORDER BY part, at DESC, decisions DESC, name
     LIMIT ${mostPoints} BY part`,
    { ...params, stepMinutes },
  );
  const all = rows.find(({ part }) => part === 'all');
  const [routes = [], policies = [], addresses = [], tenants = []] = dimensions.map((part) => namedOf(rows, part));
  return {
    points: rows
      .filter(({ part }) => part === 'points')
      .map(pointOf)
      .reverse(),
    ...{ routes, policies, addresses, tenants },
    firstSeenAtMs: all ? Number(all.first) : null,
    lastSeenAtMs: all ? Number(all.last) : null,
  };
};
