import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { ManualClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { TidegateError } from '../../src/errors.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import { encodeEvent } from '../../src/event/event-codec.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import { crc32Hex } from '../../src/event/frame.ts';
import { createIngester } from '../../src/ingest/ingester.ts';
import { scanRows } from '../../src/ingest/row-scan.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, decisionEvent, decisionFrame, FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';
import { ScriptedLog } from '../support/scripted-log.ts';

const line = (seq: number, facts: Partial<DecisionEvent> = {}): string =>
  encodeEvent(decisionEvent({ emitter: 'hostile', seq, ...facts }));

/** A frame of any lines, with headers and checksum that fit. */
const frameOf = (...lines: readonly string[]): OutgoingFrame => {
  const body = Buffer.from(lines.map((text) => `${text}\n`).join(''));
  const frame = decisionFrame(lines.map((_, index) => decisionEvent({ emitter: 'hostile', seq: index + 1 })));
  return { ...frame, body, headers: { ...frame.headers, crc32: crc32Hex([body]) } };
};

describeWith('chdb', 'frames that somebody else wrote', (url) => {
  let engine: ClickHouseEngine;
  let table: ClickHouseEventTable;
  const rows = (sql: string): Promise<Record<string, unknown>[]> => selectRows(engine.reader, sql);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, logger: silentLogger, options: { dedupWindow: 1000 } });
    table = new ClickHouseEventTable({ engine, table: 'decisions_raw', nowMs: () => baseTimeMs });
    await execute(
      engine.writer,
      'CREATE TABLE scanned (time Int64, emitter String, `partition` UInt32, seq UInt64, tenant String, count UInt64) ENGINE = Memory',
    );
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    for (const name of ['decisions_raw', 'emitter_marks', 'decisions_per_minute', 'ingest_blocks', 'scanned'])
      await execute(engine.writer, `TRUNCATE TABLE ${name}`);
  });

  const hostile: readonly [string, readonly string[]][] = [
    ['the sign that ends the data', [';']],
    ['a line of nothing', ['']],
    ['objects without fields', ['{}', '{}']],
    ['two rows in a line', [line(1) + line(2)]],
    ['the sign that ends the data behind a row', [line(1), `${line(2)};`, line(3)]],
    ['a row of another emitter between its own', [line(1), line(900, { emitter: 'before' }), line(3)]],
    ['a row of another partition between its own', [line(1), line(2, { partition: 7 }), line(3)]],
    ['a row of another day between its own', [line(1), line(2, { timeMs: baseTimeMs + 86_400_000 }), line(3)]],
    ['a row over two lines', [...line(1).replace('"acme"', '"ac\nme"').split('\n')]],
  ];
  const cases = hostile.flatMap(([what, lines]) => [false, true].map((isLost) => ({ what, lines, isLost })));

  it.each(cases)('with $what: all others are stored once (answer lost: $isLost)', async ({ lines, isLost }) => {
    const log = new ScriptedLog();
    const times = [{}, {}, {}];
    log.add(new FrameSource({ emitter: 'before' }).frame(...times), frameOf(...lines));
    log.add(new FrameSource({ emitter: 'after' }).frame(...times));
    let lost = !isLost;
    const insert: typeof table.insert = async (runs, token) => {
      await table.insert(runs, token);
      if (lost) return;
      lost = true;
      throw new TidegateError('TABLE_FAILED', 'no answer', { retryable: true });
    };
    const losing = Object.assign(Object.create(table) as ClickHouseEventTable, { insert });
    for (const name of ['storedRows', 'repair', 'marks', 'keepAccount', 'ledgerEnd', 'keepsSince'] as const)
      Object.assign(losing, { [name]: table[name].bind(table) });
    const clock = Object.assign(new ManualClock(baseTimeMs), { sleep: () => Promise.resolve() });
    const ingester = createIngester({ log, table: losing, clock, logger: silentLogger });
    await ingester.start();
    await log.deliver(0, 3);
    const own = (await rows(
      "SELECT emitter, toInt32(count()) AS n FROM decisions_raw WHERE emitter != 'hostile' GROUP BY emitter ORDER BY emitter",
    )) as object[];
    expect(own).toEqual([
      { emitter: 'after', n: 3 },
      { emitter: 'before', n: 3 },
    ]);
    const [{ ledger, stored, minutes } = {}] = await rows(
      `SELECT toInt32((SELECT sum(rows) FROM ingest_blocks FINAL)) AS ledger, toInt32((SELECT count() FROM decisions_raw)) AS stored,
         toInt32((SELECT sum(events) FROM decisions_per_minute)) AS minutes`,
    );
    expect([stored, minutes]).toEqual([ledger, ledger]);
    expect(log.committed.offset).toBe(3);
    expect(ingester.stats().deadLetters).toBeGreaterThan(0);
  });

  it('with a text that is no Unicode lose that row alone', async () => {
    const log = new ScriptedLog();
    log.add(new FrameSource().frame({}, { tenant: 'half \ud800' }, { tenant: '\\ud800' }, { tenant: '\ud83d\ude00' }));
    const ingester = createIngester({ log, table, clock: new ManualClock(baseTimeMs), logger: silentLogger });
    await ingester.start();
    await log.deliver(0, 1);
    expect(ingester.stats()).toMatchObject({ rows: 3, deadLetters: 1 });
    expect(await rows('SELECT toInt32(seq) AS seq FROM decisions_raw ORDER BY seq')).toEqual(
      [1, 3, 4].map((seq) => ({ seq })),
    );
  });

  it('of any bytes are stored line by line as they were read, or refused', { timeout: 120_000 }, async () => {
    const good = frameOf(line(1), line(2), line(3), line(4)).body;
    const pieces = fc.constantFrom(
      '"',
      '}',
      '{',
      ';',
      ',',
      '[',
      ']',
      ':',
      '\\',
      '\n',
      '}\n{',
      '"}',
      '{"',
      '\\u00',
      'x',
      '',
    );
    const edits = fc.array(fc.tuple(fc.nat(good.length), pieces, fc.nat(3)), { minLength: 1, maxLength: 5 });
    let stored = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (made) => {
        let text = good.toString();
        for (const [at, piece, drop] of made) text = text.slice(0, at) + piece + text.slice(at + drop);
        const lines = text.split('\n').slice(0, -1);
        const frame = frameOf(...lines);
        const isBorneOut = await Promise.resolve()
          .then(() => scanRows(frame.body, frame).bad.length === 0)
          .catch(() => false);
        if (!isBorneOut) return;
        await execute(engine.writer, 'TRUNCATE TABLE scanned');
        const settings = { input_format_skip_unknown_fields: 1, input_format_parallel_parsing: 0 };
        const after = Buffer.from(`${line(1, { emitter: 'after' })}\n`);
        try {
          await engine.insert({ table: 'scanned', rows: [frame.body, after], settings });
        } catch {
          return;
        }
        stored += 1;
        const found = await rows(
          'SELECT emitter, toInt32(seq) AS seq, toInt32(`partition`) AS p FROM scanned ORDER BY emitter, seq',
        );
        const own = lines.map((_, index) => ({ emitter: 'hostile', seq: index + 1, p: 0 }));
        expect(found).toEqual([{ emitter: 'after', seq: 1, p: 0 }, ...own]);
      }),
      { numRuns: 3_000 },
    );
    expect(stored).toBeGreaterThan(100);
  });
});
