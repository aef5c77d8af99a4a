import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientRow, TableRows } from '../../src/analytics/client-data.ts';
import { ClickHouseClientData } from '../../src/clickhouse/client-data.ts';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { type Client, clientOf } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import type { EventTable } from '../../src/ingest/event-table.ts';
import { PseudonymousTable } from '../../src/ingest/pseudonymous-table.ts';
import { Pseudonyms } from '../../src/ingest/pseudonyms.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';
import { disagreements } from '../support/stored-sums.ts';

const dayMs = 86_400_000;
const minuteMs = 60_000;
const old = { id: 'old', secret: Buffer.alloc(32, 1) };
const current = { id: 'current', secret: Buffer.alloc(32, 2) };
const schema = { rawTtlDays: 30, denialsTtlDays: 90, dedupWindow: 1000 };
const anna = clientOf('user', 'anna\'s \\ "id"');
const lines = (rows: readonly object[]): Buffer => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

describeWith('chdb', 'what is stored of one client', (url) => {
  const folder = url.slice('chdb:'.length);
  const todayMs = Math.floor(systemClock.nowMs() / dayMs) * dayMs;
  const before = new Pseudonyms({ keys: [old] });
  const pseudonyms = new Pseudonyms({ keys: [current, old] });
  let engine: ClickHouseEngine;
  let data: ClickHouseClientData;
  let plain: EventTable;
  let partition = 0;

  const store = async (table: EventTable, ...events: Partial<DecisionEvent>[]): Promise<void> => {
    partition += 1;
    const frame = new FrameSource({ partition, emitter: `e${partition}` }).frame(...events);
    await table.insert(blockOf([frame]).runs, `t:${partition}`);
  };
  /** Under the id itself, under the old key and under the current one. */
  const storeThrice = async (...events: Partial<DecisionEvent>[]): Promise<void> => {
    for (const table of [plain, new PseudonymousTable(plain, before), new PseudonymousTable(plain, pseudonyms)]) {
      await store(table, ...events);
    }
  };
  const read = async (client: Client): Promise<ClientRow[]> => {
    const rows: ClientRow[] = [];
    for await (const row of data.rows(client)) rows.push(row);
    return rows;
  };
  const numbers = (found: readonly TableRows[]): number[] => found.map(({ rows }) => rows);
  const one = async (sql: string): Promise<number> =>
    Number(Object.values((await selectRows<object>(engine.reader, `SELECT ${sql}`))[0] ?? {})[0]);
  const totals = async (): Promise<number[]> => [
    await one('sum(r.count) FROM decisions_raw AS r'),
    await one('sum(m.decisions) FROM decisions_per_minute AS m'),
    await one('sum(d.denied) FROM denials_by_client_per_minute AS d'),
    await one('sum(d.blocked) FROM denials_by_client_per_minute AS d'),
    await one('sum(d.early) FROM denials_by_client_per_minute AS d'),
  ];
  const erase = (client: Client) => data.erase(client, { actor: 'a reviewer' });

  beforeAll(async () => {
    engine = await openChdb({ folder });
    await migrate({ engine, logger: silentLogger, options: schema });
    plain = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => systemClock.nowMs() });
    data = new ClickHouseClientData({ engine, clock: systemClock, pseudonyms });
  });
  afterAll(() => engine.close());

  const denied = { outcome: 'denied', clientKind: 'user', timeMs: todayMs } as const;

  it('is found under its id and under its pseudonyms of all keys, and nothing of others with it', async () => {
    await storeThrice(
      { ...denied, client: anna.id, address: '203.0.113.9', count: 4, early: 1 },
      { ...denied, client: anna.id, outcome: 'allowed' },
      { ...denied, client: 'bert' },
      { ...denied, clientKind: 'key', client: anna.id },
    );
    expect(numbers(await data.find(anna))).toEqual([6, 3, 0]);
    const rows = await read(anna);
    expect(rows.map(({ table }) => table)).toEqual([
      ...Array.from({ length: 6 }, () => 'decisions_raw'),
      ...Array.from({ length: 3 }, () => 'denials_by_client_per_minute'),
    ]);
    expect(new Set(rows.map(({ row }) => row.client))).toEqual(new Set(data.idsOf(anna)));
    expect(rows[0]?.row).toMatchObject({ client_kind: 'user', route: 'GET /orders/:id' });
  });

  it('is erased without a change of any total, and without one of anybody else', async () => {
    const [sums, others] = [await totals(), numbers(await data.find(clientOf('user', 'bert')))];
    const { found, remaining, isForgotten } = await erase(anna);
    expect([numbers(found), numbers(remaining), isForgotten]).toEqual([[6, 3, 0], [0, 0, 0], true]);
    expect(await totals()).toEqual(sums);
    expect(await disagreements(engine)).toEqual([]);
    expect(numbers(await data.find(clientOf('user', 'bert')))).toEqual(others);
    expect(numbers(await data.find(clientOf('key', anna.id)))).toEqual([3, 3, 0]);
    expect(await one("countIf(client = '~erased' AND address = '') FROM decisions_raw")).toBe(6);
    expect(await one("sumIf(denied, client = '~erased') FROM denials_by_client_per_minute")).toBe(12);
    expect(await read(anna)).toEqual([]);
  });

  it('changes nothing when it is erased again', async () => {
    const sums = await totals();
    expect(numbers((await erase(anna)).found)).toEqual([0, 0, 0]);
    expect(await totals()).toEqual(sums);
    expect(await disagreements(engine)).toEqual([]);
  });

  it('leaves who erased and when, and nowhere whom: not in the record of statements either', async () => {
    await store(plain, { ...denied, client: 'zacharias-the-erased' });
    await erase(clientOf('user', 'zacharias-the-erased'));
    const erasures = await selectRows<Record<string, unknown>>(engine.reader, 'SELECT * FROM erasures ORDER BY at');
    expect(erasures.map(({ state }) => state)).toEqual(['begun', 'done', 'begun', 'done', 'begun', 'done']);
    expect(erasures[0]).toMatchObject({ actor: 'a reviewer', client_kind: 'user' });
    expect(erasures[1]?.request_id).toBe(erasures[0]?.request_id);
    expect(JSON.stringify([erasures, await selectRows(engine.reader, 'SELECT * FROM system.mutations')])).not.toMatch(
      /anna|zacharias/,
    );
    const named = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /mutation_\d+\.txt$/.test(name),
    );
    expect(named).toEqual([]);
  });

  it('keeps denials from before the decisions that are still there', async () => {
    const oldMs = todayMs - 60 * dayMs;
    await execute(
      engine.writer,
      `INSERT INTO denials_by_client_per_minute SELECT toDateTime(${oldMs / 1000} + 60 * number, 'UTC'), 'user',
         'clara', 'acme', concat('GET /', toString(number % 3)), 'p', number % 5, 2, 1, 1, now64(3) FROM numbers(3000)`,
    );
    const sums = await totals();
    await erase(clientOf('user', 'clara'));
    expect(await totals()).toEqual(sums);
    expect(numbers(await data.find(clientOf('user', 'clara')))).toEqual([0, 0, 0]);
    const moved = `sum(denied) FROM denials_by_client_per_minute WHERE client = '~erased' AND minute < fromUnixTimestamp(${
      todayMs / 1000 - 50 * 86_400
    })`;
    expect(await one(moved)).toBe(6000);
  });

  it('brings back what another repair of the same minutes had counted twice', async () => {
    await store(plain, { ...denied, client: 'dora', count: 5, timeMs: todayMs + 7 * minuteMs });
    await execute(
      engine.writer,
      `INSERT INTO denials_by_client_per_minute SELECT minute, client_kind, client, tenant, route, policy, \`partition\`,
         denied, blocked, early, last_time FROM denials_by_client_per_minute WHERE client = 'dora'`,
    );
    expect(await disagreements(engine)).not.toEqual([]);
    await erase(clientOf('user', 'dora'));
    expect(await disagreements(engine)).toEqual([]);
  });

  it('is an address beside other clients, too: these rows lose it, keep their client, and are not told whose they are', async () => {
    const facts = { ...denied, client: 'emil', timeMs: todayMs };
    await storeThrice({ ...facts, address: '198.51.100.7' }, { ...facts, address: '198.51.100.8' });
    await store(plain, { ...facts, clientKind: 'ip', client: '198.51.100.7' });
    const address = clientOf('ip', '198.51.100.7');
    expect(numbers(await data.find(address))).toEqual([4, 1, 0]);
    const rows = (await read(address)).filter(({ table }) => table === 'decisions_raw');
    expect(rows.filter(({ row }) => 'client' in row).map(({ row }) => row.client)).toEqual(['198.51.100.7']);
    await erase(address);
    expect(numbers(await data.find(address))).toEqual([0, 0, 0]);
    expect(numbers(await data.find(clientOf('user', 'emil')))).toEqual([6, 3, 0]);
    expect(numbers(await data.find(clientOf('ip', '198.51.100.8')))).toEqual([3, 0, 0]);
    expect(await disagreements(engine)).toEqual([]);
  });

  it('is a network of IPv6 with all its addresses', async () => {
    await storeThrice(
      { ...denied, clientKind: 'ip', client: '2001:db8:7::/64', address: '2001:db8:7::1' },
      { ...denied, client: 'frida', address: '2001:db8:7::2' },
      { ...denied, client: 'frida', address: '2001:db8:8::2' },
      { ...denied, client: 'frida', address: '198.51.100.9' },
    );
    const network = clientOf('ip', '2001:db8:7::/64');
    expect(numbers(await data.find(network))).toEqual([6, 3, 0]);
    await erase(network);
    expect(numbers(await data.find(network))).toEqual([0, 0, 0]);
    expect(await one("countIf(address != '') FROM decisions_raw WHERE startsWith(client, 'frida')")).toBe(2);
  });

  it('is erased from the history of blocks, in which one block stays one, and its code without the note', async () => {
    const change = (seq: number, client: string, more: object = {}): object => ({
      ...{
        time: todayMs,
        emitter: 'changes-1',
        partition: 0,
        seq,
        block_id: `b-${client}`,
        version: seq,
        state: 'active',
      },
      ...{ client_kind: 'user', client, tenant: 'acme', rule: 'scan', rule_hash: 'x', verdict_id: `v-${client}` },
      ...{ blocked_at: todayMs, expires_at: todayMs, strikes: 1, actor: 'kim', reason: '', evidence: '{}', ...more },
    });
    const rows = [change(1, 'gerd'), change(2, 'gerd', { reason: 'goodwill: it was Gerd himself' }), change(3, 'hans')];
    const blocks = new ClickHouseEventTable({ engine, table: 'blocks', nowMs: () => systemClock.nowMs() });
    await blocks.insert([{ emitter: 'changes-1', firstSeq: 1, rows: 3, body: lines(rows) }], 'b:1');
    expect(numbers(await data.find(clientOf('user', 'gerd')))).toEqual([0, 0, 2]);
    await erase(clientOf('user', 'gerd'));
    type Block = Record<'client' | 'block_id' | 'verdict_id' | 'reason', string>;
    const stored = await selectRows<Block>(engine.reader, 'SELECT * FROM blocks ORDER BY seq');
    expect(stored.map(({ client }) => client)).toEqual(['~erased', '~erased', 'hans']);
    expect(stored[0]?.block_id).toMatch(/^~erased\.[0-9a-f]{32}$/);
    expect(stored[1]).toMatchObject({ block_id: stored[0]?.block_id, verdict_id: '', reason: 'goodwill' });
    expect(stored[2]).toMatchObject({ block_id: 'b-hans', verdict_id: 'v-hans' });
  });

  it('is read page by page, each row once', async () => {
    const events = Array.from({ length: 4_500 }, (_, at) => ({
      ...{ clientKind: 'user' as const, client: 'ida', count: at + 1, timeMs: todayMs + Math.floor(at / 1700) },
    }));
    await store(plain, ...events);
    const rows = await read(clientOf('user', 'ida'));
    expect(new Set(rows.map(({ row }) => Number(row.count))).size).toBe(4_500);
    expect(rows).toHaveLength(4_500);
  });

  it.each(['~other', '~erased', ''])(
    'is nobody in particular under the id %j, and then nothing is touched',
    async (id) => {
      await expect(erase({ kind: 'user', id })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    },
  );

  it('is gone for good after its time: decisions, denials and blocks', async () => {
    await migrate({ engine, logger: silentLogger, options: { ...schema, denialsTtlDays: 30, blocksTtlDays: 30 } });
    const longAgo = todayMs - 31 * dayMs;
    await store(plain, { ...denied, client: 'jan', timeMs: longAgo }, { ...denied, client: 'jan' });
    await execute(
      engine.writer,
      `INSERT INTO blocks (time, client_kind, client) SELECT arrayJoin([toDateTime64(${longAgo / 1000}, 3), now64(3)]), 'user', 'jan'`,
    );
    for (const table of ['decisions_raw', 'denials_by_client_per_minute', 'blocks']) {
      await execute(engine.writer, `OPTIMIZE TABLE ${table} FINAL`);
    }
    expect(numbers(await data.find(clientOf('user', 'jan')))).toEqual([1, 1, 1]);
  });
});
