import type { EventTable, LedgerEnd, RowBlock, RowRun, StoredBlock, StoredRows } from '../ingest/event-table.ts';
import { asking, type ClickHouseEngine, type QueryParams, type SettingValue, selectRows } from './engine.ts';
import { ttlDaysOf } from './retention.ts';
import { repairDecisions } from './rollup-repair.ts';

/** Emitters whose marks a new owner of a partition loads. */
const maxMarks = 10_000;

/**
 * Every setting that exactness depends on, on every insert: servers differ in their defaults, and these have changed
 * between releases.
 */
const insertSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_partitions_per_insert_block: 0,
  max_insert_block_size: 1_048_449,
  materialized_views_ignore_errors: 0,
  input_format_parallel_parsing: 0,
  input_format_skip_unknown_fields: 1,
  input_format_allow_errors_num: 0,
} as const satisfies Record<string, SettingValue>;

const rowsOfBlock = (table: string): string => `FROM ${table}
WHERE \`partition\` = {partition:UInt32} AND emitter IN {emitters:Array(String)}
  AND seq BETWEEN {firstSeq:UInt64} AND {lastSeq:UInt64}
  AND time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`;

const blockParams = ({ partition, runs, minTimeMs, maxTimeMs }: RowBlock): QueryParams => ({
  partition,
  emitters: [...new Set(runs.map(({ emitter }) => emitter))],
  firstSeq: runs.reduce((least, { firstSeq }) => Math.min(least, firstSeq), Number.MAX_SAFE_INTEGER),
  lastSeq: runs.reduce((most, { firstSeq, rows }) => Math.max(most, firstSeq + rows - 1), 0),
  fromMs: minTimeMs,
  toMs: maxTimeMs,
});

/** Which positions belong to the block: the query's bounds are those of all emitters together. */
const positionsOf = (runs: readonly RowRun[]): ReadonlyMap<string, ReadonlySet<number>> => {
  const byEmitter = new Map<string, Set<number>>();
  for (const { emitter, firstSeq, rows } of runs) {
    const seqs = byEmitter.get(emitter) ?? new Set();
    for (let seq = firstSeq; seq < firstSeq + rows; seq += 1) seqs.add(seq);
    byEmitter.set(emitter, seqs);
  }
  return byEmitter;
};

/** Where each table's marks are; few rows need no table of their own for that. */
const marksOf: Readonly<Record<EventTableName, string>> = {
  decisions_raw: 'max(last_seq) AS seq, max(last_time) AS last FROM emitter_marks',
  blocks: 'max(b.seq) AS seq, max(b.time) AS last FROM blocks AS b',
  policies: 'max(p.seq) AS seq, max(p.time) AS last FROM policies AS p',
  health_samples: 'max(h.seq) AS seq, max(h.time) AS last FROM health_samples AS h',
};

/** A topic of a few days doubles no frame of an emitter that was silent for longer, and the table is large. */
const recentOf: Readonly<Partial<Record<EventTableName, string>>> = {
  health_samples: "AND h.time >= now('UTC') - toIntervalDay(3)",
};

/** A line of `ingest_blocks`, under its column names. */
const accountLine = (block: StoredBlock): object => ({
  topic: block.topic,
  topic_id: block.topicId,
  partition: block.partition,
  start_offset: block.startOffset,
  end_offset: block.endOffset,
  rows: block.rows,
  crc32: block.crc32,
  min_time: block.minTimeMs,
  max_time: block.maxTimeMs,
  emitters: block.emitters.map((span) => ({
    emitter: span.emitter,
    first_seq: span.firstSeq,
    last_seq: span.lastSeq,
    rows: span.rows,
    missing_rows: span.missingRows,
    total: span.total,
    ended: span.ended ? 1 : 0,
  })),
  doubled_rows: block.doubledRows,
  dead_letters: block.deadLetters,
  lost_records: block.lostRecords,
  settled: block.settled ? 1 : 0,
});

/** The tables whose rows come from the event log. */
export const eventTables = ['decisions_raw', 'blocks', 'policies', 'health_samples'] as const;
export type EventTableName = (typeof eventTables)[number];

export interface EventTableOptions {
  readonly engine: ClickHouseEngine;
  readonly table: EventTableName;
  readonly nowMs: () => number;
}

const dayMs = 86_400_000;
/** What is about to be too old is treated as if it were: settling a block takes a while, and clocks differ. */
const goingMs = 3_600_000;

/** One of {@link eventTables} and what is derived from it, on a server or on chDB alike. */
export class ClickHouseEventTable implements EventTable {
  readonly #engine: ClickHouseEngine;
  readonly #table: EventTableName;
  readonly #nowMs: () => number;

  constructor({ engine, table, nowMs }: EventTableOptions) {
    this.#engine = engine;
    this.#table = table;
    this.#nowMs = nowMs;
  }

  insert(runs: readonly RowRun[], token: string): Promise<void> {
    const settings = { ...insertSettings, insert_deduplication_token: token };
    const rows = runs.map(({ body }) => body);
    return asking('insert failed', () => this.#engine.insert({ table: this.#table, rows, settings }));
  }

  async storedRows(block: RowBlock): Promise<StoredRows> {
    const found = await selectRows<{ emitter: string; seqs: (string | number)[] }>(
      this.#engine.reader,
      `SELECT emitter, groupArray(seq) AS seqs ${rowsOfBlock(this.#table)} GROUP BY emitter`,
      blockParams(block),
    );
    const ours = positionsOf(block.runs);
    const mine = found.map(({ emitter, seqs }) => ({
      emitter,
      seqs: seqs.map(Number).filter((seq) => ours.get(emitter)?.has(seq)),
    }));
    return {
      rows: mine.reduce((sum, { seqs }) => sum + seqs.length, 0),
      seqs: new Map(mine.map(({ emitter, seqs }) => [emitter, new Set(seqs)])),
    };
  }

  async repair(block: RowBlock): Promise<void> {
    // Nothing is derived from the others.
    if (this.#table !== 'decisions_raw') return;
    const marks = { rows: rowsOfBlock(this.#table), params: blockParams(block) };
    await repairDecisions({ engine: this.#engine, block, marks, nowMs: this.#nowMs() });
  }

  async marks(partition: number): Promise<ReadonlyMap<string, number>> {
    const rows = await selectRows<{ emitter: string; seq: string | number }>(
      this.#engine.reader,
      `SELECT emitter, ${marksOf[this.#table]} WHERE \`partition\` = {partition:UInt32} ${recentOf[this.#table] ?? ''}
       GROUP BY emitter ORDER BY last DESC LIMIT {most:UInt32}`,
      { partition, most: maxMarks },
    );
    return new Map(rows.map(({ emitter, seq }) => [emitter, Number(seq)]));
  }

  keepAccount(block: StoredBlock): Promise<void> {
    const rows = [Buffer.from(`${JSON.stringify(accountLine(block))}\n`)];
    // Its key is the guard: a line that was lost with the database's death must not be dropped when it is said again.
    const settings = { ...insertSettings, insert_deduplicate: 0 };
    return asking('insert failed', () => this.#engine.insert({ table: 'ingest_blocks', rows, settings }));
  }

  async ledgerEnd(topic: string, partition: number): Promise<LedgerEnd | null> {
    const rows = await selectRows<{ topic_id: string; ends: string | number }>(
      this.#engine.reader,
      `SELECT topic_id, max(end_offset) AS ends FROM ingest_blocks
       WHERE topic = {topic:String} AND \`partition\` = {partition:UInt32}
       GROUP BY topic_id ORDER BY max(stored_at) DESC LIMIT 1`,
      { topic, partition },
    );
    return rows[0] ? { topicId: rows[0].topic_id, endOffset: Number(rows[0].ends) } : null;
  }

  async keepsSince(): Promise<number> {
    const days = (await ttlDaysOf(this.#engine, [this.#table])).get(this.#table) ?? 0;
    return days === 0 ? 0 : this.#nowMs() - days * dayMs + goingMs;
  }
}
