import {
  type Auditor,
  type AuditQuery,
  type EmitterAccount,
  type Grain,
  measures,
  type OpenEmitter,
  type PartitionLedger,
  type PartitionRows,
  type PartitionTotals,
  type RangeBreak,
  type StoredFacts,
  type Sums,
  topicIdOf,
} from '../analytics/audit.ts';
import { TidegateError } from '../errors.ts';
import type { Positions } from '../event/event-log.ts';
import {
  type AuditedTable,
  auditedTables,
  breaksStatement,
  busiestMinuteStatement,
  distinctStatement,
  ledgerStatement,
  type Period,
  partitionTotalsStatement,
  type RollupStatement,
  rawSumsStatement,
  rollupSumsStatement,
  rowsStatement,
  silentStatement,
  sizeStatement,
} from './audit-statements.ts';
import { type ClickHouseEngine, type QueryParams, selectRows } from './engine.ts';

const dayMs = 86_400_000;
/** Rows that go within the hour may go while they are counted. */
const readingMs = 3_600_000;
/** Sums that one reading may come to; servers are told to refuse answers that are larger by half. */
const maxSums = 60_000;
const ledgerTable = 'ingest_blocks';

/** 64-bit numbers come as text from some engines. */
type Count = string | number;

type LedgerCounts =
  | 'number'
  | 'blocks'
  | 'first'
  | 'end'
  | 'row_count'
  | 'doubled'
  | 'dead'
  | 'lost'
  | 'settled_blocks';
type LedgerTimes = 'first_stored' | 'last_stored' | 'contiguous';

/** One partition of one of the topics that had this name one after the other. */
interface LedgerRow extends Record<LedgerCounts | LedgerTimes, Count> {
  readonly incarnation: string;
  readonly line: string;
}

interface SumsRow {
  readonly number: Count;
  readonly period: Count;
  readonly result: string;
  readonly behind?: Count;
  readonly measured: readonly Count[];
}

type DifferingRow = readonly [string, Count, Count, Count, Count, Count, Count, Count];

interface RowsRow
  extends Record<'number' | 'accounted_rows' | 'stored_rows' | 'said_decisions' | 'behind_rows', Count> {
  readonly stored_decisions: Count;
  readonly differing_emitters: Count;
  readonly differing: readonly DifferingRow[];
}

/** All topics of this name as one; offsets are those of the last one. At least one row, the newest last. */
const ledgerOf = (rows: readonly LedgerRow[], breaks: readonly RangeBreak[]): PartitionLedger => {
  const newest = rows.at(-1);
  const sum = (name: LedgerCounts): number => rows.reduce((all, row) => all + Number(row[name]), 0);
  return {
    topicId: newest?.incarnation ?? '',
    startOffset: Number(newest?.first ?? 0),
    endOffset: Number(newest?.end ?? 0),
    blocks: sum('blocks'),
    rows: sum('row_count'),
    doubledRows: sum('doubled'),
    deadLetters: sum('dead'),
    lostRecords: sum('lost'),
    settledBlocks: sum('settled_blocks'),
    firstStoredAtMs: rows.reduce((least, row) => Math.min(least, Number(row.first_stored)), Number.MAX_SAFE_INTEGER),
    lastStoredAtMs: Number(newest?.last_stored ?? 0),
    breaks,
  };
};

const breakOf = ({ before, start }: { readonly before: Count; readonly start: Count }): RangeBreak => {
  const [endedAt, startedAt] = [Number(before), Number(start)];
  return endedAt < startedAt
    ? { kind: 'gap', fromOffset: endedAt, toOffset: startedAt }
    : { kind: 'overlap', fromOffset: startedAt, toOffset: endedAt };
};

const byPartition = <Row extends { readonly number: Count }>(rows: readonly Row[]): Map<number, Row[]> => {
  const groups = new Map<number, Row[]>();
  for (const row of rows) groups.set(Number(row.number), [...(groups.get(Number(row.number)) ?? []), row]);
  return groups;
};

const sumsOf = ({ number, period, result, measured }: SumsRow): Sums => ({
  partition: Number(number),
  periodMs: Number(period) * 1000,
  outcome: result,
  values: measured.map(Number),
});

const added = (a: Sums, b: Sums): Sums => ({
  ...a,
  values: a.values.map((value, index) => value + (b.values[index] ?? 0)),
});
const keyOf = ({ partition, periodMs, outcome }: Sums): string => `${partition} ${periodMs} ${outcome}`;

/** Rows before and behind the ledger's end as one. */
const merged = (all: readonly Sums[]): Sums[] => {
  const byKey = new Map<string, Sums>();
  for (const sums of all) {
    const known = byKey.get(keyOf(sums));
    byKey.set(keyOf(sums), known ? added(known, sums) : sums);
  }
  return [...byKey.values()];
};

/** The first period that begins at or after this time. */
const nextPeriodMs = (atMs: number, period: Period): number => {
  if (atMs <= 0) return 0;
  if (period === 'day') return Math.ceil(atMs / dayMs) * dayMs;
  const at = new Date(atMs);
  const startMs = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  return startMs === atMs ? atMs : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
};

/** One reading: the ledger as it was first read, and what bounds the rest. */
interface Reading {
  readonly topic: string;
  readonly audited: AuditedTable;
  readonly nowMs: number;
  readonly sinceMs: number;
  readonly ledger: readonly LedgerRow[];
  readonly params: QueryParams;
  /** Days that a table keeps, 0 for ever. */
  readonly ttlDays: ReadonlyMap<string, number>;
  readonly period: Period;
}

/** Asks ClickHouse for what {@link Auditor} promises. */
export class ClickHouseAuditor implements Auditor {
  readonly #engine: ClickHouseEngine;

  constructor(engine: ClickHouseEngine) {
    this.#engine = engine;
  }

  async ledgerEnds(topic: string): Promise<Positions> {
    const rows = await this.#select<LedgerRow>(ledgerStatement, { topic, ledgerFromMs: 0 });
    const all = [...byPartition(rows)].map(([partition, some]) => ({ partition, ...ledgerOf(some, []) }));
    const [newest] = [...all].sort((a, b) => b.lastStoredAtMs - a.lastStoredAtMs);
    const ours = all.filter(({ topicId }) => topicIdOf(topicId) === topicIdOf(newest?.topicId ?? ''));
    return new Map(ours.map(({ partition, endOffset }) => [partition, endOffset]));
  }

  async nowMs(): Promise<number> {
    const [row] = await this.#select<{ now: Count }>('SELECT toUnixTimestamp64Milli(now64(3)) AS now');
    return Number(row?.now ?? 0);
  }

  async partitionTotals(): Promise<readonly PartitionTotals[]> {
    type Row = Record<'number' | 'events' | 'decisions' | 'distinct_events' | 'minute_decisions', Count>;
    const rows = await this.#select<Row>(partitionTotalsStatement);
    return rows.map((row) => ({
      partition: Number(row.number),
      events: Number(row.events),
      decisions: Number(row.decisions),
      minuteDecisions: Number(row.minute_decisions),
      drift: Number(row.decisions) - Number(row.minute_decisions),
      doubledEvents: Number(row.events) - Number(row.distinct_events),
    }));
  }

  async busiestMinuteBlocks(): Promise<number | null> {
    const [row] = await this.#select<{ most: Count }>(busiestMinuteStatement);
    return Number(row?.most ?? 0) || null;
  }

  async read({ topic, sinceMs = 0, silentMs }: AuditQuery): Promise<StoredFacts> {
    const reading = await this.#begin(topic, sinceMs);
    const { audited, nowMs, period } = reading;
    const ledger = await this.#ledger(reading);
    const grains: Grain[] = [];
    for (const rollup of audited.rollups) grains.push(await this.#rollup(reading, rollup));
    const raw = audited.rollups.length > 0 ? await this.#rawSums(reading) : null;
    const rows = await this.#rows(reading);
    const silent = await this.#silent(topic, nowMs - silentMs);
    return {
      topic,
      table: audited.table,
      nowMs,
      period,
      ledger,
      rows,
      grains: raw ? [...grains, raw.grain] : grains,
      behind: raw?.behind ?? [],
      ...silent,
    };
  }

  async #begin(topic: string, sinceMs: number): Promise<Reading> {
    const audited = auditedTables.get(topic);
    if (!audited) {
      const known = [...auditedTables.keys()].join(', ');
      throw new TidegateError('INPUT_INVALID', `No table belongs to the topic ${topic}; there are ${known}`);
    }
    const tables = [audited.table, ...audited.rollups.map(({ table }) => table)];
    const ttlDays = await this.#ttlDays([...tables, ledgerTable]);
    const period = await this.#period(audited);
    const ledgerFromMs = this.#keptFromMs(await this.nowMs(), ttlDays.get(ledgerTable) ?? 0);
    const ledger = await this.#select<LedgerRow>(ledgerStatement, { topic, ledgerFromMs });
    const nowMs = await this.nowMs();
    const floorMs = Math.floor(sinceMs / dayMs) * dayMs;
    const fromMs = Math.max(floorMs, this.#keptFromMs(nowMs, ttlDays.get(audited.table) ?? 0));
    const beginnings = [...byPartition(ledger)].map(([partition, rows]) => ({
      partition,
      atS: Math.floor(ledgerOf(rows, []).firstStoredAtMs / 1000),
    }));
    // An empty list has no type to the engine.
    if (beginnings.length === 0) beginnings.push({ partition: 4_294_967_295, atS: 0 });
    const lines = ledger.length > 0 ? ledger : [{ line: ':', end: 0 }];
    const params = {
      topic,
      fromMs,
      ledgerFromMs,
      lines: lines.map(({ line }) => line),
      ends: lines.map(({ end }) => Number(end)),
      partitions: beginnings.map(({ partition }) => partition),
      beginnings: beginnings.map(({ atS }) => atS),
    };
    return { topic, audited, nowMs, sinceMs: floorMs, ledger, params, ttlDays, period };
  }

  async #ledger({ ledger, params }: Reading): Promise<Map<number, PartitionLedger>> {
    const broken = ledger.filter(({ contiguous }) => Number(contiguous) === 0).map(({ line }) => line);
    type BreakRow = Record<'number' | 'before' | 'start', Count>;
    const rows = broken.length === 0 ? [] : await this.#select<BreakRow>(breaksStatement, { ...params, broken });
    const breaks = byPartition(rows);
    return new Map(
      [...byPartition(ledger)].map(([partition, lines]) => [
        partition,
        ledgerOf(lines, (breaks.get(partition) ?? []).map(breakOf)),
      ]),
    );
  }

  async #rollup(reading: Reading, rollup: RollupStatement): Promise<Grain> {
    const { audited, params, period } = reading;
    const keptFromMs = this.#grainFromMs(reading, rollup.table);
    const rows = await this.#select<SumsRow>(rollupSumsStatement(rollup, period), { ...params, fromMs: keptFromMs });
    return {
      table: rollup.dimension === undefined ? rollup.table : `${rollup.table} (${rollup.dimension})`,
      source: rollup.source ?? audited.table,
      measures: rollup.measures === 'all' ? measures : ['decisions'],
      keptFromMs,
      sums: rows.map(sumsOf),
    };
  }

  async #rawSums(reading: Reading): Promise<{ grain: Grain; behind: Sums[] }> {
    const { audited, params, period, sinceMs } = reading;
    const keptFromMs = this.#grainFromMs(reading, audited.table);
    // Rows on their way may be older than what is kept: they tell which periods of the rollups are moving.
    const rows = await this.#select<SumsRow>(rawSumsStatement(period), { ...params, fromMs: sinceMs });
    const isBehind = ({ behind }: SumsRow): boolean => Number(behind) === 1;
    return {
      grain: { table: audited.table, source: null, measures, keptFromMs, sums: merged(rows.map(sumsOf)) },
      behind: rows.filter(isBehind).map(sumsOf),
    };
  }

  async #rows({ audited, params }: Reading): Promise<Map<number, PartitionRows>> {
    const rows = await this.#select<RowsRow>(rowsStatement(audited), params);
    const found = new Map<number, PartitionRows>();
    for (const row of rows) {
      const partition = Number(row.number);
      const differing: EmitterAccount[] = [];
      for (const one of row.differing)
        differing.push(await this.#account({ ...params, table: audited.table, number: partition }, one));
      found.set(partition, {
        accountedRows: Number(row.accounted_rows),
        storedRows: Number(row.stored_rows),
        saidDecisions: Number(row.said_decisions),
        storedDecisions: Number(row.stored_decisions),
        behindRows: Number(row.behind_rows),
        differing,
        differingEmitters: Number(row.differing_emitters),
      });
    }
    return found;
  }

  async #account(of: QueryParams & { readonly table: string }, row: DifferingRow): Promise<EmitterAccount> {
    const [name, first, last, accounted, stored, missing, said, decisions] = row;
    const [firstSeq, lastSeq] = [Number(first), Number(last)];
    const asked = { fromMs: of['fromMs'], number: of['number'], name, firstSeq, lastSeq };
    const [distinct] = await this.#select<{ seqs: Count }>(distinctStatement(of.table), asked);
    return {
      emitter: name,
      firstSeq,
      lastSeq,
      accountedRows: Number(accounted),
      storedRows: Number(stored),
      distinctRows: Number(distinct?.seqs ?? 0),
      missingRows: Number(missing),
      saidDecisions: Number(said),
      storedDecisions: Number(decisions),
    };
  }

  async #silent(topic: string, silentSinceMs: number): Promise<{ silent: OpenEmitter[]; silentEmitters: number }> {
    type Row = { name: string; open: Count; heard_ms: Count; emitters: Count };
    const rows = await this.#select<Row>(silentStatement, { topic, silentSinceMs, ledgerFromMs: 0 });
    return {
      silent: rows.map(({ name, open, heard_ms: atMs }) => ({
        emitter: name,
        partitions: Number(open),
        lastStoredAtMs: Number(atMs),
      })),
      silentEmitters: Number(rows[0]?.emitters ?? 0),
    };
  }

  #keptFromMs(nowMs: number, days: number): number {
    return days === 0 ? 0 : (Math.floor((nowMs + readingMs) / dayMs) - days + 1) * dayMs;
  }

  #grainFromMs({ nowMs, sinceMs, ttlDays, period }: Reading, table: string): number {
    return nextPeriodMs(Math.max(sinceMs, this.#keptFromMs(nowMs, ttlDays.get(table) ?? 0)), period);
  }

  async #ttlDays(tables: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#select<{ name: string; engine_full: string }>(
      `SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN {tables:Array(String)}`,
      { tables },
    );
    const days = (text: string): number => Number(/TTL .*toIntervalDay\((\d+)\)/.exec(text)?.[1] ?? 0);
    return new Map(rows.map(({ name, engine_full: text }) => [name, days(text)]));
  }

  async #period({ rollups: [coarsest] }: AuditedTable): Promise<Period> {
    if (!coarsest) return 'day';
    const [row] = await this.#select<{ days: Count }>(sizeStatement(coarsest.table, coarsest.time));
    return Number(row?.days ?? 0) > maxSums ? 'month' : 'day';
  }

  #select<Row>(query: string, params: QueryParams = {}): Promise<Row[]> {
    return selectRows<Row>(this.#engine.reader, query, params);
  }
}
