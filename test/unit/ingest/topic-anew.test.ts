import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { decodeIntent } from '../../../src/ingest/intent.ts';
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

const start = async (): Promise<Ingester> => {
  const ingester = createIngester({ log, table, clock: new ManualClock(), logger });
  await ingester.start();
  return ingester;
};

const warnings = (): string[] => logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

/** All that the log holds, from where the reader was told to begin. */
const deliverAll = (): Promise<void> => log.deliver(log.position, log.records.length);

const linesOf = (topicId: string): number[][] =>
  [...table.ledger.values()]
    .filter((line) => line.topicId === topicId)
    .sort((a, b) => a.startOffset - b.startOffset)
    .map(({ startOffset, endOffset }) => [startOffset, endOffset]);

const dieAtInsert = async (): Promise<void> => {
  await start();
  table.faultOf = () => {
    throw new Death();
  };
  await expect(deliverAll()).rejects.toThrow(Death);
  table.faultOf = () => null;
};

describe('a topic that was deleted and made anew', () => {
  const makeAnew = (): void => {
    log.records.length = 0;
    log.topicId = 'topic-2';
  };

  beforeEach(async () => {
    log.add(source.frameOf(2), source.frameOf(2), source.frameOf(2));
    await start();
    await deliverAll();
  });

  it('is read from its oldest record, although more is committed than it holds', async () => {
    makeAnew();
    log.add(source.frameOf(4));
    const ingester = await start();
    expect(log.position).toBe(0);
    await deliverAll();
    expect(table.total).toBe(10);
    expect(ingester.positions()).toEqual(new Map([[0, 1]]));
    expect(warnings()).toContainEqual(expect.stringMatching(/deleted and made anew/));
  });

  it('is read from its oldest record, although it already holds more than is committed', async () => {
    makeAnew();
    for (let frame = 0; frame < 7; frame += 1) log.add(source.frameOf(1));
    await start();
    await deliverAll();
    expect(table.total).toBe(13);
  });

  it('is read from its oldest record when the broker has forgotten what was committed', async () => {
    makeAnew();
    log.committed = { offset: null, metadata: '' };
    log.add(source.frameOf(4));
    await start();
    await deliverAll();
    expect(table.total).toBe(10);
  });

  it('has a ledger of its own, beside that of the topic before', async () => {
    makeAnew();
    log.add(source.frameOf(4), source.frameOf(1));
    await start();
    await deliverAll();
    expect(linesOf('topic-1')).toEqual([[0, 3]]);
    expect(linesOf('topic-2')).toEqual([[0, 2]]);
  });

  it('stores a frame once that its producer sent to either topic', async () => {
    const frame = source.frameOf(3);
    log.add(frame);
    await deliverAll();
    makeAnew();
    log.add(frame, source.frameOf(2));
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(11);
    expect(ingester.stats().doubledRows).toBe(3);
  });

  it('drops the block that was under way: its records are gone with the topic', async () => {
    log.add(source.frameOf(2));
    await dieAtInsert();
    expect(decodeIntent(log.committed.metadata)).not.toBeNull();
    makeAnew();
    log.add(source.frameOf(5));
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(11);
    expect(ingester.stats().missingRows).toBe(2);
  });

  it('goes on in the new one after a crash there', async () => {
    makeAnew();
    log.add(source.frameOf(5), source.frameOf(5));
    await dieAtInsert();
    await start();
    await deliverAll();
    expect(table.total).toBe(16);
    expect(linesOf('topic-2')).toEqual([[0, 2]]);
  });
});

describe('a log that cannot tell one topic from the next', () => {
  beforeEach(async () => {
    log.topicId = '';
    log.add(source.frameOf(2), source.frameOf(2), source.frameOf(2));
    await start();
    await deliverAll();
  });

  it('is read from its oldest record when it ends before what was read, and stores nothing twice', async () => {
    log.records.length = 0;
    log.add(source.frameOf(3));
    await start();
    await deliverAll();
    expect(table.total).toBe(9);
    expect(warnings()).toContainEqual(expect.stringMatching(/ends before what was read/));
    await start();
    expect(log.position).toBe(1);
  });
});

describe('a log that lost its end, and went on', () => {
  it('is read again: what is stored is found by counting, what is new is stored', async () => {
    log.add(source.frameOf(2), source.frameOf(2), source.frameOf(2), source.frameOf(2));
    await start();
    await deliverAll();
    log.records.length = 2;
    log.add(new FrameSource({ emitter: 'another' }).frameOf(5));
    const ingester = await start();
    await deliverAll();
    expect(table.total).toBe(13);
    expect(ingester.stats().storedTwiceRows).toBe(0);
    const keys = table.rows.map(({ emitter, seq }) => `${emitter}:${seq}`);
    expect(new Set(keys).size).toBe(13);
  });
});

describe('a group whose offsets were changed or forgotten', () => {
  beforeEach(async () => {
    log.add(source.frameOf(2), source.frameOf(2), source.frameOf(2));
    await start();
    await deliverAll();
  });

  it.each([
    ['forgotten', null],
    ['set back', 1],
  ])('goes on where the ledger ends when they were %s', async (_, offset) => {
    log.committed = { offset, metadata: '' };
    log.add(source.frameOf(5));
    const ingester = await start();
    expect(log.position).toBe(3);
    await deliverAll();
    expect(table.total).toBe(11);
    expect(ingester.stats().doubledRows).toBe(0);
    expect(linesOf('topic-1')).toEqual([
      [0, 3],
      [3, 4],
    ]);
  });

  it('reads again what the ledger does not name, such as after a restore of the database, and doubles nothing', async () => {
    log.add(source.frameOf(5), source.frameOf(1));
    await deliverAll();
    // The ledger and three of five rows went with the disk.
    for (const [key, line] of table.ledger) if (line.startOffset >= 3) table.ledger.delete(key);
    table.accounts.splice(1);
    table.rows.splice(6, 3);
    const ingester = await start();
    expect(log.position).toBe(3);
    await deliverAll();
    expect(table.total).toBe(12);
    expect(ingester.stats()).toMatchObject({ storedTwiceRows: 0, repairedRows: 3 });
    expect(linesOf('topic-1')).toEqual([
      [0, 3],
      [3, 5],
    ]);
  });

  it('is told of by a warning that says where it goes on and why', async () => {
    log.committed = { offset: 1, metadata: '' };
    await start();
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ committed: 1, nextOffset: 3 }) }),
    );
  });
});
