import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { type EventLog, type LogReader, maxFrameBytes, maxMetadataBytes } from '../../src/event/event-log.ts';
import { checkFrame } from '../../src/event/frame.ts';
import { freshName } from '../support/engines.ts';
import { frameOf } from '../support/frames.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

export interface EventLogHarness {
  /** A log whose topics get four partitions. */
  open(): Promise<EventLog>;
  /** Lets time pass between two looks at a condition. */
  tick(): void;
}

const partitions = 4;
const allPartitions = [0, 1, 2, 3];

const latch = (): { opened: Promise<void>; open(): void } => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

/** What every event log must do, whatever stores it. */
export const eventLogContract = (harness: EventLogHarness): void => {
  let log: EventLog;
  const readers: LogReader[] = [];

  beforeAll(async () => {
    log = await harness.open();
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.stop()));
  });
  afterAll(() => log.close());

  const eventually = (check: () => void | Promise<void>): Promise<void> =>
    vi.waitFor(
      async () => {
        harness.tick();
        await check();
      },
      { timeout: 25_000, interval: 20 },
    );

  const startReader = async (
    topic: string,
    group: string,
    handler = new RecordingHandler(),
  ): Promise<{ reader: LogReader; handler: RecordingHandler }> => {
    const reader = await log.reader(topic, group);
    readers.push(reader);
    await reader.start(handler);
    return { reader, handler };
  };

  const write = async (topic: string, ...frames: ReturnType<typeof frameOf>[]) => {
    const writer = await log.writer(topic);
    const positions = await writer.append(frames);
    await writer.close();
    return positions;
  };

  const failure = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => null,
      (error: unknown) => error,
    );

  describe('writing', () => {
    it('creates the topic with the partitions asked for, all empty', async () => {
      const topic = freshName('topic');
      const writer = await log.writer(topic);
      expect(writer.partitions).toBe(partitions);
      expect(await log.endPositions(topic)).toEqual(new Map(allPartitions.map((partition) => [partition, 0])));
    });

    it('answers with the position just behind the newest frame of each partition it wrote to', async () => {
      const topic = freshName('topic');
      expect(await write(topic, frameOf(1, 'a'), frameOf(1, 'b'), frameOf(3, 'c'))).toEqual(
        new Map([
          [1, 2],
          [3, 1],
        ]),
      );
      expect(await write(topic, frameOf(1, 'd'))).toEqual(new Map([[1, 3]]));
      expect(await log.endPositions(topic)).toEqual(
        new Map([
          [0, 0],
          [1, 3],
          [2, 0],
          [3, 1],
        ]),
      );
    });

    it('appends nothing when given nothing', async () => {
      const topic = freshName('topic');
      expect(await write(topic)).toEqual(new Map());
      expect([...(await log.endPositions(topic)).values()]).toEqual([0, 0, 0, 0]);
    });

    it('takes a frame of the largest size, refuses a larger one, and then appends none of its companions', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, Buffer.alloc(maxFrameBytes, 'x')), frameOf(0, Buffer.alloc(maxFrameBytes, 'y')));
      const refused = await failure(write(topic, frameOf(0, 'small'), frameOf(0, Buffer.alloc(maxFrameBytes + 1))));
      expect(refused).toMatchObject({ code: 'LOG_FAILED', retryable: false });
      expect((await log.endPositions(topic)).get(0)).toBe(2);
    });

    it('refuses a partition that does not exist', async () => {
      const refused = await failure(write(freshName('topic'), frameOf(partitions, 'a')));
      expect(refused).toBeInstanceOf(TidegateError);
      expect(refused).toMatchObject({ code: 'LOG_FAILED', retryable: false });
    });

    it('refuses frames once the writer is closed', async () => {
      const writer = await log.writer(freshName('topic'));
      await writer.close();
      expect(await failure(writer.append([frameOf(0, 'a')]))).toMatchObject({ code: 'LOG_FAILED' });
    });
  });

  describe('reading', () => {
    it('starts a new group at the oldest record and keeps the order within each partition', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a0'), frameOf(2, 'c0'), frameOf(0, 'a1'));
      const { handler } = await startReader(topic, freshName('group'));
      await write(topic, frameOf(0, 'a2'), frameOf(2, 'c1'));
      await eventually(() => expect(handler.records).toHaveLength(5));
      expect(handler.texts(0)).toEqual(['a0', 'a1', 'a2']);
      expect(handler.texts(2)).toEqual(['c0', 'c1']);
      expect(handler.records.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual([0, 1, 2]);
    });

    it('hands on bytes and headers as they were written, and says when that was', async () => {
      const topic = freshName('topic');
      const body = Buffer.from([0, 255, 254, 10, 195, 40, 13, 10]);
      await write(topic, frameOf(1, body, 'émetteur "1"\u2028'));
      const { handler } = await startReader(topic, freshName('group'));
      await eventually(() => expect(handler.records).toHaveLength(1));
      const [record] = handler.records;
      expect(record?.body.equals(body)).toBe(true);
      expect(record && checkFrame(record)).toEqual(frameOf(1, body, 'émetteur "1"\u2028').headers);
      // Not the events' own time, which is in 2015: retention would eat them.
      expect(record?.appendedAtMs).toBeGreaterThan(1_700_000_000_000);
    });

    it('carries an empty body', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, ''));
      const { handler } = await startReader(topic, freshName('group'));
      await eventually(() => expect(handler.texts(0)).toEqual(['']));
    });

    it('tells each batch where its partition ends', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a'), frameOf(0, 'b'));
      const { handler } = await startReader(topic, freshName('group'));
      await eventually(() => expect(handler.records).toHaveLength(2));
      expect(handler.batches.at(-1)?.endOffset).toBe(2);
    });

    it('announces every partition, empty ones too, before its first record', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a'));
      const { handler } = await startReader(topic, freshName('group'));
      await eventually(() => expect(handler.records).toHaveLength(1));
      expect(handler.partitions).toEqual(allPartitions);
      expect(handler.owned.get(1)).toEqual({ offset: null, metadata: '' });
      expect(handler.calls.indexOf('assigned 0')).toBeLessThan(handler.calls.indexOf('handle 0'));
    });

    it('gives every group all records', async () => {
      const topic = freshName('topic');
      const first = await startReader(topic, freshName('group'));
      const second = await startReader(topic, freshName('group'));
      await write(topic, frameOf(0, 'a'), frameOf(3, 'b'));
      await eventually(() => {
        expect(first.handler.records).toHaveLength(2);
        expect(second.handler.records).toHaveLength(2);
      });
    });

    it('never runs two calls for one partition at once', async () => {
      const topic = freshName('topic');
      let running = 0;
      let most = 0;
      const handler = new RecordingHandler();
      handler.onHandle = async () => {
        running += 1;
        most = Math.max(most, running);
        await write(topic, ...(handler.batches.length < 5 ? [frameOf(0, 'more')] : []));
        running -= 1;
      };
      await startReader(topic, freshName('group'), handler);
      await write(topic, frameOf(0, 'a'));
      await eventually(() => expect(handler.records).toHaveLength(5));
      expect(most).toBe(1);
    });
  });

  describe('a rejected batch', () => {
    it('comes again with the same first record, and nothing behind it is handled before', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a'), frameOf(0, 'b'));
      let failures = 0;
      const handler = new RecordingHandler();
      handler.onHandle = async () => {
        if (failures++ < 2) throw new TypeError('the handler has a bad day');
      };
      await startReader(topic, freshName('group'), handler);
      await eventually(() => expect(handler.records.length).toBeGreaterThanOrEqual(2));
      expect(handler.texts(0)).toEqual(['a', 'b']);
      expect(handler.batches.slice(0, 3).map((batch) => batch.records[0]?.offset)).toEqual([0, 0, 0]);
    });

    it('does not hold up other partitions', async () => {
      const topic = freshName('topic');
      const handler = new RecordingHandler();
      handler.onHandle = async (batch) => {
        if (batch.partition === 0) throw new Error('never');
      };
      await startReader(topic, freshName('group'), handler);
      await write(topic, frameOf(0, 'stuck'), frameOf(1, 'fine'));
      await eventually(() => expect(handler.texts(1)).toEqual(['fine']));
      expect(handler.texts(0)).toEqual([]);
    });

    it('leaves a refused assignment to be announced again before any record', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a'));
      const handler = new RecordingHandler();
      const assigned = handler.assigned.bind(handler);
      let refusals = 0;
      handler.assigned = async (partition, committed) => {
        if (partition === 0 && refusals++ === 0) throw new Error('not ready');
        await assigned(partition, committed);
      };
      await startReader(topic, freshName('group'), handler);
      await eventually(() => expect(handler.texts(0)).toEqual(['a']));
      expect(refusals).toBe(2);
      expect(handler.calls.indexOf('assigned 0')).toBeLessThan(handler.calls.indexOf('handle 0'));
    });
  });

  describe('committing', () => {
    it('gives offset and metadata back to the next reader, which goes on from there', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const metadata = JSON.stringify({ v: 1, start: 1, end: 3, crc: 'deadbeef' });
      await write(topic, frameOf(0, 'a'), frameOf(0, 'b'), frameOf(0, 'c'));
      const first = await startReader(topic, group);
      first.handler.onHandle = (batch) => batch.commit(1, metadata);
      await write(topic, frameOf(0, 'd'));
      await eventually(() => expect(first.handler.texts(0)).toContain('d'));
      await first.reader.stop();

      const second = await startReader(topic, group);
      expect(second.handler.owned.get(0)).toEqual({ offset: 1, metadata });
      await eventually(() => expect(second.handler.texts(0)).toEqual(['b', 'c', 'd']));
    });

    it('keeps the last of several commits, and an empty metadata is one too', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const first = await startReader(topic, group);
      first.handler.onHandle = async (batch) => {
        await batch.commit(0, 'intent');
        await batch.heartbeat();
        await batch.commit(1, '');
      };
      await write(topic, frameOf(0, 'a'));
      await eventually(() => expect(first.handler.records).toHaveLength(1));
      await first.reader.stop();
      const second = await startReader(topic, group);
      expect(second.handler.owned.get(0)).toEqual({ offset: 1, metadata: '' });
    });

    it('takes metadata of the largest size and refuses a larger one', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const largest = 'm'.repeat(maxMetadataBytes);
      const outcomes: unknown[] = [];
      const first = await startReader(topic, group);
      first.handler.onHandle = async (batch) => {
        outcomes.push(await failure(batch.commit(1, largest)), await failure(batch.commit(1, `${largest}m`)));
      };
      await write(topic, frameOf(0, 'a'));
      await eventually(() => expect(first.handler.records).toHaveLength(1));
      expect(outcomes[0]).toBeNull();
      expect(outcomes[1]).toMatchObject({ code: 'LOG_FAILED', retryable: false });
      await first.reader.stop();
      expect((await startReader(topic, group)).handler.owned.get(0)).toEqual({ offset: 1, metadata: largest });
    });

    it('works for a handler that is still running when its reader is told to stop', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const entered = latch();
      const stopping = latch();
      const first = await startReader(topic, group);
      first.handler.onHandle = async (batch) => {
        entered.open();
        await stopping.opened;
        await batch.commit(1, 'at the last moment');
      };
      await write(topic, frameOf(0, 'a'));
      await entered.opened;
      const stopped = first.reader.stop();
      stopping.open();
      await stopped;
      expect((await startReader(topic, group)).handler.owned.get(0)).toEqual({
        offset: 1,
        metadata: 'at the last moment',
      });
    });

    it('is refused once the partition has gone', async () => {
      const topic = freshName('topic');
      const { reader, handler } = await startReader(topic, freshName('group'));
      await write(topic, frameOf(0, 'a'));
      await eventually(() => expect(handler.records).toHaveLength(1));
      await reader.stop();
      const [batch] = handler.batches;
      expect(batch && (await failure(batch.commit(1, '')))).toMatchObject({ code: 'LOG_FAILED', retryable: false });
      expect(batch && (await failure(batch.heartbeat()))).toMatchObject({ code: 'LOG_FAILED', retryable: false });
    });
  });

  describe('a group of readers', () => {
    it('shares the partitions, each owned by one reader', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const first = await startReader(topic, group);
      const second = await startReader(topic, group);
      await eventually(() => {
        expect([...first.handler.partitions, ...second.handler.partitions].sort()).toEqual(allPartitions);
        expect(first.handler.partitions).toHaveLength(2);
      });
      await write(topic, ...allPartitions.map((partition) => frameOf(partition, `p${partition}`)));
      await eventually(() => expect(first.handler.records.length + second.handler.records.length).toBe(4));
      expect(first.handler.records).toHaveLength(2);
    });

    it('takes over from a reader that stops, at what that one had committed', async () => {
      const topic = freshName('topic');
      const group = freshName('group');
      const first = await startReader(topic, group);
      const second = await startReader(topic, group);
      for (const { handler } of [first, second]) {
        handler.onHandle = (batch) => batch.commit(batch.records[0]?.offset ?? 0, `intent ${batch.partition}`);
      }
      await eventually(() => expect(first.handler.partitions).toHaveLength(2));
      await write(topic, ...allPartitions.map((partition) => frameOf(partition, `p${partition}`)));
      await eventually(() => expect(first.handler.records.length + second.handler.records.length).toBe(4));
      const given = first.handler.partitions;
      await first.reader.stop();
      expect(first.handler.partitions).toEqual([]);
      await eventually(() => expect(second.handler.partitions).toEqual(allPartitions));
      for (const partition of given) {
        expect(second.handler.owned.get(partition)).toEqual({ offset: 0, metadata: `intent ${partition}` });
        await eventually(() => expect(second.handler.texts(partition)).toEqual([`p${partition}`]));
      }
    });

    it('says how far each owned partition is behind its end', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, 'a'), frameOf(0, 'b'), frameOf(2, 'c'));
      const handler = new RecordingHandler();
      handler.onHandle = async (batch) => {
        if (batch.partition === 0) throw new Error('never');
      };
      const { reader } = await startReader(topic, freshName('group'), handler);
      await eventually(async () =>
        expect(await reader.lag()).toEqual(
          new Map([
            [0, 2],
            [1, 0],
            [2, 0],
            [3, 0],
          ]),
        ),
      );
      await reader.stop();
      expect(await reader.lag()).toEqual(new Map());
    });

    it('calls revoked for every partition that was announced, when the reader stops', async () => {
      const { reader, handler } = await startReader(freshName('topic'), freshName('group'));
      await reader.stop();
      await reader.stop();
      expect(handler.calls.filter((call) => call.startsWith('revoked')).sort()).toEqual(
        allPartitions.map((partition) => `revoked ${partition}`),
      );
    });
  });
};
