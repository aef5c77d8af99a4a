import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../support/engines.ts';
import { type ReadersFront, startReadersFront } from '../support/readers-front.ts';

const password = 'ebb-and-flow';
const curl = async (...args: string[]): Promise<string> => (await promisify(execFile)('curl', ['-sS', ...args])).stdout;

describeWith('chdb', 'the embedded database over HTTP', (chdb) => {
  let front: ReadersFront;
  const clients: ClickHouseClient[] = [];

  beforeAll(async () => {
    const limits = { maxSeconds: 5, maxWholeRows: 300_000, maxWholeBytes: 20e6 };
    front = await startReadersFront(chdb, { password, limits, queries: { running: 2, waiting: 3, waitMs: 4000 } });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  afterAll(() => front.close());

  const open = (options: ClickHouseClientConfigOptions = {}): ClickHouseClient => {
    const client = createClient({ url: front.url, password, log: { level: ClickHouseLogLevel.OFF }, ...options });
    clients.push(client);
    return client;
  };

  const post = (body: string | Buffer, path = '/', headers: Record<string, string> = {}): Promise<Response> =>
    fetch(front.url + path, { method: 'POST', body, headers: { 'x-clickhouse-key': password, ...headers } });

  describe('to @clickhouse/client', () => {
    it('answers both kinds of ping', async () => {
      expect(await open().ping()).toEqual({ success: true });
      expect(await open().ping({ select: true })).toEqual({ success: true });
    });

    it.each([false, true])('gives rows as JSON and row by row, with compression %s', async (response) => {
      const client = open({ compression: { response } });
      const whole = await client.query({ query: 'SELECT * FROM notes ORDER BY id', format: 'JSON' });
      expect(await whole.json()).toMatchObject({ rows: 3, data: [{ id: 1, text: 'note 1' }, {}, { text: 'note 3' }] });
      const lines = await client.query({ query: 'SELECT id FROM notes ORDER BY id', format: 'JSONEachRow' });
      expect(await lines.json()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
      const text = await client.query({ query: 'SELECT text FROM notes ORDER BY id', format: 'CSVWithNames' });
      expect(await text.text()).toBe('"text"\n"note 1"\n"note 2"\n"note 3"\n');
    });

    it.each([false, true])('streams more rows than it would make as a whole, with compression %s', async (response) => {
      const client = open({ compression: { response } });
      const result = await client.query({ query: 'SELECT number AS n FROM numbers(700000)', format: 'JSONEachRow' });
      let sum = 0;
      let count = 0;
      for await (const rows of result.stream<{ n: string | number }>()) {
        for (const row of rows) {
          sum += Number(row.json().n);
          count += 1;
        }
      }
      expect([count, sum]).toEqual([700_000, (700_000 * 699_999) / 2]);
    });

    it('binds parameters of many types', async () => {
      const params = {
        int: -5,
        big: 9_007_199_254_740_993n,
        float: 1.5,
        bool: true,
        text: "it's \\ a \t 'quoted'\nline; -- {x:UInt8} /*",
        none: null,
        date: new Date('2026-01-02T03:04:05Z'),
        list: ['a', "b'c", 'd\\'],
        nested: [[1, 2], [3]],
        map: { k: 'v' },
        table: 'notes',
      };
      const query = `SELECT {int:Int32} AS int, toString({big:UInt64}) AS big, {float:Float64} AS float, {bool:Bool} AS bool,
        {text:String} AS text, {none:Nullable(String)} AS none, toString({date:DateTime('UTC')}) AS date,
        {list:Array(String)} AS list, {nested:Array(Array(UInt8))} AS nested, {map:Map(String, String)} AS map,
        (SELECT count() FROM {table:Identifier}) AS rows`;
      const result = await open().query({ query, query_params: params, format: 'JSONEachRow' });
      expect(await result.json()).toEqual([
        { ...params, big: '9007199254740993', date: '2026-01-02 03:04:05', table: undefined, rows: 3 },
      ]);
    });

    it('takes settings that say how results look, and says which it does not take', async () => {
      const query = { query: 'SELECT toUInt64(7) AS n', format: 'JSONEachRow' } as const;
      const quoted = open({ clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } });
      expect(await (await quoted.query(query)).json()).toEqual([{ n: '7' }]);
      const limited = open({ clickhouse_settings: { max_execution_time: 2, wait_end_of_query: 1 } });
      expect(await (await limited.query(query)).json()).toEqual([{ n: 7 }]);
      const refused = open({ clickhouse_settings: { allow_ddl: 1 } }).query(query);
      await expect(refused).rejects.toMatchObject({ code: '164', type: 'READONLY' });
      await expect(open({ session_id: 'mine' }).query(query)).rejects.toMatchObject({ code: '48' });
      await expect(open({ database: 'other' }).query(query)).rejects.toMatchObject({ code: '81' });
    });

    it('refuses inserts and commands with the codes of ClickHouse', async () => {
      const client = open();
      const insert = client.insert({ table: 'notes', values: [{ id: 9 }], format: 'JSONEachRow' });
      await expect(insert).rejects.toMatchObject({ code: '164', type: 'READONLY' });
      await expect(client.command({ query: 'DROP TABLE notes' })).rejects.toBeInstanceOf(ClickHouseError);
      await expect(client.query({ query: 'SELECT * FROM missing' })).rejects.toMatchObject({
        code: '60',
        type: 'UNKNOWN_TABLE',
      });
      await expect(client.query({ query: 'SELECT {x:UInt8}' })).rejects.toMatchObject({ code: '456' });
      await expect(open({ password: 'wrong' }).query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
      await expect(open({ username: 'root' }).query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
    });

    it.each([false, true])('tells a failure in the middle of a result, with compression %s', async (response) => {
      const query = 'SELECT throwIf(number = 500000) AS n FROM numbers(1000000)';
      const result = await open({ compression: { response } }).query({ query, format: 'JSONEachRow' });
      const read = async () => {
        for await (const rows of result.stream()) if (rows.length === 0) break;
      };
      await expect(read()).rejects.toThrow(/throwIf/);
    });

    it('gives back the id of a query', async () => {
      const result = await open().query({ query: 'SELECT 1', query_id: 'my-query-1', format: 'JSONEachRow' });
      await result.text();
      expect(result.query_id).toBe('my-query-1');
      expect(result.response_headers).toMatchObject({
        'x-clickhouse-query-id': 'my-query-1',
        'x-clickhouse-format': 'JSONEachRow',
      });
    });
  });

  describe('to curl', () => {
    it('takes the query from the URL, from the body, and begun in one and ended in the other', async () => {
      const auth = `default:${password}`;
      expect(await curl(`${front.url}/?query=SELECT%201&user=default&password=${password}`)).toBe('1\n');
      expect(await curl('-u', auth, front.url, '--data-binary', 'SELECT 2 -- a comment')).toBe('2\n');
      expect(await curl('-u', auth, `${front.url}/?query=SELECT`, '-d', '3')).toBe('3\n');
      expect(await curl('-u', auth, '-F', 'query=SELECT {n:UInt8} + 1', '-F', 'param_n=3', front.url)).toBe('4\n');
      expect(await curl('-u', auth, '-H', 'X-ClickHouse-Format: JSONEachRow', front.url, '-d', 'SELECT 5 AS n')).toBe(
        '{"n":5}\n',
      );
      expect(await curl('-u', auth, `${front.url}/?default_format=CSV`, '-d', "SELECT 'a', 'b'")).toBe('"a","b"\n');
      expect(await curl(`${front.url}/`)).toContain('Code: 516. DB::Exception');
      expect(await curl(`${front.url}/ping`)).toBe('Ok.\n');
      expect(await curl(`${front.url}/replicas_status`)).toBe('Ok.\n');
      expect(await curl('-u', auth, front.url)).toBe('Ok.\n');
    });

    it('breaks an answer off that cannot be ended, so that nobody takes a half for the whole', async () => {
      const query = 'SELECT throwIf(number = 500000) FROM numbers(1000000)';
      const broken = curl('-u', `default:${password}`, front.url, '-d', query);
      await expect(broken).rejects.toMatchObject({ stdout: expect.stringContaining('__exception__') });
      const waited = await curl('-u', `default:${password}`, `${front.url}/?wait_end_of_query=1`, '-d', query);
      expect(waited).toMatch(/^Code: 395\. DB::Exception/);
    });
  });

  describe('on the wire', () => {
    it('says of an answer what ClickHouse says', async () => {
      const response = await post('SELECT 1 AS n FORMAT JSON', '/?query_id=q-1');
      const headers = Object.fromEntries(response.headers);
      expect(headers).toMatchObject({
        'content-type': 'application/json; charset=UTF-8',
        'x-clickhouse-format': 'JSON',
        'x-clickhouse-query-id': 'q-1',
        'x-clickhouse-timezone': expect.any(String),
        'x-clickhouse-server-display-name': expect.any(String),
      });
      expect(JSON.parse(headers['x-clickhouse-summary'] ?? '')).toMatchObject({ result_rows: '1' });
    });

    it.each([
      { sql: 'SELEC 1', status: 400, code: 62 },
      { sql: '', status: 400, code: 62 },
      { sql: 'SELECT 1; SELECT 2', status: 400, code: 62 },
      { sql: 'SELECT nope', status: 404, code: 47 },
      { sql: 'SELECT * FROM missing', status: 404, code: 60 },
      { sql: 'SELECT 1 FORMAT Nope', status: 404, code: 73 },
      { sql: 'DROP TABLE notes', status: 403, code: 164 },
      { sql: 'SELECT sum(sipHash64(number)) FROM numbers(1000000000000)', status: 408, code: 159 },
      { sql: 'SELECT number FROM numbers(400000) FORMAT JSON', status: 500, code: 396 },
      { sql: `SELECT '${'x'.repeat(1_100_000)}'`, status: 413, code: 229 },
    ])(
      'answers $sql with status $status and code $code',
      async ({ sql, status, code }) => {
        const response = await post(sql);
        expect([response.status, Number(response.headers.get('x-clickhouse-exception-code'))]).toEqual([status, code]);
        expect(await response.text()).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: `));
      },
      20_000,
    );

    it('packs and unpacks what both sides understand', async () => {
      const gzipped = { 'content-encoding': 'gzip' };
      expect(await (await post(gzipSync('SELECT 7'), '/', gzipped)).text()).toBe('7\n');
      expect((await post(gzipSync(' '.repeat(2e6)), '/', gzipped)).status).toBe(413);
      expect((await post('no gzip', '/', gzipped)).headers.get('x-clickhouse-exception-code')).toBe('271');
      expect((await post('x', '/', { 'content-encoding': 'lzma' })).headers.get('x-clickhouse-exception-code')).toBe(
        '89',
      );
      const packed = await curl(
        '-u',
        `default:${password}`,
        '-H',
        'Accept-Encoding: gzip',
        `${front.url}/?enable_http_compression=1`,
        '-d',
        'SELECT base64Encode(toString(8))',
        '-o',
        '-',
        '--compressed',
      );
      expect(packed).toBe('OA==\n');
      expect((await post('SELECT 1', '/', { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBeNull();
      expect((await post('SELECT 1', '/?compress=1')).status).toBe(501);
    });

    it('gives everybody the values of their own parameters, beside others and beside the process itself', async () => {
      const query = 'SELECT {x:String} AS x, sum(sipHash64(number)) > 0 AS y FROM numbers(20000) FORMAT JSONEachRow';
      const reader = async (name: string) => {
        for (let index = 0; index < 40; index++) {
          const x = `${name}-${index}`;
          const response = await post(query, `/?param_x=${x}`);
          expect(await response.text()).toBe(`{"x":"${x}","y":1}\n`);
        }
      };
      const itself = async () => {
        for (let index = 0; index < 40; index++) {
          const x = `own-${index}`;
          const result = await front.writer.query({
            query: 'SELECT {x:String} AS x',
            query_params: { x },
            format: 'JSONEachRow',
          });
          expect(await result.json()).toEqual([{ x }]);
        }
      };
      await Promise.all([reader('a'), reader('b'), reader('c'), itself()]);
    }, 30_000);

    /** A query that is under way until its client leaves. */
    const holdOne = async () => {
      const left = new AbortController();
      const response = await fetch(front.url, {
        method: 'POST',
        body: 'SELECT number FROM numbers(100000000000) FORMAT TSV',
        headers: { 'x-clickhouse-key': password },
        signal: left.signal,
      });
      await response.body?.getReader().read();
      return () => left.abort();
    };

    it('ends the query of a client that has left', async () => {
      const leave = await holdOne();
      expect(front.stats().running).toBe(1);
      leave();
      await expect.poll(() => front.stats().running, { timeout: 15_000 }).toBe(0);
    });

    it('refuses those that come when too many wait already, and serves the others in turn', async () => {
      const leaving = [await holdOne(), await holdOne()];
      const waiting = [post('SELECT 1'), post('SELECT 2'), post('SELECT 3')];
      await expect.poll(() => front.stats()).toMatchObject({ running: 2, waiting: 3 });
      const refused = await post('SELECT 4');
      expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([503, '202']);
      for (const leave of leaving) leave();
      const served = await Promise.all(waiting);
      expect(await Promise.all(served.map((response) => response.text()))).toEqual(['1\n', '2\n', '3\n']);
      await expect.poll(() => front.stats()).toMatchObject({ running: 0, waiting: 0 });
    });
  });
});
