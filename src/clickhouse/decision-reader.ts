import {
  type DecisionReader,
  type DecisionTotals,
  type DeniedClient,
  type DeniedClientsQuery,
  type Freshness,
  type PartitionTotals,
  type ThrottlePoint,
  type ThrottleQuery,
  type TimeRange,
  throttleDimensions,
} from '../analytics/decision-reader.ts';
import type { ClientKind } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { type ClickHouseEngine, type QueryParams, selectRows } from './engine.ts';

const maxPoints = 20_000;

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
    const by = throttleDimensions.find((dimension) => dimension === query.by);
    if (!by) throw new TidegateError('INPUT_INVALID', `Throttle rates go by ${throttleDimensions.join(', ')}`);
    const stepMinutes = bounded('stepMinutes', query.stepMinutes ?? 1, 1440);
    const groups = bounded('groups', query.groups ?? 20, 100);
    const rows = await this.#select<Counts & { at: Count; name: string; rate: number }>(
      `SELECT toUnixTimestamp(toStartOfInterval(t.minute, toIntervalMinute({stepMinutes:UInt32}))) AS at, ${by} AS name,
         sum(t.decisions) AS decisions, sum(t.allowed) AS allowed, sum(t.denied) AS denied, sum(t.blocked) AS blocked,
         if(allowed + denied = 0, 0, denied / (allowed + denied)) AS rate
       FROM throttle_rate AS t
       WHERE ${within('t.minute')} AND ${by} IN (
         SELECT ${by} FROM throttle_rate AS b WHERE ${within('b.minute')}
         GROUP BY ${by} ORDER BY sum(b.decisions) DESC LIMIT {groups:UInt32})
       GROUP BY at, name ORDER BY at, name LIMIT {most:UInt32}`,
      { ...rangeParams(query), stepMinutes, groups, most: maxPoints },
    );
    return rows.map((row) => ({
      ...totalsOf(row),
      atMs: Number(row.at) * 1000,
      group: row.name,
      throttleRate: Number(row.rate),
    }));
  }

  async topDeniedClients(query: DeniedClientsQuery): Promise<readonly DeniedClient[]> {
    const limit = bounded('limit', query.limit ?? 20, 1000);
    type Row = Counts & { client_kind: ClientKind; client: string; routes: string[]; route_count: Count; last: Count };
    const rows = await this.#select<Row>(
      `SELECT client_kind, client, ${outcomeSums('r.count')},
         groupUniqArrayIf(20)(route, outcome = 'denied') AS routes, uniqExactIf(route, outcome = 'denied') AS route_count,
         toUnixTimestamp64Milli(maxIf(time, outcome = 'denied')) AS last
       FROM decisions_raw AS r WHERE ${within('time')}
       GROUP BY client_kind, client HAVING denied > 0 ORDER BY denied DESC, client_kind, client LIMIT {limit:UInt32}`,
      { ...rangeParams(query), limit },
    );
    return rows.map((row) => ({
      ...totalsOf(row),
      clientKind: row.client_kind,
      client: row.client,
      routes: row.routes,
      routeCount: Number(row.route_count),
      lastDeniedAtMs: Number(row.last),
    }));
  }

  async freshness(): Promise<Freshness> {
    const rows = await this.#select<{ held: Count; event: Count; stored: Count }>(
      `SELECT count() AS held, toUnixTimestamp64Milli(max(time)) AS event, toUnixTimestamp(max(ingested_at)) AS stored
       FROM decisions_raw`,
    );
    const row = rows[0];
    if (!row || Number(row.held) === 0) return { newestEventAtMs: null, newestStoredAtMs: null };
    return { newestEventAtMs: Number(row.event), newestStoredAtMs: Number(row.stored) * 1000 };
  }

  async reconcile(): Promise<readonly PartitionTotals[]> {
    type Row = Record<'number' | 'events' | 'decisions' | 'distinct_events' | 'minute_decisions', Count>;
    const rows = await this.#select<Row>(
      `SELECT number, sum(e) AS events, sum(d) AS decisions, sum(u) AS distinct_events, sum(m) AS minute_decisions FROM (
         SELECT \`partition\` AS number, count() AS e, toInt64(sum(r.count)) AS d, uniqExact(emitter, seq) AS u, 0::Int64 AS m
         FROM decisions_raw AS r GROUP BY number
         UNION ALL
         SELECT \`partition\` AS number, 0, 0, 0, sum(p.decisions) FROM decisions_per_minute AS p
         WHERE minute >= (SELECT toStartOfMinute(min(time)) FROM decisions_raw) GROUP BY number
       ) GROUP BY number ORDER BY number`,
    );
    return rows.map((row) => ({
      partition: Number(row.number),
      events: Number(row.events),
      decisions: Number(row.decisions),
      minuteDecisions: Number(row.minute_decisions),
      drift: Number(row.decisions) - Number(row.minute_decisions),
      doubledEvents: Number(row.events) - Number(row.distinct_events),
    }));
  }

  #select<Row>(query: string, params: QueryParams = {}): Promise<Row[]> {
    return selectRows<Row>(this.#engine.reader, query, params);
  }
}
