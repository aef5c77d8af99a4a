import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { Pseudonyms } from '../../src/ingest/pseudonyms.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';
import { TidegateProcess } from '../support/tidegate-process.ts';

const secret = Buffer.alloc(32, 5);

describeWith('chdb', 'tidegate client', (url) => {
  let folder: string;
  let keys: string;

  const client = (...args: string[]) =>
    new TidegateProcess(['client', ...args, '--clickhouse-url', url, '--pseudonym-keys-file', keys]).ended();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-client-'));
    mkdirSync(url.slice('chdb:'.length), { recursive: true });
    keys = join(folder, 'keys.yaml');
    writeFileSync(keys, `keys: [{id: k1, secret: ${secret.toString('base64')}}]`);
    chmodSync(keys, 0o600);
    const pseudonyms = new Pseudonyms({ keys: [{ id: 'k1', secret }] });
    const options = { url, clock: systemClock, logger: silentLogger };
    const database = await openDatabase({ ...options, pseudonyms });
    await database.migrate();
    const facts = { clientKind: 'user', outcome: 'denied', timeMs: systemClock.nowMs() } as const;
    const frame = new FrameSource().frame({ ...facts, client: 'anna' }, { ...facts, client: 'bert' });
    await database.table.insert(blockOf([frame]).runs, 't');
    expect(
      (await database.reader.topDeniedClients({ fromMs: 0, toMs: systemClock.nowMs() + 1000 }))
        .map((one) => one.client)
        .sort(),
    ).toEqual([pseudonyms.of('user', 'anna'), pseudonyms.of('user', 'bert')].sort());
    await database.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('export: prints the rows of one client, found by its id, and a summary beside them', async () => {
    const { exitCode, stdout, stderr } = await client('export', 'user:anna');
    const rows = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { table: string });
    expect(rows.map(({ table }) => table)).toEqual(['decisions_raw', 'denials_by_client_per_minute']);
    expect(stderr).toContain('decisions_raw: 1 rows');
    expect(stderr).toContain('block list: not asked');
    expect(exitCode).toBe(0);
  }, 60_000);

  it('erase: changes nothing without --yes, and says what it would', async () => {
    const previewed = await client('erase', 'user:anna', '--dry-run', '--json');
    expect(previewed.exitCode).toBe(0);
    expect(JSON.parse(previewed.stdout)).toMatchObject({
      erased: false,
      found: { decisions_raw: 1, denials_by_client_per_minute: 1, blocks: 0 },
    });
    const refused = await client('erase', 'user:anna');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('--yes is missing');
  }, 60_000);

  it('erase: anonymises the rows of one client, says what it does not reach, and names nobody in its log', async () => {
    const { exitCode, stdout, stderr } = await client('erase', 'user:anna', '--yes');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('decisions_raw: 1 rows anonymised');
    expect(stdout).toMatch(/Not reached:[\s\S]*Kafka[\s\S]*Redis[\s\S]*backups/);
    expect(stdout + stderr).not.toContain('anna');
    expect(stderr).toContain('a client was erased');
    expect((await client('export', 'user:anna')).stdout).toBe('');
    expect((await client('export', 'user:bert')).stdout.split('\n')).toHaveLength(3);
  }, 60_000);

  it('says when nothing is found, and that pseudonyms are not looked for without their keys', async () => {
    expect((await client('erase', 'user:nobody', '--dry-run')).stdout).toMatch(
      /no row .* holds this client\npseudonyms: looked/,
    );
    const keyless = await new TidegateProcess([
      'client',
      'erase',
      'user:bert',
      '--dry-run',
      '--clickhouse-url',
      url,
    ]).ended();
    expect(keyless.stdout).toContain('pseudonyms: not looked for');
  }, 60_000);

  it('sends to tidegate migrate where there are no tables', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    const { exitCode, stderr } = await new TidegateProcess(['reconcile', '--clickhouse-url', `chdb:${empty}`]).ended();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not ready: run tidegate migrate');
  }, 60_000);

  it('makes no data where there is none', async () => {
    const nowhere = join(folder, 'nowhere');
    for (const args of [['client', 'export', 'user:anna'], ['reconcile']]) {
      const { exitCode, stderr } = await new TidegateProcess([...args, '--clickhouse-url', `chdb:${nowhere}`]).ended();
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${nowhere} does not exist`);
      expect(existsSync(nowhere)).toBe(false);
    }
  }, 60_000);

  it.each([
    [['erase', 'anna', '--yes'], 'INPUT_INVALID', /key:<id>, user:<id> or ip:<address>/],
    [['export', 'ip:not-an-address'], 'INPUT_INVALID', /an address, or by a network/],
    [['erase', 'user:~other', '--yes'], 'INPUT_INVALID', /is no client/],
  ])(
    '%j is refused',
    async (args, code, message) => {
      const { exitCode, stderr } = await client(...args);
      expect(exitCode).toBe(2);
      expect(stderr).toContain(code);
      expect(stderr).toMatch(message);
    },
    30_000,
  );

  it('says what to do while another process holds the folder', async () => {
    const database = await openDatabase({ url, clock: systemClock, logger: silentLogger });
    const { exitCode, stderr } = await client('erase', 'user:bert', '--yes');
    await database.close();
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/is held by process \d+\. Stop that process, run this command, and start it again/);
  }, 30_000);
});
