import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AuditFinding, FindingKind } from '../../src/analytics/audit-findings.ts';
import type { LogPosition } from '../../src/analytics/audit-ranges.ts';
import { type Reconciliation, reconcile } from '../../src/analytics/audit-reconcile.ts';
import { ClickHouseAuditor } from '../../src/clickhouse/audit.ts';
import { type ClickHouseEngine, execute } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { topics } from '../../src/event/event-log.ts';
import type { EventTable } from '../../src/ingest/event-table.ts';
import { silentLogger } from '../../src/logger.ts';
import { AuditedPartition } from '../support/audited-partition.ts';
import { baseTimeMs } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';

const dayMs = 86_400_000;
/** Nine decisions of two days and all outcomes. */
const mixed = [
  { count: 3 },
  { outcome: 'denied', count: 4, timeMs: baseTimeMs + 61_000, early: 2 },
  { outcome: 'blocked', count: 2, timeMs: baseTimeMs + dayMs, degraded: 'timeout', cost: 5 },
] as const;

describeWith('chdb', 'an audit of a database that somebody has meddled with', (url) => {
  let engine: ClickHouseEngine;
  let table: EventTable;
  let auditor: ClickHouseAuditor;
  let partitions = 0;
  /** Where the group stands: at the end of what a test has stored, unless it says otherwise. */
  const positions = new Map<number, LogPosition>();

  /** Four blocks of three rows, 36 decisions. */
  const stage = async (): Promise<AuditedPartition> => {
    partitions += 1;
    const partition = new AuditedPartition(table, partitions);
    for (let block = 0; block < 4; block += 1) await partition.store(...mixed);
    standsAt(partition);
    return partition;
  };
  const standsAt = ({ number, offset }: AuditedPartition, position: Partial<LogPosition> = {}): void => {
    positions.set(number, { committedOffset: offset, underWay: null, endOffset: offset, ...position });
  };
  const audit = (): Promise<Reconciliation> =>
    reconcile({ auditor, log: { positions: async () => positions }, topics: [topics.decisions] });
  const findingsIn = async ({ number }: AuditedPartition): Promise<AuditFinding[]> =>
    (await audit()).findings.filter(({ partition }) => partition === number);
  const driftIn = async (partition: AuditedPartition): Promise<[FindingKind, number][]> =>
    (await findingsIn(partition)).filter(({ isDrift }) => isDrift).map(({ kind, amount }) => [kind, amount]);
  const meddle = (statement: string): Promise<void> => execute(engine.writer, statement);
  const remove = (name: string, where: string): Promise<void> =>
    meddle(`ALTER TABLE ${name} DELETE WHERE ${where} SETTINGS mutations_sync = 2`);

  const update = (name: string, change: string, where: string): Promise<void> =>
    meddle(`ALTER TABLE ${name} UPDATE ${change} WHERE ${where} SETTINGS mutations_sync = 2`);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, logger: silentLogger, options: { dedupWindow: 1000 } });
    table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: Date.now });
    auditor = new ClickHouseAuditor(engine);
  });
  afterAll(() => engine.close());

  it('finds nothing where nothing is wrong, and says so as a number', async () => {
    const partition = await stage();
    const { drift, topics: reports } = await audit();
    expect(drift).toBe(0);
    const report = reports[0]?.partitions.find(({ partition: number }) => number === partition.number);
    expect(report).toMatchObject({ ledgerStart: 0, ledgerEnd: 4, accountedRows: 12, storedRows: 12, drift: 0 });
    expect(reports[0]?.grains.map((grain) => [grain.table, grain.decisions, grain.sourceDecisions])).toEqual([
      ['decisions_per_day', 36, 36],
      ['decisions_per_hour_by_dimension (tenant)', 36, 36],
      ['decisions_per_hour_by_dimension (route)', 36, 36],
      ['decisions_per_hour_by_dimension (region)', 36, 36],
      ['decisions_per_hour_by_dimension (policy)', 36, 36],
      ['decisions_per_hour', 36, 36],
      ['denials_by_client_per_minute', 24, 24],
      ['decisions_per_minute', 36, 36],
    ]);
  });

  it('names rows that were deleted from raw, and the rollups that still hold them', async () => {
    const partition = await stage();
    await remove('decisions_raw', `\`partition\` = ${partition.number} AND seq IN (2, 3)`);
    expect(await driftIn(partition)).toEqual([
      ['rows-missing', 2],
      ['rollup-differs', 6],
      ['rollup-differs', 6],
    ]);
    const [missing, ...rollups] = await findingsIn(partition);
    expect(missing?.what).toBe(
      `2 rows of ${partition.emitter}, positions 1 to 12 not in the table, of 12 in the ledger`,
    );
    expect(rollups.map(({ what }) => what)).toEqual([
      'denials_by_client_per_minute holds 4 decisions more than decisions_raw (denied, 2015-05-18); 1 more of its sums differ',
      'decisions_per_minute holds 4 decisions more than decisions_raw (denied, 2015-05-18); 1 more of its sums differ',
    ]);
  });

  it('names a block that is stored twice, in raw and in every rollup alike', async () => {
    const partition = await stage();
    const frame = partition.frame(...mixed);
    await partition.insert(frame);
    await partition.account(frame);
    await partition.insert(frame, 'another token');
    standsAt(partition);
    expect(await driftIn(partition)).toEqual([['rows-doubled', 3]]);
  });

  it('names rows of which one is stored twice and another is gone, though their number is right', async () => {
    const partition = await stage();
    await remove('decisions_raw', `\`partition\` = ${partition.number} AND seq = 4`);
    await meddle(
      `INSERT INTO decisions_raw SELECT * FROM decisions_raw WHERE \`partition\` = ${partition.number} AND seq = 1`,
    );
    expect(await driftIn(partition)).toEqual(
      expect.arrayContaining([
        ['rows-missing', 1],
        ['rows-doubled', 1],
      ]),
    );
  });

  it('names a line that is gone from the middle of the ledger, and the rows that it stood for', async () => {
    const partition = await stage();
    await remove('ingest_blocks', `\`partition\` = ${partition.number} AND start_offset = 1`);
    expect(await driftIn(partition)).toEqual([
      ['ledger-gap', 1],
      ['rows-unaccounted', 3],
    ]);
    expect((await findingsIn(partition))[0]?.what).toBe('1 offset from 1 to 1 have no line in ingest_blocks');
  });

  it('names a line that is gone from the end of the ledger', async () => {
    const partition = await stage();
    await remove('ingest_blocks', `\`partition\` = ${partition.number} AND start_offset = 3`);
    expect(await driftIn(partition)).toEqual([
      ['committed-ahead', 1],
      ['rows-unaccounted', 3],
    ]);
  });

  it('names ranges that two lines of the ledger hold', async () => {
    const partition = await stage();
    partition.offset -= 1;
    const frame = partition.frame(...mixed);
    await partition.insert(frame);
    await partition.account(frame, { startOffset: partition.offset - 1, endOffset: partition.offset + 1 });
    partition.offset += 1;
    expect((await driftIn(partition)).map(([kind]) => kind)).toContain('ledger-overlap');
  });

  it.each([
    ['minute', ['decisions_per_hour holds \\d decisions fewer', 'decisions_per_minute holds \\d decisions more']],
    [
      'hour',
      [
        'decisions_per_day holds \\d decisions fewer',
        ...['tenant', 'route', 'region', 'policy'].map((name) => `decisions_per_hour_by_dimension .${name}. holds \\d`),
        'decisions_per_hour holds \\d decisions more',
      ],
    ],
    ['day', ['decisions_per_day holds \\d decisions more']],
  ])('names the rollup by %s when its decisions were changed', async (grain, sentences) => {
    const { number } = await stage();
    const where = `\`partition\` = ${number} AND outcome = 'denied'`;
    await update(`decisions_per_${grain}`, 'decisions = decisions + 1', where);
    const found = (await audit()).findings.filter(({ partition }) => partition === number);
    expect(found.map(({ what }) => what)).toEqual(
      sentences.map((text) => expect.stringMatching(new RegExp(`^${text}`))),
    );
  });

  it.each(['decisions_per_minute', 'decisions_per_hour', 'decisions_per_day', 'denials_by_client_per_minute'])(
    'names %s when its rows were dropped',
    async (name) => {
      const partition = await stage();
      await remove(name, `\`partition\` = ${partition.number}`);
      const found = await findingsIn(partition);
      expect(found.map(({ kind, what }) => `${kind}: ${what}`)).toContainEqual(
        expect.stringMatching(new RegExp(`^rollup-differs: ${name} holds \\d+ decisions fewer`)),
      );
    },
  );

  it('names rows whose count was changed after they were stored', async () => {
    const partition = await stage();
    await update('decisions_raw', 'count = count + 10', `\`partition\` = ${partition.number} AND seq = 1`);
    expect(await driftIn(partition)).toContainEqual(['totals-differ', 10]);
  });

  it('names events that never came, and how many decisions they stood for', async () => {
    const partition = await stage();
    partition.frame({ count: 7 }, { count: 8 });
    const frame = partition.frame(...mixed);
    await partition.insert(frame);
    await partition.account(frame, { span: { missingRows: 2 } });
    standsAt(partition);
    expect(await driftIn(partition)).toEqual([['sequence-gap', 2]]);
    expect((await findingsIn(partition))[0]?.what).toContain('never came (15 decisions)');
  });

  it('takes dead letters for what they are: known, and no drift', async () => {
    const partition = await stage();
    const frame = partition.frame({ count: 7 }, { count: 8 });
    await partition.insert({
      ...frame,
      headers: { ...frame.headers, rows: 1 },
      body: frame.body.subarray(0, frame.body.indexOf('\n') + 1),
    });
    await partition.account(frame, { rows: 1, deadLetters: 1, span: { rows: 1 } });
    standsAt(partition);
    expect(await driftIn(partition)).toEqual([]);
    expect((await findingsIn(partition)).map(({ kind }) => kind)).toEqual(['dead-letters']);
  });

  it('is content with frames that came twice', async () => {
    const partition = await stage();
    const frame = await partition.store(...mixed);
    await partition.account(frame, { rows: 0, doubledRows: 3, minTimeMs: 0, maxTimeMs: 0, span: { rows: 0 } });
    await partition.store(...mixed);
    standsAt(partition);
    expect(await driftIn(partition)).toEqual([]);
  });

  it('names offsets that were set back, or have gone beyond what is stored, and a log that has lost its end', async () => {
    const [back, ahead, short] = [await stage(), await stage(), await stage()];
    standsAt(back, { committedOffset: 1 });
    standsAt(ahead, { committedOffset: 9, endOffset: 9 });
    standsAt(short, { endOffset: 2 });
    expect(await driftIn(back)).toEqual([['committed-behind', 3]]);
    expect(await driftIn(ahead)).toEqual([['committed-ahead', 5]]);
    expect(await driftIn(short)).toEqual([['log-behind', 2]]);
    for (const partition of [back, ahead, short]) standsAt(partition);
  });

  it('says nothing of a topic that was made anew and of which nothing is stored yet', async () => {
    const partition = await stage();
    standsAt(partition, { committedOffset: null, endOffset: 0 });
    expect(await driftIn(partition)).toEqual([]);
    standsAt(partition, {
      committedOffset: 0,
      underWay: { topicId: 'topic-2', startOffset: 0, endOffset: 2, rows: 9 },
      endOffset: 2,
    });
    expect(await driftIn(partition)).toEqual([]);
    standsAt(partition);
  });

  it('takes a block that is under way for what it is, though not every rollup has it yet', async () => {
    const partition = await stage();
    const own = `\`partition\` = ${partition.number}`;
    await meddle(`CREATE TABLE days_before ENGINE = Memory AS SELECT * FROM decisions_per_day WHERE ${own}`);
    await partition.insert(partition.frame(...mixed));
    await remove('decisions_per_day', own);
    await meddle('INSERT INTO decisions_per_day SELECT * FROM days_before');
    await meddle('DROP TABLE days_before');
    const underWay = { topicId: 'topic-1', startOffset: 4, endOffset: 5, rows: 3 };
    standsAt(partition, { underWay, endOffset: 5 });
    expect(await driftIn(partition)).toEqual([]);
    standsAt(partition);
    expect(await driftIn(partition)).toEqual([
      ['rows-unaccounted', 3],
      ['rollup-differs', 9],
    ]);
  });

  it('reports emitters that fell silent without an end, and not those that ended', async () => {
    const topic = topics.blocks;
    const [open, ended] = ['open', 'ended'].map((emitter) => new AuditedPartition(table, 0, emitter));
    await open?.account(open.frame({}), { topic });
    const last = ended?.frame({});
    if (last) await ended?.account({ ...last, headers: { ...last.headers, last: true } }, { topic, startOffset: 7 });
    const { findings } = await reconcile({
      auditor,
      log: { positions: async () => null },
      topics: [topic],
      silentMs: -1000,
    });
    const silent = findings.filter(({ kind }) => kind === 'tail-unknown');
    expect(silent).toMatchObject([
      { isDrift: false, what: expect.stringMatching(/^open has been silent .* tail unknown$/) },
    ]);
  });

  it('finds nothing any more when hours are rebuilt as the guide says', async () => {
    const partition = await stage();
    const own = `\`partition\` = ${partition.number}`;
    await update('decisions_per_hour', 'decisions = decisions + 1', own);
    expect((await driftIn(partition)).length).toBeGreaterThan(0);
    const guide = readFileSync(new URL('../../docs/guides/reconcile.md', import.meta.url), 'utf8');
    const [, sql = ''] = /```sql\n(ALTER TABLE decisions_per_hour[\s\S]*?)```/.exec(guide) ?? [];
    const [deletion = '', insertion = ''] = sql.split(';');
    for (const day of ['2015-05-18', '2015-05-19']) {
      for (const [name, time] of [
        ['decisions_per_day', 'day'],
        ['decisions_per_hour_by_dimension', 'hour'],
      ]) {
        await remove(name ?? '', `toDate(${time}) = '${day}'`);
      }
      await meddle(deletion.replaceAll('2026-01-31', day));
      await meddle(insertion.replaceAll('2026-01-31', day));
    }
    expect(await driftIn(partition)).toEqual([]);
  });

  it('refuses a topic that has no table, and names those that have', async () => {
    await expect(auditor.read({ topic: 'tidegate.dead-letters', silentMs: 1 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('tidegate.decisions'),
    });
  });
});
