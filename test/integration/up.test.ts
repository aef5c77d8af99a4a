import { afterEach, expect, it } from 'vitest';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { chdbUrl, describeWith } from '../support/engines.ts';
import { runTidegate, TidegateProcess } from '../support/tidegate-process.ts';

const token = '0123456789abcdef0123';
const running: TidegateProcess[] = [];

const startUp = (clickhouseUrl: string, env: Record<string, string> = {}): TidegateProcess => {
  const up = new TidegateProcess(['up', '--port', '0', '--clickhouse-url', clickhouseUrl], {
    TIDEGATE_API_TOKENS: `anna=${token}`,
    ...env,
  });
  running.push(up);
  return up;
};

afterEach(async () => {
  for (const up of running.splice(0)) {
    up.signal('SIGKILL');
    await up.ended();
  }
});

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });

const freshFolder = (): string => chdbUrl() ?? 'chdb:missing';

const storedDecisions = async (url: string) => {
  const database = await openDatabase({ url, clock: systemClock, logger: silentLogger });
  const totals = await database.reader.totals();
  await database.close();
  return totals;
};

describeWith('chdb', 'tidegate up', (folder) => {
  it('answers everything its OpenAPI document promises to be there, and is ready', async () => {
    const url = await startUp(freshFolder()).url();
    const document: unknown = await (await fetch(`${url}/openapi.json`)).json();
    expect(document).toMatchObject({ openapi: '3.1.0' });
    for (const path of ['/', '/livez', '/readyz', '/v1/status']) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
    for (const path of ['/v1/blocks', '/v1/throttle-rates?by=region', '/v1/explain?subject=203.0.113.9']) {
      expect((await fetch(url + path)).status, path).toBe(401);
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status, path).toBe(200);
    }
    const check = await post(`${url}/v1/limiter/check`, { key: 'user-1', limit: 1, window: 60 });
    expect(await check.json()).toEqual({ allowed: true, remaining: 0, reset_time: expect.any(Number) });
  });

  it('has stored every decision when it has ended after SIGTERM, also those of the last moment', async () => {
    const up = startUp(folder);
    const url = await up.url();
    const ask = (index: number) =>
      post(`${url}/v1/decisions`, {
        clients: [{ kind: 'ip', id: `203.0.113.${index % 20}` }],
        method: 'GET',
        path: `/orders/${index}`,
      });
    const answers = await Promise.all(Array.from({ length: 600 }, (_, index) => ask(index)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await post(`${url}/v1/limiter/check`, { key: 'last', limit: 1, window: 60 });
    up.signal('SIGTERM');
    const { exitCode, stderr } = await up.ended();
    expect(stderr).toContain('everything is stored');
    expect(exitCode).toBe(0);
    const totals = await storedDecisions(folder);
    expect(totals.decisions).toBe(601);
    expect(totals.denied).toBeGreaterThan(0);
  });

  it('refuses a folder that a running one holds and names where to ask', async () => {
    const held = freshFolder();
    const url = await startUp(held).url();
    const { exitCode, stderr } = await runTidegate(['migrate', '--clickhouse-url', held]);
    expect(exitCode).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(url);
  });

  it('shows its token to nobody, not even in a debug log', async () => {
    const up = startUp(freshFolder(), { TIDEGATE_LOG_LEVEL: 'debug' });
    await fetch(`${await up.url()}/v1/blocks`, { headers: { authorization: `Bearer ${token}` } });
    up.signal('SIGTERM');
    const { stdout, stderr } = await up.ended();
    expect(stdout + stderr).not.toContain(token);
  });
});
