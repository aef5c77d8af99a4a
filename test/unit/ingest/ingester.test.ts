import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { createIngester, type Ingester } from '../../../src/ingest/ingester.ts';
import { decodeIntent } from '../../../src/ingest/intent.ts';
import { silentLogger } from '../../../src/logger.ts';
import { baseTimeMs, FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable, type InsertFault } from '../../support/fake-event-table.ts';
import { Death, ScriptedLog } from '../../support/scripted-log.ts';

let clock: ManualClock;
let log: ScriptedLog;
let table: FakeEventTable;
let source: FrameSource;

beforeEach(() => {
  clock = new ManualClock();
  log = new ScriptedLog();
  table = new FakeEventTable();
  source = new FrameSource();
});

const start = async (options: { maxBlockRows?: number; blockIntervalMs?: number } = {}): Promise<Ingester> => {
  const ingester = createIngester({ log, table, clock, logger: silentLogger, ...options });
  await ingester.start();
  return ingester;
};

/** Lets time pass until the work is done. */
const throughTime = async <T>(work: Promise<T>): Promise<T> => {
  let isDone = false;
  const end = (): void => {
    isDone = true;
  };
  void work.then(end, end);
  for (let round = 0; round < 1000 && !isDone; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(500);
  }
  return work;
};

const faults = (...list: readonly (InsertFault | null)[]): void => {
  const queue = [...list];
  table.faultOf = () => queue.shift() ?? null;
};

describe('the happy path', () => {
  it('stores what a fetch holds as one block and acknowledges it once it has caught up', async () => {
    log.add(source.frameOf(3), source.frameOf(4));
    const ingester = await start();
    await log.deliver(0, 2);
    expect(table.inserts).toHaveLength(1);
    expect(table.total).toBe(7);
    expect(log.committed).toEqual({ offset: 2, metadata: '' });
    expect(ingester.positions()).toEqual(new Map([[0, 2]]));
    expect(ingester.stats()).toMatchObject({ blocks: 1, rows: 7, retries: 0, settledBlocks: 0 });
  });

  it('says what it is about to store before it stores it', async () => {
    log.add(source.frameOf(3));
    await start();
    let intent = '';
    table.faultOf = () => {
      intent = log.committed.metadata;
      return null;
    };
    await log.deliver(0, 1);
    expect(decodeIntent(intent)).toMatchObject({ startOffset: 0, endOffset: 1, rows: 3, topic: 'tidegate.decisions' });
  });

  it('lets the next intent acknowledge a block when more records wait', async () => {
    log.add(source.frameOf(1), source.frameOf(1));
    await start();
    await log.deliver(0, 1);
    expect(log.commits.map(({ offset }) => offset)).toEqual([0]);
    await log.deliver(1, 2);
    expect(log.commits.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  it('cuts blocks between frames so that each stays within its bound', async () => {
    log.add(...Array.from({ length: 10 }, () => source.frameOf(3)));
    const ingester = await start({ maxBlockRows: 7 });
    await log.deliver(0, 10);
    expect(ingester.stats()).toMatchObject({ blocks: 5, rows: 30 });
  });

  it('cuts a log of 13 years into blocks of two years', async () => {
    const yearMs = 365 * 86_400_000;
    for (let month = 0; month <= 13 * 12; month += 1)
      log.add(source.frame({ timeMs: baseTimeMs + (month * yearMs) / 12 }));
    const ingester = await start();
    await log.deliver(0, log.records.length);
    expect(ingester.stats()).toMatchObject({ blocks: 7, rows: 157 });
  });

  it('keeps metadata within what a broker takes, whatever has to be left out', async () => {
    const frame = source.frameOf(2);
    log.add(frame);
    for (let index = 0; index < 900; index += 1) log.add(frame);
    await start();
    await log.deliver(0, 901);
    expect(table.total).toBe(2);
    expect(Math.max(...log.commits.map(({ metadata }) => metadata.length))).toBeLessThan(4_000);
  });

  it('leaves time between two blocks of a partition when it is told to, and its membership does not suffer', async () => {
    log.add(source.frameOf(1), source.frameOf(1));
    await start({ blockIntervalMs: 9_000 });
    await log.deliver(0, 1);
    const startMs = clock.nowMs();
    await throughTime(log.deliver(1, 2));
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(9_000);
    expect(log.heartbeats).toBeGreaterThanOrEqual(3);
    expect(table.total).toBe(2);
  });

  it('tells when positions are reached, and not before', async () => {
    log.add(source.frameOf(1), source.frameOf(1));
    const ingester = await start();
    let isReached = false;
    const reached = ingester.whenReached(new Map([[0, 2]])).then(() => {
      isReached = true;
    });
    await log.deliver(0, 1);
    expect(isReached).toBe(false);
    await log.deliver(1, 2);
    await reached;
    expect(table.total).toBe(2);
    await ingester.whenReached(new Map([[0, 2]]));
  });

  it('stores frames of no rows by passing them', async () => {
    const frame = source.frameOf(1);
    const headers = { ...frame.headers, firstSeq: 2, rows: 0, crc32: '00000000', last: true };
    log.add(frame, { ...frame, headers, body: Buffer.alloc(0) });
    const ingester = await start();
    await log.deliver(0, 2);
    expect(ingester.positions()).toEqual(new Map([[0, 2]]));
    expect(ingester.stats()).toMatchObject({ rows: 1, deadLetters: 0, missingRows: 0 });
  });
});

describe('what the producer does', () => {
  it('stores a frame once that was sent twice', async () => {
    const [one, two] = [source.frameOf(3), source.frameOf(2)];
    log.add(one, one, two, one, two);
    const ingester = await start();
    await log.deliver(0, 5);
    expect(table.total).toBe(5);
    expect(ingester.stats()).toMatchObject({ doubledRows: 8, missingRows: 0 });
  });

  it('recognises a doubled frame whose first copy a former owner stored', async () => {
    const frame = source.frameOf(3);
    log.add(frame, frame);
    await start();
    await log.deliver(0, 1);
    await start();
    await log.deliver(0, 2);
    expect(table.total).toBe(3);
  });

  it('stores the new rows alone of a frame that overlaps an older one', async () => {
    const frame = source.frameOf(4);
    const { body, headers } = new FrameSource().frameOf(6);
    log.add(frame, { partition: 0, headers, body });
    const ingester = await start();
    await log.deliver(0, 2);
    expect(table.rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(ingester.stats().doubledRows).toBe(4);
  });

  it('counts rows that never came', async () => {
    const [one, , three] = [source.frameOf(2), source.frameOf(5), source.frameOf(2)];
    log.add(one, three);
    const ingester = await start();
    await log.deliver(0, 2);
    expect(ingester.stats().missingRows).toBe(5);
  });
});

describe('failures of the database', () => {
  const kinds: InsertFault[] = ['away', 'no-answer', 'half', 'token-without-rows', 'rows-without-token'];

  it.each(kinds)('stores everything once when an insert ends with: %s', async (fault) => {
    log.add(source.frameOf(5), source.frameOf(3));
    faults(fault);
    const ingester = await start();
    await throughTime(log.deliver(0, 2));
    expect(table.total).toBe(8);
    expect(table.derived).toBe(8);
    expect(ingester.stats()).toMatchObject({ retries: 1, settledBlocks: 1, storedTwiceRows: 0 });
  });

  it('keeps its offset and its membership for seconds, then gives the records back to the log, and loses nothing', async () => {
    log.add(source.frameOf(5));
    faults(...Array.from({ length: 30 }, (): InsertFault => 'away'));
    const ingester = await start();
    const delivery = log.deliver(0, 1);
    await vi.waitFor(() => expect(ingester.stats().waitingPartitions).toBe(1), { timeout: 15_000 });
    const startMs = clock.nowMs();
    await expect(throughTime(delivery)).rejects.toMatchObject({ code: 'TABLE_FAILED', retryable: true });
    expect(clock.nowMs() - startMs).toBeGreaterThan(9_000);
    expect(clock.nowMs() - startMs).toBeLessThan(60_000);
    expect(log.heartbeats).toBeGreaterThan(5);
    expect(ingester.stats().waitingPartitions).toBe(1);
    for (let isStored = false; !isStored; ) {
      isStored = await throughTime(log.deliver(0, 1)).then(
        () => true,
        () => false,
      );
    }
    expect(table.total).toBe(5);
    expect(ingester.stats()).toMatchObject({ waitingPartitions: 0, storedTwiceRows: 0 });
    expect(log.commits.filter(({ offset }) => offset === 1)).toHaveLength(1);
  });

  it('stops at once while the database is away, and its successor stores the block', async () => {
    log.add(source.frameOf(5), source.frameOf(5));
    table.faultOf = () => 'away';
    const ingester = await start();
    const delivery = log.deliver(0, 2);
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = ingester.whenReached(new Map([[0, 2]]));
    await Promise.all([
      ingester.stop(),
      expect(delivery).rejects.toMatchObject({ code: 'TABLE_FAILED' }),
      expect(waiting).rejects.toMatchObject({ code: 'LOG_FAILED' }),
    ]);
    table.faultOf = () => null;
    const next = await start();
    await log.deliver(0, 2);
    expect(table.total).toBe(10);
    expect(next.stats().settledBlocks).toBe(1);
  });

  it('does not act upon an intent that could not be committed', async () => {
    log.add(source.frameOf(5));
    log.onCommit = () => {
      throw new Error('no longer the owner');
    };
    await start();
    await expect(log.deliver(0, 1)).rejects.toThrow('no longer the owner');
    expect(table.inserts).toEqual([]);
  });

  it('commits its intent anew when the records come again after a commit that failed', async () => {
    log.add(source.frameOf(5), source.frameOf(1));
    let tries = 1;
    log.onCommit = () => {
      if (tries-- > 0) throw new Error('coordinator not available');
    };
    await start();
    await expect(log.deliver(0, 1)).rejects.toThrow('coordinator not available');
    let intent = '';
    table.faultOf = () => {
      intent ||= log.committed.metadata;
      return null;
    };
    await log.deliver(0, 2);
    expect(decodeIntent(intent)).toMatchObject({ startOffset: 0, endOffset: 2, rows: 6 });
    expect(table.total).toBe(6);
  });

  it('settles a block whose records come again, and still knows its frames when they come doubled', async () => {
    const frame = source.frameOf(5);
    log.add(frame, frame);
    await start();
    faults('no-answer');
    log.onHeartbeat = () => {
      throw new Error('expelled');
    };
    await expect(throughTime(log.deliver(0, 1))).rejects.toThrow('expelled');
    log.onHeartbeat = () => undefined;
    await log.deliver(0, 1);
    await log.deliver(1, 2);
    expect(table.total).toBe(5);
    expect(log.committed).toEqual({ offset: 2, metadata: '' });
  });

  it('waits for the marks of a partition before it stores anything', async () => {
    log.add(source.frameOf(5));
    let tries = 3;
    table.isAway = () => tries-- > 0;
    await start();
    await throughTime(log.deliver(0, 1));
    expect(table.total).toBe(5);
  });
});

describe('a successor', () => {
  const die = (): void => {
    table.faultOf = () => {
      throw new Death();
    };
  };

  it('rebuilds exactly the announced block, however the records are fetched', async () => {
    log.add(...Array.from({ length: 6 }, () => source.frameOf(2)));
    await start();
    die();
    await expect(log.deliver(0, 5)).rejects.toThrow(Death);
    table.faultOf = () => null;
    const ingester = await start();
    for (let offset = 0; offset < 6; offset += 1) await log.deliver(offset, offset + 1);
    expect(table.inserts[0]).toContain(':0:5:10:');
    expect(table.total).toBe(12);
    expect(ingester.stats().changedBlocks).toBe(0);
  });

  it('reports a log that no longer holds the announced block, and stores what is left', async () => {
    log.add(...Array.from({ length: 4 }, () => source.frameOf(2)));
    await start();
    die();
    await expect(log.deliver(0, 4)).rejects.toThrow(Death);
    table.faultOf = () => null;
    const ingester = await start();
    await log.deliver(2, 4);
    expect(ingester.stats().changedBlocks).toBe(1);
    expect(table.total).toBe(4);
  });

  it('refuses metadata that it does not understand, instead of guessing', async () => {
    log.committed = { offset: 3, metadata: '{"v":99}' };
    await expect(start()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
