import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { TidegateError } from '../../../src/errors.ts';
import { decodePolicyLoad, encodePolicyLoad, type PolicyLoad } from '../../../src/event/policy-load.ts';
import { frameOfRows } from '../../../src/event/row-frame.ts';
import { createIngester, type Ingester, type IngesterOptions } from '../../../src/ingest/ingester.ts';
import { FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';
import { type RecordingLogger, recordingLogger } from '../../support/recording-logger.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

let log: ScriptedLog;
let table: FakeEventTable;
let source: FrameSource;
let logger: RecordingLogger;

beforeEach(() => {
  log = new ScriptedLog();
  table = new FakeEventTable();
  source = new FrameSource();
  logger = recordingLogger();
});

const start = async (options: Partial<IngesterOptions> = {}): Promise<Ingester> => {
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger, ...options });
  await ingester.start();
  return ingester;
};

const deliverAll = (): Promise<void> => log.deliver(log.position, log.endOffset);
const errors = (): string[] => logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message);

const lines = (): object[] => [...table.ledger.values()].sort((a, b) => a.startOffset - b.startOffset);

describe('records that retention takes before they are stored', () => {
  beforeEach(() => {
    log.add(...Array.from({ length: 6 }, () => source.frameOf(2)));
  });

  it('are counted, named in the ledger and told of, and what is left is stored', async () => {
    await start();
    await log.deliver(0, 2);
    log.drop((offset) => offset < 4);
    log.oldestOffset = 4;
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(8);
    expect(ingester.stats()).toMatchObject({ lostRecords: 2, missingRows: 4, changedBlocks: 0 });
    expect(lines()).toMatchObject([
      { startOffset: 0, endOffset: 2, lostRecords: 0 },
      { startOffset: 2, endOffset: 6, rows: 4, lostRecords: 2 },
    ]);
    expect(errors()).toContainEqual(expect.stringMatching(/gone from the log before they were stored/));
  });

  it('are counted where a reader finds out as it reads', async () => {
    const ingester = await start();
    await log.deliver(0, 1);
    await log.deliver(3, 6);
    expect(ingester.stats().lostRecords).toBe(2);
    expect(lines()).toMatchObject([
      { startOffset: 0, endOffset: 1 },
      { startOffset: 1, endOffset: 6, lostRecords: 2 },
    ]);
  });

  it('are counted in a block that was under way, of which some is left', async () => {
    await start();
    table.faultOf = () => {
      throw new Death();
    };
    await expect(deliverAll()).rejects.toThrow(Death);
    table.faultOf = () => null;
    log.drop((offset) => offset < 4);
    log.oldestOffset = 4;
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(4);
    expect(ingester.stats()).toMatchObject({ lostRecords: 4, changedBlocks: 1 });
    expect(lines()).toMatchObject([{ startOffset: 0, endOffset: 6, rows: 4, lostRecords: 4 }]);
  });

  it('are counted by their rows, too, when they were part of a block that was under way', async () => {
    await start();
    await log.deliver(0, 1);
    table.faultOf = () => {
      throw new Death();
    };
    await expect(log.deliver(1, 6)).rejects.toThrow(Death);
    table.faultOf = () => null;
    log.drop((offset) => offset < 4);
    log.oldestOffset = 4;
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(6);
    expect(ingester.stats()).toMatchObject({ lostRecords: 3, missingRows: 6, changedBlocks: 1 });
    expect(lines()).toMatchObject([
      { startOffset: 0, endOffset: 1 },
      { startOffset: 1, endOffset: 6, rows: 4, lostRecords: 3, emitters: [{ missingRows: 6 }] },
    ]);
  });

  it('are not those of before the first reader: a group that is new begins at the oldest record', async () => {
    log.drop((offset) => offset < 3);
    log.oldestOffset = 3;
    const ingester = await start();
    await deliverAll();
    expect(ingester.stats()).toMatchObject({ rows: 6, lostRecords: 0 });
    expect(lines()).toMatchObject([{ startOffset: 3, endOffset: 6 }]);
  });
});

describe('a compacted topic', () => {
  const compacted = { compacted: true, decodeRow: decodePolicyLoad };

  const load = (seq: number, version: string): PolicyLoad => ({
    ...{ timeMs: 1_431_925_500_000 + seq, emitter: 'gate-1', partition: 0, seq, gate: 'gate-1', region: 'eu' },
    ...{ service: '', version, policyCount: 1, policies: '[{"name":"a"}]' },
  });

  beforeEach(() => {
    // The table that is made up counts what a row stands for.
    const encode = (row: PolicyLoad): string => `${encodePolicyLoad(row).slice(0, -1)},"count":1}`;
    log.add(...Array.from({ length: 6 }, (_, index) => frameOfRows([load(index + 1, `v${index}`)], encode)));
  });

  it('is stored although offsets and positions are left out, and nothing counts as lost or missing', async () => {
    log.drop((offset) => offset === 1 || offset === 3);
    const ingester = await start(compacted);
    await deliverAll();
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 3, 5, 6]);
    expect(ingester.stats()).toMatchObject({ rows: 4, lostRecords: 0, missingRows: 0, deadLetters: 0 });
    expect(lines()).toMatchObject([{ startOffset: 0, endOffset: 6, rows: 4, lostRecords: 0 }]);
    expect(errors()).toEqual([]);
  });

  it('may lose records of a block that is under way: what is left is stored, once', async () => {
    await start(compacted);
    const insert = table.insert.bind(table);
    table.faultOf = () => 'half';
    table.insert = async (runs, token) => {
      await insert(runs, token).catch(() => undefined);
      throw new Death();
    };
    await expect(deliverAll()).rejects.toThrow(Death);
    table.faultOf = () => null;
    table.insert = insert;
    log.drop((offset) => offset === 0 || offset === 4);
    const ingester = await start(compacted);
    await deliverAll();
    expect(new Set(table.rows.map(({ seq }) => seq))).toEqual(new Set([1, 2, 3, 4, 6]));
    expect(table.rows).toHaveLength(5);
    expect(ingester.stats()).toMatchObject({ changedBlocks: 0, lostRecords: 0, storedTwiceRows: 0 });
    expect(log.committed).toEqual({ offset: 6, metadata: '' });
    expect(errors()).toEqual([]);
  });

  it("has rows that are no decisions: one that is another emitter's is found all the same", async () => {
    const frame = frameOfRows([load(7, 'v7')], encodePolicyLoad);
    log.add({ ...frame, headers: { ...frame.headers, emitter: 'gate-2' } });
    const ingester = await start(compacted);
    await deliverAll();
    expect(ingester.stats()).toMatchObject({ rows: 6, deadLetters: 1 });
  });
});

describe('a process that has lost its partition without knowing', () => {
  const expelled = (): never => {
    throw new TidegateError('LOG_FAILED', 'this reader no longer owns partition 0');
  };

  it('announces nothing and stores nothing, when it wakes before its intent', async () => {
    log.add(source.frameOf(3));
    await start();
    log.onCommit = expelled;
    await expect(log.deliver(0, 1)).rejects.toThrow('no longer owns');
    expect(table.inserts).toEqual([]);
    expect(table.accounts).toEqual([]);
  });

  it('stores what its successor stores too, once, when it wakes within its insert', async () => {
    log.add(source.frameOf(3), source.frameOf(2));
    await start();
    const successorFirst = async (): Promise<void> => {
      await start();
      await deliverAll();
    };
    const insert = table.insert.bind(table);
    table.insert = async (runs, token) => {
      table.insert = insert;
      const zombie = log.handler;
      await successorFirst();
      log.handler = zombie;
      await insert(runs, token);
    };
    await log.deliver(0, 2);
    expect(table.total).toBe(5);
    expect(table.derived).toBe(5);
    expect(lines()).toMatchObject([{ startOffset: 0, endOffset: 2, rows: 5 }]);
  });

  it('repairs nothing and inserts nothing more, when it wakes while it settles', async () => {
    log.add(source.frameOf(4));
    await start();
    table.faultOf = () => 'no-answer';
    let repairs = 0;
    const repair = table.repair.bind(table);
    table.repair = async () => {
      repairs += 1;
      await repair();
    };
    let beats = 0;
    // It still owns the partition when the first insert fails, and no longer when it has counted.
    log.onHeartbeat = () => {
      beats += 1;
      if (beats > 1) expelled();
    };
    const clock = new ManualClock();
    await start({ clock });
    const delivery = log.deliver(0, 1).catch((error: unknown) => error);
    for (let round = 0; round < 20; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(500);
    }
    expect(await delivery).toMatchObject({ code: 'LOG_FAILED' });
    expect(repairs).toBe(0);
    expect(table.inserts).toHaveLength(1);
    expect(table.accounts).toEqual([]);
  });
});
