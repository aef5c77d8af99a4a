import type { EventTable, RowBlock, RowRun, StoredBlock, StoredRows } from '../ingest/event-table.ts';
import { asking, type ClickHouseEngine, execute, type QueryParams, type SettingValue, selectRows } from './engine.ts';

/** Emitters whose marks a new owner of a partition loads. */
const maxMarks = 10_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

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

/**
 * What the minutes of a block lack, or have too much, compared with raw. Without deduplication: two repairs may well
 * insert the same difference.
 */
const minuteDifference = `INSERT INTO decisions_per_minute SETTINGS insert_deduplicate = 0
SELECT minute, tenant, route, region, policy, outcome, \`partition\`, sum(d.decisions) AS decisions, sum(d.events) AS events,
  sum(d.early) AS early, sum(d.degraded) AS degraded, sum(d.shadow_denied) AS shadow_denied, sum(d.cost) AS cost,
  sumMap(d.latency_us) AS latency_us
FROM (
  SELECT toStartOfMinute(r.time) AS minute, r.tenant AS tenant, r.route AS route, r.region AS region, r.policy AS policy,
    r.outcome AS outcome, r.\`partition\` AS \`partition\`, toInt64(r.count) AS decisions, 1::Int64 AS events,
    toInt64(ifNull(r.early, 0)) AS early, if(r.degraded != '', toInt64(r.count), 0::Int64) AS degraded,
    if(notEmpty(r.shadow_denied), toInt64(r.count), 0::Int64) AS shadow_denied, toInt64(r.cost * r.count) AS cost,
    ([r.latency_us], [toInt64(r.count)]) AS latency_us
  FROM decisions_raw AS r
  WHERE r.\`partition\` = {partition:UInt32}
    AND r.time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND r.time < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  UNION ALL
  SELECT m.minute, m.tenant, m.route, m.region, m.policy, m.outcome, m.\`partition\`, -m.decisions, -m.events, -m.early,
    -m.degraded, -m.shadow_denied, -m.cost, (m.latency_us.1, arrayMap(n -> -n, m.latency_us.2))
  FROM decisions_per_minute AS m
  WHERE m.\`partition\` = {partition:UInt32}
    AND m.minute >= toDateTime(intDiv({fromMs:Int64}, 1000), 'UTC') AND m.minute < toDateTime(intDiv({toMs:Int64}, 1000), 'UTC')
) AS d
GROUP BY minute, tenant, route, region, policy, outcome, \`partition\`
HAVING decisions != 0 OR events != 0 OR early != 0 OR degraded != 0 OR shadow_denied != 0 OR cost != 0`;

const blockRows = `FROM decisions_raw
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

/** Whether a position belongs to the block: the query's bounds are those of all emitters together. */
const membership = (runs: readonly RowRun[]): ((emitter: string, seq: number) => boolean) => {
  const byEmitter = new Map<string, RowRun[]>();
  for (const run of runs) byEmitter.set(run.emitter, [...(byEmitter.get(run.emitter) ?? []), run]);
  return (emitter, seq) =>
    (byEmitter.get(emitter) ?? []).some(({ firstSeq, rows }) => seq >= firstSeq && seq < firstSeq + rows);
};

/** `decisions_raw` and what is derived from it, on a server or on chDB alike. */
export class ClickHouseEventTable implements EventTable {
  readonly #engine: ClickHouseEngine;
  readonly #nowMs: () => number;
  #rawTtlDays: number | null = null;

  constructor(engine: ClickHouseEngine, nowMs: () => number) {
    this.#engine = engine;
    this.#nowMs = nowMs;
  }

  insert(runs: readonly RowRun[], token: string): Promise<void> {
    const settings = { ...insertSettings, insert_deduplication_token: token };
    const rows = runs.map(({ body }) => body);
    return asking('insert failed', () => this.#engine.insert({ table: 'decisions_raw', rows, settings }));
  }

  async storedRows(block: RowBlock): Promise<StoredRows> {
    const found = await selectRows<{ emitter: string; seqs: (string | number)[] }>(
      this.#engine.reader,
      `SELECT emitter, groupArray(seq) AS seqs ${blockRows} GROUP BY emitter`,
      blockParams(block),
    );
    const isOurs = membership(block.runs);
    const mine = found.map(({ emitter, seqs }) => ({
      emitter,
      seqs: seqs.map(Number).filter((seq) => isOurs(emitter, seq)),
    }));
    return {
      rows: mine.reduce((sum, { seqs }) => sum + seqs.length, 0),
      seqs: new Map(mine.map(({ emitter, seqs }) => [emitter, new Set(seqs)])),
    };
  }

  async repair(block: RowBlock): Promise<void> {
    const params = blockParams(block);
    await execute(
      this.#engine.writer,
      `INSERT INTO emitter_marks SELECT \`partition\`, toString(emitter), max(seq), max(time) ${blockRows} GROUP BY \`partition\`, emitter`,
      params,
    );
    const fromMs = Math.max(Math.floor(block.minTimeMs / minuteMs) * minuteMs, await this.#oldestKeptMs());
    const toMs = (Math.floor(block.maxTimeMs / minuteMs) + 1) * minuteMs;
    if (fromMs < toMs)
      await execute(this.#engine.writer, minuteDifference, { partition: block.partition, fromMs, toMs });
  }

  async marks(partition: number): Promise<ReadonlyMap<string, number>> {
    const rows = await selectRows<{ emitter: string; seq: string | number }>(
      this.#engine.reader,
      `SELECT emitter, max(last_seq) AS seq FROM emitter_marks WHERE \`partition\` = {partition:UInt32}
       GROUP BY emitter ORDER BY max(last_time) DESC LIMIT {most:UInt32}`,
      { partition, most: maxMarks },
    );
    return new Map(rows.map(({ emitter, seq }) => [emitter, Number(seq)]));
  }

  async keepAccount(_block: StoredBlock): Promise<void> {}

  /** Older minutes are left alone: their raw rows may be gone, and the minutes are all that remains of them. */
  async #oldestKeptMs(): Promise<number> {
    this.#rawTtlDays ??= await this.#readTtlDays();
    if (this.#rawTtlDays === 0) return 0;
    return (Math.floor(this.#nowMs() / dayMs) - this.#rawTtlDays + 1) * dayMs;
  }

  async #readTtlDays(): Promise<number> {
    const rows = await selectRows<{ engine_full: string }>(
      this.#engine.reader,
      "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'decisions_raw'",
    );
    return Number(/TTL .*toIntervalDay\((\d+)\)/.exec(rows[0]?.engine_full ?? '')?.[1] ?? 0);
  }
}
