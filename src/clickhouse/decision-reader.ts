import {
  type DecisionReader,
  type DecisionTotals,
  type DeniedClient,
  type DeniedClientsQuery,
  type Freshness,
  type LatencyPoint,
  type LatencyQuery,
  type ThrottleDimension,
  type ThrottlePoint,
  type ThrottleQuery,
  type TimeRange,
  throttleDimensions,
} from '../analytics/decision-reader.ts';
import type { ClientKind } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { type ClickHouseEngine, type QueryParams, selectRows } from './engine.ts';
import { type Source, sourceOf } from './grain.ts';
import { knownLatenciesOf, quantilesOf } from './latency-sql.ts';

const maxPoints = 20_000;
const minuteMs = 60_000;

/** 64-bit numbers come as text from some engines. */
type Count = string | number;
type Counts = Record<keyof DecisionTotals, Count>;

const totalsOf = (row: Counts | undefined): DecisionTotals => ({
  decisions: Number(row?.decisions ?? 0),
  allowed: Number(row?.allowed ?? 0),
  denied: Number(row?.denied ?? 0),
  blocked: Number(row?.blocked ?? 0),
});

const outcomeSums = (
  count: string,
): string => `sum(${count}) AS decisions, sumIf(${count}, outcome = 'allowed') AS allowed,
  sumIf(${count}, outcome = 'denied') AS denied, sumIf(${count}, outcome = 'blocked') AS blocked`;

const within = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

const bounded = (name: string, value: number, most: number): number => {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new TidegateError('INPUT_INVALID', `${name} must be a whole number from 1 to ${most}`);
};

const rangeParams = ({ fromMs, toMs }: TimeRange): QueryParams => {
  if (Number.isSafeInteger(fromMs) && Number.isSafeInteger(toMs) && fromMs <= toMs) return { fromMs, toMs };
  throw new TidegateError('INPUT_INVALID', 'A time range goes from an earlier to a later whole millisecond');
};

const dimensionOf = (asked: ThrottleDimension): ThrottleDimension => {
  const by = throttleDimensions.find((dimension) => dimension === asked);
  if (by) return by;
  throw new TidegateError('INPUT_INVALID', `These go by ${throttleDimensions.join(', ')}`);
};

const stepOf = (stepMinutes: number): number => bounded('stepMinutes', stepMinutes, 1440);

const stepStart = ({ time }: Source): string =>
  `toUnixTimestamp(toStartOfInterval(t.${time}, toIntervalMinute({stepMinutes:UInt32})))`;

const conditionOf = ({ where, time }: Source): string => `${where} AND ${within(time)}`;

const busiest = (source: Source, { groups = 20 }: { readonly groups?: number }): string => {
  const most = bounded('groups', groups, 100);
  return `SELECT ${source.group} FROM ${source.table} AS b WHERE ${conditionOf(source)}
    GROUP BY ${source.group} ORDER BY sum(b.decisions) DESC LIMIT ${most}`;
};

const paramsOf = (source: Source, query: TimeRange): QueryParams => {
  const { toMs } = rangeParams(query);
  return { fromMs: source.fromMs, toMs, stepMinutes: source.stepMinutes, most: maxPoints };
};

/** The questions, in ClickHouse's SQL. */
export class ClickHouseDecisionReader implements DecisionReader {
  readonly #engine: ClickHouseEngine;

  constructor(engine: ClickHouseEngine) {
    this.#engine = engine;
  }

  async totals(range?: TimeRange): Promise<DecisionTotals> {
    const where = range ? `WHERE ${within('time')}` : '';
    const rows = await this.#select<Counts>(
      `SELECT ${outcomeSums('r.count')} FROM decisions_raw AS r ${where}`,
      range ? rangeParams(range) : {},
    );
    return totalsOf(rows[0]);
  }

  async throttleRates(query: ThrottleQuery): Promise<readonly ThrottlePoint[]> {
    const source = sourceOf(dimensionOf(query.by), query, stepOf(query.stepMinutes ?? 1));
    const rows = await this.#select<Counts & { at: Count; name: string; rate: number }>(
      `SELECT ${stepStart(source)} AS at, ${source.group} AS name, ${outcomeSums('t.decisions')},
         if(allowed + denied = 0, 0, denied / (allowed + denied)) AS rate
       FROM ${source.table} AS t
       WHERE ${conditionOf(source)} AND ${source.group} IN (${busiest(source, query)})
       GROUP BY at, name ORDER BY at, name LIMIT {most:UInt32}`,
      paramsOf(source, query),
    );
    return rows.map((row) => ({
      ...totalsOf(row),
      atMs: Number(row.at) * 1000,
      group: row.name,
      throttleRate: Number(row.rate),
    }));
  }

  async latencies(query: LatencyQuery): Promise<readonly LatencyPoint[]> {
    const by = query.by === undefined ? null : dimensionOf(query.by);
    // Without steps the range is one: of days, where it is long.
    const rangeMinutes = Math.ceil((query.toMs - query.fromMs) / minuteMs);
    const asked = query.stepMinutes ?? (rangeMinutes <= 2880 ? 1 : 60);
    const source = sourceOf(by, query, stepOf(asked));
    const at = query.stepMinutes === undefined ? 'toInt64(intDiv({fromMs:Int64}, 1000))' : stepStart(source);
    const groups = by === null ? '1' : `${source.group} IN (${busiest(source, query)})`;
    const rows = await this.#select<{ at: Count; name: string; decisions: Count; quantiles: number[] }>(
      `SELECT ${at} AS at, ${source.group} AS name, sumMap(t.latency_us) AS state,
         ${knownLatenciesOf('state')} AS decisions, ${quantilesOf('state')} AS quantiles
       FROM ${source.table} AS t WHERE ${conditionOf(source)} AND ${groups}
       GROUP BY at, name HAVING decisions > 0 ORDER BY at, name LIMIT {most:UInt32}`,
      paramsOf(source, query),
    );
    return rows.map(({ at: start, name, decisions, quantiles: [p50Us = 0, p95Us = 0, p99Us = 0] }) => ({
      atMs: Number(start) * 1000,
      group: name,
      decisions: Number(decisions),
      p50Us,
      p95Us,
      p99Us,
    }));
  }

  async topDeniedClients(query: DeniedClientsQuery): Promise<readonly DeniedClient[]> {
    const limit = bounded('limit', query.limit ?? 20, 1000);
    type Counted = Record<'denied' | 'blocked' | 'early' | 'route_count' | 'last', Count>;
    const range = { ...query, fromMs: Math.floor(query.fromMs / minuteMs) * minuteMs };
    const rows = await this.#select<Counted & { client_kind: ClientKind; client: string; routes: string[] }>(
      `SELECT client_kind, client, sum(c.denied) AS denied, sum(c.blocked) AS blocked, sum(c.early) AS early,
         groupUniqArrayIf(20)(route, c.denied > 0) AS routes, uniqExactIf(route, c.denied > 0) AS route_count,
         toUnixTimestamp64Milli(maxIf(c.last_time, c.denied > 0)) AS last
       FROM denials_by_client_per_minute AS c
       WHERE ${within('minute')} AND (client_kind, client) IN (
         SELECT client_kind, client FROM denials_by_client_per_minute AS d WHERE ${within('minute')}
         GROUP BY client_kind, client HAVING sum(d.denied) > 0
         ORDER BY sum(d.denied) DESC, client_kind, client LIMIT {limit:UInt32})
       GROUP BY client_kind, client ORDER BY denied DESC, client_kind, client`,
      { ...rangeParams(range), limit },
    );
    return rows.map((row) => ({
      clientKind: row.client_kind,
      client: row.client,
      denied: Number(row.denied),
      blocked: Number(row.blocked),
      early: Number(row.early),
      routes: row.routes,
      routeCount: Number(row.route_count),
      lastDeniedAtMs: Number(row.last),
    }));
  }

  async freshness(): Promise<Freshness> {
    // Parts know their newest time, and rows lie in its order: two numbers out of metadata and one hour's rows.
    const rows = await this.#select<{ held: Count; event: Count; stored: Count }>(
      `SELECT (SELECT count() FROM decisions_raw) AS held,
         toUnixTimestamp64Milli((SELECT max(time) FROM decisions_raw)) AS event, toUnixTimestamp(max(ingested_at)) AS stored
       FROM decisions_raw WHERE time >= (SELECT max(time) FROM decisions_raw) - toIntervalHour(1)`,
    );
    const row = rows[0];
    if (!row || Number(row.held) === 0) return { newestEventAtMs: null, newestStoredAtMs: null };
    return { newestEventAtMs: Number(row.event), newestStoredAtMs: Number(row.stored) * 1000 };
  }

  #select<Row>(query: string, params: QueryParams = {}): Promise<Row[]> {
    return selectRows<Row>(this.#engine.reader, query, params);
  }
}
