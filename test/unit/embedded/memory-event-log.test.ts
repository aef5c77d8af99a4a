import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryEventLog, type MemoryEventLogOptions } from '../../../src/embedded/memory-event-log.ts';
import type { LogReader } from '../../../src/event/event-log.ts';
import { frameOf } from '../../support/frames.ts';
import { RecordingHandler } from '../../support/recording-handler.ts';

const topic = 'decisions';

const openLog = (options: Partial<MemoryEventLogOptions> = {}) => {
  const clock = new ManualClock();
  return { clock, log: new MemoryEventLog({ clock, partitions: 2, ...options }) };
};

const read = async (log: MemoryEventLog, group: string, handler = new RecordingHandler()) => {
  const reader: LogReader = await log.reader(topic, group);
  await reader.start(handler);
  return handler;
};

describe('the event log in memory', () => {
  it('forgets a record once every group has committed it, and not before', async () => {
    const { log } = openLog();
    const [ingest, detect] = [await read(log, 'ingest'), await read(log, 'detect')];
    const writer = await log.writer(topic);
    await writer.append([frameOf(0, 'one'), frameOf(0, 'two')]);
    await vi.waitFor(() => expect(ingest.records.length + detect.records.length).toBe(4), { timeout: 15_000 });
    await ingest.batches[0]?.commit(2, '');
    expect(log.stats().records).toBe(2);
    await detect.batches[0]?.commit(1, '');
    expect(log.stats()).toEqual({ records: 1, bytes: 3, droppedRecords: 0 });
    expect((await log.endPositions(topic)).get(0)).toBe(2);
  });

  it('keeps everything for readers to come while nobody reads', async () => {
    const { log } = openLog();
    await (await log.writer(topic)).append([frameOf(0, 'one'), frameOf(1, 'two')]);
    expect((await read(log, 'late')).partitions).toEqual([0, 1]);
    expect(log.stats().records).toBe(2);
  });

  it('drops the oldest records of the fullest partition when it is full, and counts them', async () => {
    const { log } = openLog({ maxBytes: 10 });
    const writer = await log.writer(topic);
    await writer.append([frameOf(0, 'aaaa'), frameOf(0, 'bbbb'), frameOf(1, 'c')]);
    await writer.append([frameOf(0, 'dddd')]);
    expect(log.stats()).toEqual({ records: 3, bytes: 9, droppedRecords: 1 });
    const handler = await read(log, 'ingest');
    await vi.waitFor(() => expect(handler.records).toHaveLength(3), { timeout: 15_000 });
    expect(handler.records.map(({ offset, partition }) => `${partition}/${offset}`).sort()).toEqual([
      '0/1',
      '0/2',
      '1/0',
    ]);
  });

  it('lets a rejected batch wait for the pause that was set', async () => {
    const { log, clock } = openLog({ retryPauseMs: 1_000 });
    const handler = new RecordingHandler();
    handler.onHandle = async () => {
      throw new Error('never');
    };
    await read(log, 'ingest', handler);
    await (await log.writer(topic)).append([frameOf(0, 'a')]);
    await vi.waitFor(() => expect(handler.batches).toHaveLength(1), { timeout: 15_000 });
    clock.advance(999);
    await Promise.resolve();
    expect(handler.batches).toHaveLength(1);
    clock.advance(1);
    await vi.waitFor(() => expect(handler.batches).toHaveLength(2), { timeout: 15_000 });
  });

  it('stops at once, even in the middle of that pause', async () => {
    const { log } = openLog();
    const handler = new RecordingHandler();
    handler.onHandle = async () => {
      throw new Error('never');
    };
    await read(log, 'ingest', handler);
    await (await log.writer(topic)).append([frameOf(0, 'a')]);
    await vi.waitFor(() => expect(handler.batches).toHaveLength(1), { timeout: 15_000 });
    await log.close();
    expect(handler.partitions).toEqual([]);
  });

  it('waits in stop for a handler that lost its partition to another reader and still runs', async () => {
    const { log } = openLog();
    let finish = (): void => undefined;
    const handler = new RecordingHandler();
    handler.onHandle = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const reader = await log.reader(topic, 'ingest');
    await reader.start(handler);
    await (await log.writer(topic)).append([frameOf(1, 'a')]);
    await vi.waitFor(() => expect(handler.batches).toHaveLength(1), { timeout: 15_000 });
    const other = await log.reader(topic, 'ingest');
    const [joined, stopped] = [other.start(new RecordingHandler()), reader.stop()];
    let isStopped = false;
    void stopped.then(() => {
      isStopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    finish();
    await Promise.all([joined, stopped]);
    expect(handler.calls.at(-1)).toBe('revoked 1');
  });

  it('does not see what its writer does to a buffer afterwards', async () => {
    const { log } = openLog();
    const frame = frameOf(0, 'before');
    await (await log.writer(topic)).append([frame]);
    frame.body.fill('x');
    const handler = await read(log, 'ingest');
    await vi.waitFor(() => expect(handler.texts(0)).toEqual(['before']), { timeout: 15_000 });
  });
});
