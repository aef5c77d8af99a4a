import type { DecisionQuestions } from '../analytics/decision-questions.ts';
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
import type { StoredChanges } from '../analytics/stored-changes.ts';
import { TidegateError } from '../errors.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import { BoundedQuestions, type QuestionBounds } from './bounded-questions.ts';
import { decisionQuestions } from './decision-questions.ts';
import { type ClickHouseEngine, type QueryParams, selectRows } from './engine.ts';
import { maxPoints, type Source, sourceOf, stepStart } from './grain.ts';
import { knownLatenciesOf, quantilesOf } from './latency-sql.ts';
import { type Count, type Counts, outcomeSums, totalsOf } from './outcome-sums.ts';
import { bounded, RowsInReach, rangeParams, withinRange } from './question-rows.ts';

const minuteMs = 60_000;

const dimensionOf = (asked: ThrottleDimension): ThrottleDimension => {
  const by = throttleDimensions.find((dimension) => dimension === asked);
  if (by) return by;
  throw new TidegateError('INPUT_INVALID', `These go by ${throttleDimensions.join(', ')}`);
};

/** Of the busiest groups alone. */
const busiest = ({ rows, group, count }: Source): string =>
  `${group} IN (SELECT ${group} FROM ${rows.from} GROUP BY ${group} ORDER BY sum(${count}) DESC LIMIT {groups:UInt32})`;

export interface DecisionReaderOptions {
  /** What one question of {@link DecisionQuestions} may cost. */
  readonly bounds?: QuestionBounds | undefined;
  /** Under which clients are stored. Default: none. */
  readonly pseudonyms?: Pseudonyms | undefined;
}

/** The questions, in ClickHouse's SQL. */
export class ClickHouseDecisionReader implements DecisionReader {
  readonly #engine: ClickHouseEngine;
  readonly #questions: BoundedQuestions;
  readonly #pseudonyms: Pseudonyms | null;

  constructor(engine: ClickHouseEngine, { bounds, pseudonyms }: DecisionReaderOptions = {}) {
    this.#engine = engine;
    this.#questions = new BoundedQuestions(engine.questions, bounds);
    this.#pseudonyms = pseudonyms ?? null;
  }

  async totals(range?: TimeRange): Promise<DecisionTotals> {
    const where = range ? `WHERE ${withinRange('time')}` : '';
    const rows = await this.#select<Counts>(
      `SELECT ${outcomeSums('r.count')} FROM decisions_raw AS r ${where}`,
      range ? rangeParams(range) : {},
    );
    return totalsOf(rows[0]);
  }

  throttleRates(query: ThrottleQuery): Promise<readonly ThrottlePoint[]> {
    return this.within(null).throttleRates(query);
  }

  async latencies(query: LatencyQuery): Promise<readonly LatencyPoint[]> {
    const by = query.by === undefined ? undefined : dimensionOf(query.by);
    // Without steps the range is one: of days, where it is long.
    const rangeMinutes = Math.ceil((query.toMs - query.fromMs) / minuteMs);
    const { fromMs, toMs, stepMinutes = rangeMinutes <= 2880 ? 1 : 60 } = query;
    const source = sourceOf(new RowsInReach(null, null), { fromMs, toMs, stepMinutes, by });
    const at = query.stepMinutes === undefined ? 'toInt64(intDiv({fromMs:Int64}, 1000))' : stepStart(source);
    const rows = await this.#questions.select<{ at: Count; name: string; decisions: Count; quantiles: number[] }>(
      `SELECT ${at} AS at, ${source.group} AS name, sumMap(r.latency_us) AS state,
         ${knownLatenciesOf('state')} AS decisions, ${quantilesOf('state')} AS quantiles
       FROM ${source.rows.from}${by === undefined ? '' : ` AND ${busiest(source)}`}
       GROUP BY at, name HAVING decisions > 0 ORDER BY at, name LIMIT {most:UInt32}`,
      {
        ...source.rows.params,
        stepMinutes: source.stepMinutes,
        most: maxPoints,
        groups: bounded('groups', query.groups ?? 20, 100),
      },
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

  topDeniedClients(query: DeniedClientsQuery): Promise<readonly DeniedClient[]> {
    return this.within(null).offenders(query);
  }

  within(tenants: readonly string[] | null): DecisionQuestions & StoredChanges {
    return decisionQuestions({ questions: this.#questions, tenants, pseudonyms: this.#pseudonyms });
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
