import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkEngine } from '../../src/clickhouse/check.ts';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate, readMigrations } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';

const keepAll = { rawTtlDays: 0, minuteTtlDays: 0, dedupWindow: 1000 };
const dayMs = 86_400_000;

describeWith('chdb', 'a chDB folder', (url) => {
  const folder = url.slice('chdb:'.length);
  let engine: ClickHouseEngine;
  const logger = silentLogger;
  const minutes = (): Promise<object[]> =>
    selectRows(
      engine.reader,
      `SELECT minute, tenant, route, region, policy, outcome, partition, sum(decisions) AS decisions, sum(events) AS events,
         sum(early) AS early, sum(degraded) AS degraded, sum(shadow_denied) AS shadow_denied, sum(cost) AS cost,
         sumMap(latency_us) AS latency_us
       FROM decisions_per_minute GROUP BY ALL HAVING events != 0 ORDER BY ALL`,
    );
  const definition = async (): Promise<string> => {
    const sql = "SELECT engine_full FROM system.tables WHERE name = 'decisions_raw' AND database = currentDatabase()";
    return (await selectRows<{ engine_full: string }>(engine.reader, sql))[0]?.engine_full ?? '';
  };
  const facts = [
    { count: 3, early: 1, cost: 2, latencyUs: 64 },
    { outcome: 'denied' as const, degraded: 'timeout' as const, shadowDenied: ['p2'], timeMs: baseTimeMs + 61_000 },
    { count: 2, early: null, latencyUs: 128, timeMs: baseTimeMs + 40 * dayMs },
  ];

  beforeAll(async () => {
    engine = await openChdb({ folder });
  });
  afterAll(() => engine.close());

  it('is migrated once: a second run applies nothing and changes nothing', async () => {
    expect(await migrate({ engine, logger, options: keepAll })).toHaveLength((await readMigrations()).length);
    const before = await definition();
    expect(await migrate({ engine, logger, options: keepAll })).toEqual([]);
    expect(await definition()).toBe(before);
  });

  it('refuses a migration whose file has changed, before it changes anything', async () => {
    const migrations = (await readMigrations()).map((one, index) => (index === 1 ? { ...one, checksum: 'x' } : one));
    await expect(migrate({ engine, logger, options: keepAll, migrations })).rejects.toMatchObject({
      code: 'ENGINE_UNFIT',
    });
  });

  it('refuses to be used by an older release, and names the version', async () => {
    const migrations = (await readMigrations()).slice(0, 2);
    await expect(migrate({ engine, logger, options: keepAll, migrations })).rejects.toThrow(/knows 2 and older/);
  });

  it('keeps what a candidate came to and whether spends were taken back, beside a source of any name', async () => {
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs });
    const partition = 77;
    const event = { candidateOutcome: 'denied', compensated: 1, source: 'overflow' } as const;
    await table.insert(blockOf([new FrameSource({ partition }).frame(event, {})]).runs, 'candidates');
    const sql = `SELECT candidate_outcome, compensated, source FROM decisions_raw WHERE partition = ${partition} ORDER BY seq`;
    expect(await selectRows(engine.reader, sql)).toEqual([
      { candidate_outcome: 'denied', compensated: 1, source: 'overflow' },
      { candidate_outcome: '', compensated: 0, source: 'store' },
    ]);
    await execute(
      engine.writer,
      `ALTER TABLE decisions_raw DELETE WHERE partition = ${partition} SETTINGS mutations_sync = 2`,
    );
    await execute(
      engine.writer,
      `ALTER TABLE decisions_per_minute DELETE WHERE partition = ${partition} SETTINGS mutations_sync = 2`,
    );
  });

  it('changes how long rows are kept when the options change', async () => {
    await migrate({ engine, logger, options: { ...keepAll, rawTtlDays: 30 } });
    expect(await definition()).toContain('TTL toDateTime(time) + toIntervalDay(30)');
    await migrate({ engine, logger, options: { ...keepAll, rawTtlDays: 7 } });
    expect(await definition()).toContain('toIntervalDay(7)');
    await migrate({ engine, logger, options: keepAll });
    expect(await definition()).not.toContain('TTL');
  });

  it('finds a view of the user’s own unfit that would count a block twice, and leaves other tables alone', async () => {
    await execute(engine.writer, 'CREATE TABLE mine (n UInt64) ENGINE = MergeTree ORDER BY n');
    expect((await checkEngine(engine)).filter(({ ok }) => !ok)).toEqual([]);
    await execute(engine.writer, 'CREATE MATERIALIZED VIEW mine_mv TO mine AS SELECT count AS n FROM decisions_raw');
    const unfit = (await checkEngine(engine)).filter(({ ok }) => !ok);
    expect(unfit).toMatchObject([{ subject: 'dedup window of mine' }]);
    expect(unfit[0]?.message).toContain('ALTER TABLE mine MODIFY SETTING non_replicated_deduplication_window');
    const subjects = (await checkEngine(engine)).map(({ subject }) => subject);
    expect(subjects).toContain('dedup window of decisions_per_minute');
    await execute(engine.writer, 'DROP VIEW mine_mv');
  });

  it('gives the minutes back what they lost, to the last measure, as often as they lose it', async () => {
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs });
    const block = blockOf([new FrameSource({ emitter: 'repair' }).frame(...facts)]);
    await table.insert(block.runs, 'repair');
    const before = await minutes();
    expect(before).toHaveLength(3);
    for (let round = 0; round < 3; round += 1) {
      await execute(engine.writer, 'ALTER TABLE decisions_per_minute DELETE WHERE 1 SETTINGS mutations_sync = 2');
      await table.repair(block);
      expect(await minutes()).toEqual(before);
    }
  });

  it('takes from the minutes what they have too much', async () => {
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs });
    const before = await minutes();
    await execute(
      engine.writer,
      'INSERT INTO decisions_per_minute SETTINGS insert_deduplicate = 0 SELECT * FROM decisions_per_minute',
    );
    await table.repair(blockOf([new FrameSource({ emitter: 'repair' }).frame(...facts)]));
    expect(await minutes()).toEqual(before);
  });

  it('does not repair minutes whose rows may be gone: they are all that remains', async () => {
    await migrate({ engine, logger, options: { ...keepAll, rawTtlDays: 30 } });
    const table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs + 400 * dayMs });
    const before = await minutes();
    await execute(engine.writer, 'TRUNCATE TABLE decisions_raw');
    await table.repair(blockOf([new FrameSource({ emitter: 'repair' }).frame(...facts)]));
    expect(await minutes()).toEqual(before);
  });

  it('cannot be written through the reading side, whatever the SQL', async () => {
    await expect(execute(engine.reader, 'TRUNCATE TABLE decisions_per_minute')).rejects.toMatchObject({
      code: 'TABLE_FAILED',
    });
    await expect(execute(engine.reader, 'SET readonly = 0')).rejects.toMatchObject({ code: 'TABLE_FAILED' });
  });

  it('is refused to a second process, which is told where to ask', async () => {
    engine.announce('http://127.0.0.1:7070');
    const opener = fileURLToPath(new URL('../support/open-chdb.ts', import.meta.url));
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', opener, folder], (_, stdout, stderr) => resolve(stdout + stderr));
    });
    expect(output).toContain('DATA_LOCKED');
    expect(output).toContain(`Ask http://127.0.0.1:7070 instead, or stop process ${process.pid}`);
  });

  it('is the only one that this process opens', async () => {
    await expect(openChdb({ folder: `${folder}-other` })).rejects.toMatchObject({ code: 'DATA_LOCKED' });
  });
});
