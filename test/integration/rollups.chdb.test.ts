import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';

const hourMs = 3_600_000;
const keepAll = { dedupWindow: 1000 };
const derived = [
  'decisions_per_minute',
  'decisions_per_hour',
  'decisions_per_hour_by_dimension',
  'decisions_per_day',
  'denials_by_client_per_minute',
] as const;
type Derived = (typeof derived)[number];

/** Every dimension and measure says something, over three days, on both sides of midnight. */
const facts = [
  { count: 3, early: 1, cost: 2, latencyUs: 64, tenant: 'a', route: 'GET /a' },
  { outcome: 'denied' as const, degraded: 'timeout' as const, shadowDenied: ['p2'], timeMs: baseTimeMs + 61_000 },
  { outcome: 'denied' as const, count: 9, early: 4, client: 'c2', timeMs: baseTimeMs + 20 * hourMs },
  { outcome: 'blocked' as const, count: 2, policy: 'breadth', timeMs: baseTimeMs + 20 * hourMs + 1 },
  { count: 2, early: null, latencyUs: 128, region: 'us', timeMs: baseTimeMs + 48 * hourMs },
];
const block = blockOf([new FrameSource({ emitter: 'gate', partition: 3 }).frame(...facts)]);

describeWith('chdb', 'what is derived from the rows', (url) => {
  let engine: ClickHouseEngine;
  const tableAt = (nowMs: number): ClickHouseEventTable =>
    new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => nowMs });
  const table = (): ClickHouseEventTable => tableAt(baseTimeMs);

  /** A table as it would be after all merges, without rows that sum up to nothing. */
  const contentOf = async (name: Derived): Promise<object[]> => {
    await execute(engine.writer, `OPTIMIZE TABLE ${name} FINAL`);
    const some = name === 'denials_by_client_per_minute' ? 'denied != 0 OR blocked != 0' : 'events != 0';
    return selectRows(engine.reader, `SELECT * FROM ${name} WHERE ${some} ORDER BY ALL`);
  };
  const contents = async (): Promise<Record<string, object[]>> =>
    Object.fromEntries(await Promise.all(derived.map(async (name) => [name, await contentOf(name)] as const)));
  const empty = (name: string): Promise<void> => execute(engine.writer, `TRUNCATE TABLE ${name}`);
  const double = (name: string): Promise<void> =>
    execute(engine.writer, `INSERT INTO ${name} SETTINGS insert_deduplicate = 0 SELECT * FROM ${name}`);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, logger: silentLogger, options: keepAll });
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    for (const name of ['decisions_raw', 'emitter_marks', ...derived]) await empty(name);
    await table().insert(block.runs, 'once');
  });

  it('is fed by an insert, on every level alike', async () => {
    const sums = await Promise.all(
      derived.slice(0, 4).map(async (name) => {
        const where = name === 'decisions_per_hour_by_dimension' ? "WHERE dimension = 'route'" : '';
        const rows = await selectRows<object>(
          engine.reader,
          `SELECT toInt64(sum(t.decisions)) AS decisions, toInt64(sum(t.events)) AS events, toInt64(sum(t.early)) AS early,
             toInt64(sum(t.degraded)) AS degraded, toInt64(sum(t.shadow_denied)) AS shadow, toInt64(sum(t.cost)) AS cost
           FROM ${name} AS t ${where}`,
        );
        return JSON.stringify(rows).replaceAll('"', '');
      }),
    );
    expect(new Set(sums)).toEqual(new Set(['[{decisions:17,events:5,early:5,degraded:1,shadow:1,cost:20}]']));
  });

  it.each(derived)(
    'is repaired when %s has lost its rows, to the last measure, as often as it loses them',
    async (lost) => {
      const before = await contents();
      for (let round = 0; round < 2; round += 1) {
        await empty(lost);
        await table().repair(block);
        expect(await contents()).toEqual(before);
      }
    },
  );

  it.each(derived)('is repaired when %s holds a block twice', async (doubled) => {
    const before = await contents();
    await double(doubled);
    await table().repair(block);
    expect(await contents()).toEqual(before);
  });

  it('is repaired when a view never came to its turn, or the one behind did so alone', async () => {
    const before = await contents();
    for (const name of derived) await empty(name);
    await table().repair(block);
    expect(await contents()).toEqual(before);
    // Minutes died with the database, hours had reached the disk.
    await empty('decisions_per_minute');
    await double('decisions_per_hour');
    await table().repair(block);
    expect(await contents()).toEqual(before);
  });

  it('is repaired for the partition of the block alone', async () => {
    const other = blockOf([new FrameSource({ emitter: 'other', partition: 4 }).frame(...facts)]);
    await table().insert(other.runs, 'other');
    await empty('decisions_per_hour');
    await table().repair(block);
    const rows = await selectRows(engine.reader, 'SELECT DISTINCT `partition` FROM decisions_per_hour');
    expect(rows).toEqual([{ partition: 3 }]);
  });

  it('is left alone by a repair where the finer rows may be gone', async () => {
    const nowMs = baseTimeMs + 200 * 24 * hourMs;
    await migrate({ engine, logger: silentLogger, options: { ...keepAll, rawTtlDays: 30, minuteTtlDays: 30_000 } });
    const before = await contents();
    await empty('decisions_raw');
    await empty('decisions_per_hour_by_dimension');
    await tableAt(nowMs).repair(block);
    // Rows are older than 30 days, so minutes and denials stay; hours are still compared with minutes.
    expect(await contents()).toEqual(before);
    await migrate({ engine, logger: silentLogger, options: keepAll });
  });

  it('is in order of time like the rows, so that settling a block reads what it touched and not the month', async () => {
    const rows = await selectRows<{ name: string; first: string }>(
      engine.reader,
      `SELECT name, splitByString(', ', sorting_key)[1] AS first FROM system.tables
       WHERE database = currentDatabase() AND name IN ('decisions_raw', {one:String}, {two:String}, {three:String}, {four:String})`,
      { one: derived[0], two: derived[1], three: derived[3], four: derived[4] },
    );
    expect(Object.fromEntries(rows.map(({ name, first }) => [name, first]))).toEqual({
      decisions_raw: 'time',
      decisions_per_minute: 'minute',
      decisions_per_hour: 'hour',
      decisions_per_day: 'day',
      denials_by_client_per_minute: 'minute',
    });
    // A hundred thousand rows over a month; a block of one second of them.
    const many = `SELECT fromUnixTimestamp64Milli(${baseTimeMs} + number * 25000, 'UTC') AS time, 'many' AS emitter, 9 AS \`partition\`,
      number + 1 AS seq, concat('t', toString(number % 500)) AS tenant, 'allowed' AS outcome, 1 AS count FROM numbers(100000)`;
    await execute(
      engine.writer,
      `INSERT INTO decisions_raw (time, emitter, \`partition\`, seq, tenant, outcome, count) ${many}`,
    );
    const fromMs = baseTimeMs + 1_000_000_000;
    const [read] = await selectRows<{ rows: string | number }>(
      engine.reader,
      `EXPLAIN ESTIMATE SELECT seq FROM decisions_raw WHERE \`partition\` = 9 AND emitter = 'many'
         AND time >= fromUnixTimestamp64Milli(${fromMs}, 'UTC') AND time <= fromUnixTimestamp64Milli(${fromMs + 1000}, 'UTC')`,
    );
    expect(Number(read?.rows)).toBeLessThan(20_000);
  });

  it('knows how long its rows stay', async () => {
    expect(await table().keepsSince()).toBe(0);
    await migrate({ engine, logger: silentLogger, options: { ...keepAll, rawTtlDays: 7 } });
    expect(await table().keepsSince()).toBe(baseTimeMs - 7 * 24 * hourMs + hourMs);
    await migrate({ engine, logger: silentLogger, options: keepAll });
  });

  it('keeps what each table is told to, and changes it when that changes', async () => {
    const days = {
      rawTtlDays: 1,
      minuteTtlDays: 2,
      hourTtlDays: 3,
      dayTtlDays: 4,
      denialsTtlDays: 5,
      ingestBlocksTtlDays: 6,
      blocksTtlDays: 7,
      policiesTtlDays: 8,
    };
    await migrate({ engine, logger: silentLogger, options: { ...keepAll, ...days } });
    const kept = await selectRows<{ name: string; days: string }>(
      engine.reader,
      `SELECT name, extract(engine_full, 'TTL .*?toIntervalDay\\\\((\\\\d+)\\\\)') AS days FROM system.tables
       WHERE database = currentDatabase() AND days != '' ORDER BY name`,
    );
    expect(Object.fromEntries(kept.map((row) => [row.name, Number(row.days)]))).toEqual({
      blocks: 7,
      decisions_per_day: 4,
      decisions_per_hour: 3,
      decisions_per_hour_by_dimension: 3,
      decisions_per_minute: 2,
      decisions_raw: 1,
      denials_by_client_per_minute: 5,
      ingest_blocks: 6,
      policies: 8,
    });
    await migrate({ engine, logger: silentLogger, options: keepAll });
  });

  it('writes one line of the ledger for a block, the last one that was said', async () => {
    const line = {
      topic: 'tidegate.decisions',
      topicId: 'id',
      partition: 3,
      startOffset: 7,
      endOffset: 9,
      rows: 5,
      crc32: block.crc32,
      minTimeMs: baseTimeMs,
      maxTimeMs: baseTimeMs + 1,
      emitters: [{ emitter: 'gate', firstSeq: 1, lastSeq: 5, rows: 5, missingRows: 0, total: 17, ended: true }],
      doubledRows: 0,
      deadLetters: 0,
      lostRecords: 0,
      settled: false,
    };
    await table().keepAccount(line);
    await table().keepAccount({ ...line, settled: true });
    await table().keepAccount({
      ...line,
      startOffset: 9,
      endOffset: 12,
      rows: 0,
      emitters: [],
      minTimeMs: 0,
      maxTimeMs: 0,
    });
    const kept = await selectRows<Record<string, unknown>>(
      engine.reader,
      `SELECT start_offset, end_offset, rows, settled, toUnixTimestamp64Milli(min_time) AS min_ms, emitters
       FROM ingest_blocks FINAL ORDER BY start_offset`,
    );
    expect(
      kept.map((row) => ({ ...row, emitters: JSON.stringify(row.emitters).replaceAll(/"(\d+)"/g, '$1') })),
    ).toEqual([
      {
        start_offset: 7,
        end_offset: 9,
        rows: 5,
        settled: 1,
        min_ms: baseTimeMs,
        emitters: '[{"emitter":"gate","first_seq":1,"last_seq":5,"rows":5,"missing_rows":0,"total":17,"ended":1}]',
      },
      { start_offset: 9, end_offset: 12, rows: 0, settled: 0, min_ms: 0, emitters: '[]' },
    ]);
  });

  it('has a comment on every table and column, and a unit in that of every number and time', async () => {
    const columns = await selectRows<{ table: string; name: string; type: string; comment: string }>(
      engine.reader,
      `SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase()
         AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'MaterializedView')`,
    );
    expect(new Set(columns.map((column) => column.table)).size).toBeGreaterThanOrEqual(12);
    const named = (found: typeof columns): string[] => found.map((column) => `${column.table}.${column.name}`);
    expect(named(columns.filter(({ comment }) => comment === ''))).toEqual([]);
    const numbers = columns.filter(({ type }) => /Int|Float|Date/.test(type));
    const unit = /count|number|seconds UTC|microseconds|units|share|0 to 1|0 or 1|multiples/;
    expect(named(numbers.filter(({ comment }) => !unit.test(comment)))).toEqual([]);
    const tables = await selectRows<{ name: string }>(
      engine.reader,
      `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND comment = ''`,
    );
    expect(tables).toEqual([]);
  });
});
