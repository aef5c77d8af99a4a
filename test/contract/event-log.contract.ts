import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { maxFrameBytes } from '../../src/event/event-log.ts';
import { checkFrame } from '../../src/event/frame.ts';
import { freshName } from '../support/engines.ts';
import { frameOf } from '../support/frames.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { groupContract } from './event-log-group.contract.ts';
import { allPartitions, type EventLogHarness, failure, logBench, partitions } from './event-log-harness.ts';

/** What every event log must do, whatever stores it. */
export const eventLogContract = (harness: EventLogHarness): void => {
  const bench = logBench(harness);
  const { log, startReader, write, eventually } = bench;

  describe('writing', () => {
    it('creates the topic with the partitions asked for, all empty', async () => {
      const topic = freshName('topic');
      const writer = await log().writer(topic);
      expect(writer.partitions).toBe(partitions);
      expect(await log().endPositions(topic)).toEqual(new Map(allPartitions.map((partition) => [partition, 0])));
    });

    it('creates a topic with as many partitions as it is to have, whoever opens it first, and keeps them', async () => {
      const [written, read] = [freshName('topic'), freshName('topic')];
      const as = { partitions: 2, retentionMs: 3_600_000 };
      expect((await log().writer(written, as)).partitions).toBe(2);
      await log().reader(read, freshName('group'), as);
      expect((await log().writer(read)).partitions).toBe(2);
      expect(await log().endPositions(written)).toEqual(new Map([0, 1].map((partition) => [partition, 0])));
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
      expect(await log().endPositions(topic)).toEqual(
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
      expect([...(await log().endPositions(topic)).values()]).toEqual([0, 0, 0, 0]);
    });

    it('takes a frame of the largest size, refuses a larger one, and then appends none of its companions', async () => {
      const topic = freshName('topic');
      await write(topic, frameOf(0, Buffer.alloc(maxFrameBytes, 'x')), frameOf(0, Buffer.alloc(maxFrameBytes, 'y')));
      const refused = await failure(write(topic, frameOf(0, 'small'), frameOf(0, Buffer.alloc(maxFrameBytes + 1))));
      expect(refused).toMatchObject({ code: 'LOG_FAILED', retryable: false });
      expect((await log().endPositions(topic)).get(0)).toBe(2);
    });

    it('refuses a partition that does not exist', async () => {
      const refused = await failure(write(freshName('topic'), frameOf(partitions, 'a')));
      expect(refused).toBeInstanceOf(TidegateError);
      expect(refused).toMatchObject({ code: 'LOG_FAILED', retryable: false });
    });

    it('refuses frames once the writer is closed', async () => {
      const writer = await log().writer(freshName('topic'));
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

  groupContract(bench);
};
