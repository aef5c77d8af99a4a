import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openHttpEngine } from '../../src/clickhouse/client.ts';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { migrate, readMigrations } from '../../src/clickhouse/migrate.ts';
import { withMigrationLock } from '../../src/clickhouse/migration-lock.ts';
import { renderTemplate, splitStatements } from '../../src/clickhouse/sql-text.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { compiledScript } from '../services/compiled.ts';
import { type ClickHouseHttp, startClickHouseHttp } from '../support/clickhouse-http.ts';
import { describeWith } from '../support/engines.ts';

const options = { dedupWindow: 100 };
const child = compiledScript('test/support/migrate-child.ts');

/** Runs until it has applied so many files, then SIGKILL. */
const killedAfter = (folder: string, files: number): Promise<number> =>
  new Promise((resolve) => {
    const runner = spawn(process.execPath, [child, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
    let applied = 0;
    runner.stdout.on('data', (chunk: Buffer) => {
      applied += chunk.toString().split('\n').length - 1;
      if (applied >= files) runner.kill('SIGKILL');
    });
    runner.on('exit', () => resolve(applied));
  });

/** Waits as long as it is told, without doing so. */
const hasty = (): Clock & { sleptMs: number } => ({
  ...systemClock,
  sleptMs: 0,
  async sleep(delayMs) {
    this.sleptMs += delayMs;
    await new Promise((resolve) => setImmediate(resolve));
  },
});

describeWith('chdb', 'runs of the migrations', (url) => {
  const folder = url.slice('chdb:'.length);
  let front: ClickHouseHttp;
  let engine: ClickHouseEngine;
  let other: ClickHouseEngine;
  let killed: number;

  const ledger = async (): Promise<number[]> => {
    const rows = await selectRows<{ version: number; lines: number }>(
      engine.reader,
      'SELECT version, count() AS lines FROM schema_migrations GROUP BY version ORDER BY version',
    );
    expect(rows.filter(({ lines }) => Number(lines) !== 1)).toEqual([]);
    return rows.map(({ version }) => Number(version));
  };
  const locks = (): Promise<object[]> =>
    selectRows(engine.reader, "SELECT name FROM system.tables WHERE startsWith(name, 'schema_lock') ORDER BY name");
  const lockOf = (run: string, untilMs: number): Promise<void> =>
    execute(
      engine.writer,
      `CREATE TABLE schema_lock (owner String) ENGINE = Memory COMMENT '${JSON.stringify({ process: 'elsewhere:1', run, untilMs })}'`,
    );
  const forgetLocks = async (): Promise<void> => {
    for (const { name } of (await locks()) as { name: string }[]) await execute(engine.writer, `DROP TABLE ${name}`);
  };

  beforeAll(async () => {
    killed = await killedAfter(folder, 3);
    front = await startClickHouseHttp({ folder, password: 'x' });
    engine = await openHttpEngine({ url: front.url });
    other = await openHttpEngine({ url: front.url });
  }, 60_000);
  afterAll(async () => {
    await engine.close();
    await other.close();
    await front.close();
  });

  it('leave a lock and some tables behind when they are killed, and a ledger that says which', async () => {
    expect(killed).toBeGreaterThanOrEqual(3);
    expect(await locks()).toEqual([{ name: 'schema_lock' }]);
    expect((await ledger()).length).toBeGreaterThanOrEqual(3);
    expect((await ledger()).length).toBeLessThan((await readMigrations()).length);
  });

  it('wait for the lease of the killed one, and say who holds it when that takes too long', async () => {
    const clock = hasty();
    const running = migrate({ engine, logger: silentLogger, options, clock });
    await expect(running).rejects.toMatchObject({ code: 'TABLE_FAILED', retryable: true });
    await expect(running).rejects.toThrow(/ is migrating this database/);
    expect(clock.sleptMs).toBeGreaterThanOrEqual(120_000);
  });

  it('go on where a killed one stopped, two at once, each file applied by one of them', async () => {
    await forgetLocks();
    await lockOf('long-dead', 1);
    const before = await ledger();
    const runs = await Promise.all(
      [engine, other].map((one) => migrate({ engine: one, logger: silentLogger, options, clock: hasty() })),
    );
    const versions = (await readMigrations()).map(({ version }) => version);
    expect(runs.flat().sort()).toEqual((await readMigrations()).slice(before.length).map(({ name }) => name));
    expect(runs.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await ledger()).toEqual(versions);
    expect((await locks()).map((row) => Object.values(row)[0])).not.toContain('schema_lock');
  });

  it('take a dead one’s lock over one at a time, however many find it', async () => {
    await forgetLocks();
    await lockOf('dead', 1);
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await selectRows(engine.reader, 'SELECT sleep(0.05)');
      inside -= 1;
    };
    const clock = hasty();
    const sleep = clock.sleep.bind(clock);
    clock.sleep = () => sleep(1).then(() => new Promise((resolve) => setTimeout(resolve, 5)));
    await Promise.all([engine, other, engine, other].map((one) => withMigrationLock({ engine: one, clock }, work)));
    expect(most).toBe(1);
    expect(await locks()).toEqual([{ name: 'schema_lock_dead' }]);
  });

  it('stop when their lock was taken over, and leave the other’s alone', async () => {
    await forgetLocks();
    const working = withMigrationLock({ engine }, async (stillMine) => {
      await stillMine();
      await execute(engine.writer, 'DROP TABLE schema_lock');
      await lockOf('another', 4_000_000_000_000);
      await stillMine();
    });
    await expect(working).rejects.toThrow(/was taken over; run it again/);
    expect(await locks()).toEqual([{ name: 'schema_lock' }]);
    await forgetLocks();
  });

  it('do not wait for the dead where no other process can reach the data', async () => {
    await lockOf('dead', 4_000_000_000_000);
    await withMigrationLock({ engine: { ...engine, soleProcess: true } }, () => Promise.resolve());
    await forgetLocks();
  });

  it('refuse a table under the lock’s name that is none', async () => {
    await execute(engine.writer, 'CREATE TABLE schema_lock (owner String) ENGINE = Memory');
    await expect(migrate({ engine, logger: silentLogger, options })).rejects.toMatchObject({ code: 'ENGINE_UNFIT' });
    await forgetLocks();
  });

  it('write statements for a cluster that ClickHouse can parse', async () => {
    const statements = (await readMigrations()).flatMap(({ text }) =>
      splitStatements(renderTemplate(text, { ...options, cluster: '{cluster}', rawTtlDays: 30 })),
    );
    for (const statement of statements) {
      expect(statement).toContain(" ON CLUSTER '{cluster}'");
      expect(statement).not.toContain('non_replicated');
      await execute(engine.reader, `EXPLAIN AST ${statement}`);
    }
    await expect(execute(engine.reader, 'EXPLAIN AST CREATE TABLE ON CLUSTER')).rejects.toThrow(/[Ss]yntax/);
  });
});
