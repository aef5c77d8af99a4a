import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../support/engines.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

let up: TidegateProcess | null = null;

afterEach(async () => {
  up?.signal('SIGKILL');
  await up?.ended();
});

describeWith('chdb', 'tidegate up with a port for readers', (folder) => {
  it('shows what it has decided in SQL, names the port to whoever finds the folder locked, and stops cleanly', async () => {
    const flags = ['up', '--port', '0', '--clickhouse-port', '0', '--clickhouse-url', folder];
    up = new TidegateProcess(flags, { TIDEGATE_CLICKHOUSE_PASSWORD: 'spring-tide' });
    const url = await up.url();
    const decided = await fetch(`${url}/v1/limiter/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'user-1', limit: 5, window: 60 }),
    });
    expect(decided.status).toBe(200);

    const locked = await runTidegate(['migrate', '--clickhouse-url', folder]);
    expect(locked.stderr).toContain(`Ask ${url} (in SQL http://127.0.0.1:`);
    const readers = /in SQL (http:\/\/[\d.]+:\d+)/.exec(locked.stderr)?.[1] ?? '';

    const ask = async (sql: string, key = 'spring-tide') =>
      (await fetch(readers, { method: 'POST', body: sql, headers: { 'x-clickhouse-key': key } })).text();
    await expect.poll(() => ask('SELECT sum(count) FROM decisions_raw'), { timeout: 10_000 }).toBe('1\n');
    expect(await ask('SELECT sum(decisions) FROM decisions_per_minute')).toBe('1\n');
    expect(await ask('SELECT 1', 'neap-tide')).toContain('Code: 516');
    expect(await ask('TRUNCATE TABLE decisions_raw')).toContain('READONLY');

    up.signal('SIGTERM');
    const { exitCode, stderr } = await up.ended();
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('everything is stored')]);
    expect(stderr).not.toContain('spring-tide');
  }, 60_000);
});
