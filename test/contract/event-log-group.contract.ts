import { describe, expect, it } from 'vitest';
import { maxMetadataBytes } from '../../src/event/event-log.ts';
import { freshName } from '../support/engines.ts';
import { frameOf } from '../support/frames.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { allPartitions, failure, type LogBench } from './event-log-harness.ts';

const latch = (): { opened: Promise<void>; open(): void } => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

/** What holds for readers that share a group, and for what they commit. */
export const groupContract = ({ startReader, write, eventually }: LogBench): void => {
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
