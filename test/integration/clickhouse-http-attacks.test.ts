import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openReadEngine } from '../../src/embedded/clickhouse-http/read-engine.ts';
import { readerRole } from '../../src/embedded/reader-role.ts';
import { describeWith } from '../support/engines.ts';
import { attacksOn } from '../support/reader-attacks.ts';
import { type ReadersFront, startReadersFront } from '../support/readers-front.ts';

const secret = 'the tide turns at four';

describeWith('chdb', 'the embedded database, asked over HTTP by somebody who means harm', (chdb) => {
  let front: ReadersFront;
  let trap: Server;
  let visitors = 0;
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-attack-'));
  const secretFile = join(folder, 'secret.csv');
  const outFile = join(folder, 'out');
  const trapPort = 20_000 + (process.pid % 20_000);

  beforeAll(async () => {
    writeFileSync(secretFile, `${secret}\n`);
    trap = createServer((socket) => {
      visitors += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => trap.listen(trapPort, '127.0.0.1', resolve));
    front = await startReadersFront(chdb, { limits: { maxSeconds: 1, maxMemoryBytes: 200e6, maxWholeBytes: 5e6 } });
  });

  afterAll(async () => {
    await front.close();
    trap.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What there is, of everything that an attack might change. */
  const state = async (): Promise<unknown> => {
    const text = async (query: string) => (await front.writer.query({ query, format: 'JSONEachRow' })).json();
    return {
      rows: await text('SELECT id, text FROM notes ORDER BY id'),
      tables: await text("SELECT name, create_table_query FROM system.tables WHERE database = 'default' ORDER BY name"),
      databases: await text('SELECT name FROM system.databases ORDER BY name'),
      functions: await text("SELECT name FROM system.functions WHERE origin != 'System'"),
      files: readdirSync(folder),
      here: readdirSync('.').sort(),
    };
  };

  const attacks = attacksOn({ secretFile, outFile, trap: `127.0.0.1:${trapPort}` });

  /** As people and programs send it: in the body, in the URL, and begun there. */
  const send = (sql: string): Promise<Response>[] => {
    const split = sql.indexOf(' ');
    const begun = `${front.url}/?max_execution_time=0&query=${encodeURIComponent(sql.slice(0, split))}`;
    return [
      fetch(front.url, { method: 'POST', body: sql }),
      fetch(`${front.url}/?query=${encodeURIComponent(sql)}`),
      fetch(begun, { method: 'POST', body: sql.slice(split) }),
    ];
  };

  it.each(attacks)(
    'is not moved to %s',
    async (_, statements) => {
      const before = await state();
      for (const sql of statements) {
        for (const response of await Promise.all(send(sql))) {
          const body = await response.text().catch(() => 'broken off');
          // A result that has begun can only be broken off.
          if (response.status === 200)
            expect([sql, body.slice(-600)]).toEqual([sql, expect.stringMatching(/__exception__|^broken off$/)]);
          else
            expect([sql, response.headers.get('x-clickhouse-exception-code')]).toEqual([
              sql,
              expect.stringMatching(/^\d+$/),
            ]);
          expect(body).not.toContain(secret);
        }
      }
      expect(await state()).toEqual(before);
      expect(existsSync(outFile)).toBe(false);
      expect(visitors).toBe(0);
    },
    60_000,
  );

  it('is refused by the engine itself, were the look at the statement not there', async () => {
    const engine = await openReadEngine({ folder: chdb.slice('chdb:'.length), role: readerRole });
    const before = await state();
    const sources = [
      `SELECT * FROM file('${secretFile}', 'LineAsString')`,
      `DESCRIBE TABLE file('${secretFile}')`,
      `SELECT * FROM \`${secretFile}\``,
      `SELECT * FROM url('http://127.0.0.1:${trapPort}/', 'LineAsString')`,
      `DESCRIBE TABLE url('http://127.0.0.1:${trapPort}/')`,
      `SELECT * FROM remote('127.0.0.1:${trapPort}', system.one)`,
      `SELECT * FROM mysql('127.0.0.1:${trapPort}', 'd', 't', 'u', 'p')`,
      'SET readonly = 0',
      'SET max_memory_usage = 5',
      'SELECT 1 SETTINGS max_execution_time = 5',
      'SELECT demangle(addressToSymbol(1))',
      'SELECT * FROM system.users',
    ];
    const byEngine = attacks
      .filter(([what]) => what === 'write' || what === 'define something')
      .flatMap(([, all]) => all);
    expect(byEngine.length).toBeGreaterThan(20);
    for (const sql of [...byEngine, ...sources]) {
      const reading = await engine.open({ settings: new Map(), params: new Map() });
      const outcome = reading.whole(sql, 'TabSeparated').then(
        () => 'done',
        () => 'refused',
      );
      expect([sql, await outcome]).toEqual([sql, 'refused']);
      reading.close();
    }
    engine.close();
    expect(await state()).toEqual(before);
    expect(visitors).toBe(0);
  }, 30_000);

  it('cannot hold a query by not reading its answer', async () => {
    const socket = connect(Number(new URL(front.url).port), '127.0.0.1');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.pause();
    const query = encodeURIComponent('SELECT number FROM numbers(100000000000) FORMAT TSV');
    socket.write(`GET /?query=${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => front.stats().running).toBe(1);
    await expect.poll(() => front.stats().running, { timeout: 9000 }).toBe(0);
    socket.resume();
    await ended;
  }, 20_000);

  it('leaves nothing of one query to the next', async () => {
    const ask = async (path: string, body = '') => (await fetch(front.url + path, { method: 'POST', body })).text();
    expect(await ask('/?param_x=mine&max_result_rows=1', 'SELECT {x:String}')).toBe('mine\n');
    expect(await ask('/', 'SELECT {x:String}')).toContain('UNKNOWN_QUERY_PARAMETER');
    expect(await ask('/', 'SELECT id FROM notes ORDER BY id')).toBe('1\n2\n3\n');
    expect(await ask('/?max_result_rows=2', 'SELECT id FROM notes ORDER BY id')).toContain('Code: 396');
    expect(await ask('/?limit=2', 'SELECT id FROM notes ORDER BY id')).toBe('1\n2\n');
  });

  it('lets no client raise its limits', async () => {
    const raised = `${front.url}/?max_execution_time=600&max_memory_usage=0&max_result_bytes=0`;
    const started = performance.now();
    const response = await fetch(raised, {
      method: 'POST',
      body: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)',
    });
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([408, '159']);
    expect(performance.now() - started).toBeLessThan(10_000);
    for (const setting of [
      'max_query_size=1',
      'allow_introspection_functions=1',
      'format_schema=/etc/passwd',
      'file_like_engine_default_partition_strategy=x',
    ]) {
      const refused = await fetch(`${front.url}/?${setting}`, { method: 'POST', body: 'SELECT 1' });
      expect([setting, refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([
        setting,
        403,
        '164',
      ]);
    }
  }, 20_000);
});
