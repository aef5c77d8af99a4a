import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import type { EventTable, RowBlock } from '../../src/ingest/event-table.ts';
import { namingColumns } from '../../src/ingest/pseudonymous-lines.ts';
import { PseudonymousTable } from '../../src/ingest/pseudonymous-table.ts';
import { Pseudonyms } from '../../src/ingest/pseudonyms.ts';
import { settle } from '../../src/ingest/settle.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { blockOf } from '../support/row-block.ts';

const pseudonyms = (id: string): Pseudonyms => new Pseudonyms({ keys: [{ id, secret: Buffer.alloc(32, id) }] });

/** Columns of text that hold no client, nor anything made from one. Whoever adds a column says which it is. */
const nameless = [
  ...[
    'actor',
    'candidate_outcome',
    'command',
    'crc32',
    'degraded',
    'dimension',
    'emitter',
    'emitters',
    'evidence',
    'figure',
    'gate',
    'labels',
    'method',
  ],
  ...[
    'outcome',
    'policies',
    'policy',
    'policy_version',
    'process',
    'reason',
    'region',
    'request_id',
    'route',
    'rows',
    'rule',
    'rule_hash',
  ],
  ...['scope', 'service', 'shadow_denied', 'source', 'state', 'tenant', 'topic', 'topic_id', 'value', 'version'],
];

describeWith('chdb', 'a table in which nobody is named', (url) => {
  let database: Database;
  let plain: EventTable;
  let partition = 0;
  const tableUnder = (id: string): EventTable => new PseudonymousTable(plain, pseudonyms(id));
  const block = (): RowBlock => {
    partition += 1;
    const events = ['anna', 'bert', 'a"\\\n', '~other'].map((client) => ({ client, outcome: 'denied' as const }));
    return blockOf([new FrameSource({ partition, clientKind: 'user', address: '203.0.113.9' }).frame(...events)]);
  };
  const settleIn = (table: EventTable, of: RowBlock) =>
    settle({
      table,
      block: of,
      token: `t:${partition}`,
      pause: () => Promise.resolve(),
      mustOwn: () => Promise.resolve(),
    });
  const totals = async (): Promise<object | undefined> =>
    (await database.auditor.partitionTotals()).find((one) => one.partition === partition);
  const exact = () => ({ partition, events: 4, decisions: 4, minuteDecisions: 4, drift: 0, doubledEvents: 0 });

  beforeAll(async () => {
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
    await database.migrate();
    plain = database.table;
  });
  afterAll(() => database.close());

  it('holds every row, and no client or address of any', async () => {
    await tableUnder('k1').insert(block().runs, 'first');
    expect(await totals()).toEqual(exact());
    const clients = await database.reader.topDeniedClients({ fromMs: 0, toMs: 4e12, limit: 100 });
    const [one] = [pseudonyms('k1')];
    expect(new Set(clients.map(({ client }) => client))).toEqual(
      new Set([one.of('user', 'anna'), one.of('user', 'bert'), one.of('user', 'a"\\\n'), '~other']),
    );
  });

  it('takes a block that was stored under another key for stored', async () => {
    const stored = block();
    await tableUnder('k1').insert(stored.runs, `t:${partition}`);
    expect(await settleIn(tableUnder('k2'), stored)).toEqual({ insertedRows: 0, doubledRows: 0 });
    await tableUnder('k2').insert(stored.runs, `t:${partition}`);
    expect(await totals()).toEqual(exact());
  });

  it.each([
    ['pseudonyms to others', 'k1', 'k2'],
    ['names to pseudonyms', null, 'k2'],
    ['pseudonyms to names', 'k1', null],
  ])('completes a block of which a part was stored before a change from %s', async (_, before, after) => {
    const whole = block();
    const [run] = whole.runs;
    if (!run) throw new Error('no rows');
    const half = {
      ...run,
      rows: 2,
      body: run.body.subarray(0, run.body.indexOf('\n', run.body.indexOf('\n') + 1) + 1),
    };
    await (before ? tableUnder(before) : plain).insert([half], `half:${partition}`);
    expect(await settleIn(after ? tableUnder(after) : plain, whole)).toEqual({ insertedRows: 2, doubledRows: 0 });
    expect(await totals()).toEqual(exact());
  });

  it('refuses a block of which a row cannot be read, as the database would, and stores nothing of it', async () => {
    const { runs } = block();
    const bad = {
      emitter: 'emitter-1',
      firstSeq: 5,
      rows: 1,
      body: Buffer.from('{"client":4711,"client_kind":"user"}\n'),
    };
    await expect(tableUnder('k1').insert([...runs, bad], 'bad')).rejects.toMatchObject({ code: 'FRAME_CORRUPT' });
    expect(await totals()).toBeUndefined();
  });

  it('has no column of text of which it is not known whether it names somebody', async () => {
    const { openChdb } = await import('../../src/embedded/chdb.ts');
    await database.close();
    const engine = await openChdb({ folder: url.slice('chdb:'.length) });
    const result = await engine.reader.query({
      query: `SELECT DISTINCT c.name FROM system.columns AS c JOIN system.tables AS t ON t.name = c.table AND t.database = c.database
        WHERE c.database = currentDatabase() AND endsWith(t.engine, 'MergeTree') AND position(c.type, 'String') > 0
          AND c.table NOT LIKE 'schema_%'`,
      format: 'JSONEachRow',
    });
    const columns = (await result.json<{ name: string }>()).map(({ name }) => name);
    await engine.close();
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
    expect(columns.filter((name) => !namingColumns.has(name) && !nameless.includes(name))).toEqual([]);
    expect(columns).toContain('address');
  });
});
