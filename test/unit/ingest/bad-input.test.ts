import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { type OutgoingFrame, topics } from '../../../src/event/event-log.ts';
import { crc32Hex, formatFrameHeaders } from '../../../src/event/frame.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { baseTimeMs, decisionEvent, decisionFrame, FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

let log: ScriptedLog;
let table: FakeEventTable;
let source: FrameSource;

beforeEach(() => {
  log = new ScriptedLog();
  table = new FakeEventTable();
  source = new FrameSource();
});

const ingestAll = async (): Promise<Ingester> => {
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger: silentLogger });
  await ingester.start();
  await log.deliver(log.position, log.records.length);
  return ingester;
};

/** What the dead letters say, and the bytes behind it. */
const letters = (): { readonly said: Record<string, unknown>; readonly bytes: string }[] =>
  log.deadLetters.map(({ body }) => {
    const end = body.indexOf('\n');
    return { said: JSON.parse(body.subarray(0, end).toString()), bytes: body.subarray(end + 1).toString('latin1') };
  });

/** The frame with another body that its checksum vouches for. */
const withBody = (frame: OutgoingFrame, body: Buffer): OutgoingFrame => ({
  ...frame,
  body,
  headers: { ...frame.headers, crc32: crc32Hex([body]) },
});

describe('a frame that cannot be trusted goes to the dead letters as it came, and those around it are stored', () => {
  const cases: readonly [string, (frame: OutgoingFrame) => OutgoingFrame, RegExp][] = [
    ['is truncated', (frame) => ({ ...frame, body: frame.body.subarray(0, 40) }), /crc32/],
    ['is truncated under a right checksum', (frame) => withBody(frame, frame.body.subarray(0, -3)), /rows|ends within/],
    ['has a wrong checksum', (frame) => ({ ...frame, headers: { ...frame.headers, crc32: '00000000' } }), /crc32/],
    ['is of an unknown version', (frame) => ({ ...frame, headers: { ...frame.headers, v: 2 } }), /version 2/],
    ['says more rows than it has', (frame) => ({ ...frame, headers: { ...frame.headers, rows: 9 } }), /9/],
    [
      'is not UTF-8',
      (frame) => withBody(frame, Buffer.from(frame.body.toString('latin1').replace('acme', 'ac\xffe'), 'latin1')),
      /UTF-8/,
    ],
    [
      'has an emitter without end',
      (frame) => ({ ...frame, headers: { ...frame.headers, emitter: 'e'.repeat(10_000) } }),
      /emitter/,
    ],
  ];

  it.each(cases)('%s', async (_, damage, error) => {
    const bad = damage(source.frameOf(2));
    log.add(new FrameSource({ emitter: 'before' }).frameOf(3), bad, new FrameSource({ emitter: 'after' }).frameOf(3));
    const ingester = await ingestAll();
    expect(table.total).toBe(6);
    expect(ingester.stats()).toMatchObject({ deadLetters: 1, rows: 6, lostRecords: 0 });
    expect(letters()).toHaveLength(1);
    expect(letters()[0]?.said).toMatchObject({ topic: topics.decisions, partition: 0, offset: 1, truncated: false });
    expect(letters()[0]?.said['error']).toMatch(error);
    expect(letters()[0]?.bytes).toBe(bad.body.toString('latin1'));
    expect([...table.ledger.values()]).toMatchObject([{ startOffset: 0, endOffset: 3, rows: 6, deadLetters: 1 }]);
  });
});

describe('an event of ten megabytes', () => {
  it('is stored when a log has carried it, and the blocks around it stay as they are', async () => {
    const large = source.frame({ client: 'x'.repeat(10 * 1024 * 1024) });
    const small = new FrameSource({ emitter: 'small' });
    log.add(small.frameOf(2), large, small.frameOf(2));
    const ingester = await ingestAll();
    expect(table.total).toBe(5);
    expect(ingester.stats().deadLetters).toBe(0);
  });

  it('fits the dead letters when it cannot be trusted: cut, and said to be', async () => {
    const large = source.frame({ client: 'x'.repeat(10 * 1024 * 1024) });
    log.addRaw({ ...formatFrameHeaders(large.headers), crc32: '00000000' }, large.body);
    await ingestAll();
    expect(letters()[0]?.said).toMatchObject({ bytes: large.body.length, truncated: true });
    expect(log.deadLetters[0]?.body.length).toBeLessThan(900_000);
  });
});

describe('a client id', () => {
  it.each([
    ['line breaks', 'a\nb\r\nc'],
    ['quotes and backslashes', '"a\\"b\\\\'],
    ['separators that end a line in JavaScript', 'a\u2028b\u2029'],
    ['a byte of zero', 'a\u0000b'],
    ['half of a pair', 'a\ud800b'],
  ])('with %s is one row', async (_, client) => {
    log.add(source.frame({ client }, { client: 'plain' }));
    const ingester = await ingestAll();
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(ingester.stats().deadLetters).toBe(0);
  });
});

describe('a clock that is years off', () => {
  /** Frames of one right clock and of one that is off, in turn. */
  const mixed = (offByMs: number, frames = 40): void => {
    const [right, wrong] = [new FrameSource({ emitter: 'right' }), new FrameSource({ emitter: 'wrong' })];
    for (let index = 0; index < frames; index += 1) {
      const timeMs = baseTimeMs + index * 1_000;
      log.add(right.frame({ timeMs }), wrong.frame({ timeMs: timeMs + offByMs }));
    }
  };

  it.each([
    ['ahead', 10 * yearMs],
    ['behind', -10 * yearMs],
  ])('%s: its rows are stored, and the blocks of all others are as large as before', async (_, offByMs) => {
    mixed(offByMs);
    const ingester = await ingestAll();
    expect(ingester.stats()).toMatchObject({ blocks: 1, rows: 80, deadLetters: 0 });
  });

  it('and jumps within a frame: it is stored with the others', async () => {
    const right = new FrameSource({ emitter: 'right' });
    log.add(right.frameOf(2), source.frame({}, { timeMs: baseTimeMs + 10 * yearMs }, {}), right.frameOf(2));
    const ingester = await ingestAll();
    expect(ingester.stats()).toMatchObject({ blocks: 1, rows: 7, deadLetters: 0 });
  });

  it('and at random: no block touches more than 24 months, nothing is lost', async () => {
    for (let index = 0; index < 300; index += 1) log.add(source.frame({ timeMs: baseTimeMs + index * 30 * dayMs }));
    const ingester = await ingestAll();
    expect(ingester.stats()).toMatchObject({ rows: 300, deadLetters: 0 });
    expect(ingester.stats().blocks).toBeLessThanOrEqual(14);
    for (const { minTimeMs, maxTimeMs } of table.ledger.values()) {
      expect(maxTimeMs - minTimeMs).toBeLessThan(25 * 31 * dayMs);
    }
  });

  it('and at random within a frame: it goes to the dead letters, for an insert of hundreds of months takes seconds', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => ({ timeMs: baseTimeMs + index * 31 * dayMs }));
    log.add(source.frame(...rows), new FrameSource({ emitter: 'right' }).frameOf(2));
    const ingester = await ingestAll();
    expect(ingester.stats()).toMatchObject({ rows: 2, deadLetters: 1 });
    expect(letters()[0]?.said['error']).toMatch(/30 months/);
  });

  it('so far that the table cannot say it: these rows go to the dead letters, the rest of the frame is stored', async () => {
    const centuries = { timeMs: Date.UTC(2300, 0, 1) };
    log.add(source.frame({}, centuries, {}), source.frame({ timeMs: Number.MAX_SAFE_INTEGER }));
    const ingester = await ingestAll();
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(ingester.stats()).toMatchObject({ rows: 2, deadLetters: 2, missingRows: 0 });
    expect(letters().map(({ said }) => said['index'])).toEqual([1, undefined]);
  });

  it('and rows that are older than what the table keeps go to the dead letters: stored, they would be gone at once', async () => {
    table.keptSinceMs = baseTimeMs - 30 * dayMs;
    log.add(
      source.frame({ timeMs: baseTimeMs - 31 * dayMs }, {}, { timeMs: baseTimeMs - 29 * dayMs }),
      source.frame({ timeMs: baseTimeMs - 400 * dayMs }, { timeMs: baseTimeMs - 399 * dayMs }),
    );
    const ingester = await ingestAll();
    expect(table.rows.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(ingester.stats()).toMatchObject({ rows: 2, deadLetters: 2 });
    expect(letters()[0]?.said['error']).toMatch(/older than what the table keeps/);
  });
});

describe('a block that is settled after its rows have outlived the retention', () => {
  it('is not stored again and again: what may be gone is neither counted nor inserted', async () => {
    log.add(
      source.frame({ timeMs: baseTimeMs }, { timeMs: baseTimeMs + 5 * dayMs }, { timeMs: baseTimeMs + 6 * dayMs }),
    );
    const insert = table.insert.bind(table);
    table.insert = async (runs, token) => {
      await insert(runs, token);
      throw new Death();
    };
    await expect(ingestAll()).rejects.toThrow(Death);
    table.insert = insert;
    // The oldest row has been merged away, and the newest was lost when the database died.
    table.keptSinceMs = baseTimeMs + dayMs;
    table.rows.splice(2, 1);
    table.rows.splice(0, 1);
    const ingester = await ingestAll();
    expect(table.rows.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(ingester.stats()).toMatchObject({ repairedRows: 1, storedTwiceRows: 0 });
    expect([...table.ledger.values()]).toMatchObject([{ startOffset: 0, endOffset: 1 }]);
  });
});

describe('rows of one frame that contradict its headers', () => {
  it('are found at either end: a row under another name would be stored again and again', async () => {
    const good = decisionFrame([decisionEvent({ seq: 1 }), decisionEvent({ seq: 2 })]);
    const { body } = decisionFrame([decisionEvent({ seq: 1, emitter: 'another' }), decisionEvent({ seq: 2 })]);
    log.add(withBody(good, body));
    const ingester = await ingestAll();
    expect(ingester.stats()).toMatchObject({ rows: 0, deadLetters: 1 });
  });
});
