import { type Admin, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { EventLog, OutgoingFrame } from '../../src/event/event-log.ts';
import { createIngester, type Ingester } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { FakeEventTable } from '../support/fake-event-table.ts';

describeWith('kafka', 'a topic that is deleted and made anew on Kafka', (url) => {
  let admin: Admin;
  let log: EventLog;
  const timeout = { timeout: 60_000, interval: 100 };

  beforeAll(async () => {
    const broker = new URL(url.replace('kafka:', 'http:')).host;
    admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    log = await openKafkaEventLog({ url, clock: systemClock, partitions: 3, maxWaitMs: 100, retryPauseMs: 200 });
  });
  afterAll(async () => {
    await log.close();
    await admin.disconnect();
  });

  const makeAnew = async (topic: string, partitions: number): Promise<void> => {
    await admin.deleteTopics({ topics: [topic] });
    await expect.poll(() => admin.listTopics(), timeout).not.toContain(topic);
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  };

  const write = async (topic: string, ...frames: readonly OutgoingFrame[]): Promise<void> => {
    const writer = await log.writer(topic);
    await writer.append(frames);
    await writer.close();
  };

  const open = async (topic: string, table: FakeEventTable): Promise<Ingester> => {
    const options = { topic, group: topic, deadLetterTopic: `${topic}-dead` };
    const ingester = createIngester({ ...options, log, table, clock: systemClock, logger: silentLogger });
    await ingester.start();
    return ingester;
  };

  const sourceOf = (partition: number): FrameSource => new FrameSource({ partition, emitter: `emitter-${partition}` });

  it('is ingested from its oldest record by the next process, with fewer partitions than before', async () => {
    const topic = freshName('anew');
    const table = new FakeEventTable();
    const [one, three] = [sourceOf(0), sourceOf(2)];
    await write(topic, one.frameOf(3), one.frameOf(2), three.frameOf(4));
    const first = await open(topic, table);
    await expect.poll(() => table.total, timeout).toBe(9);
    await first.stop();
    await makeAnew(topic, 1);
    await write(topic, one.frameOf(6));
    const second = await open(topic, table);
    await expect.poll(() => table.total, timeout).toBe(15);
    expect(new Set([...table.ledger.values()].map(({ topicId }) => topicId)).size).toBe(2);
    expect(second.stats()).toMatchObject({ doubledRows: 0, missingRows: 0, storedTwiceRows: 0 });
    await second.stop();
  }, 120_000);

  it('is ingested from its oldest record by a process that reads on meanwhile', async () => {
    const topic = freshName('anew-live');
    const table = new FakeEventTable();
    const source = sourceOf(0);
    await write(topic, source.frameOf(3), source.frameOf(2));
    const ingester = await open(topic, table);
    await expect.poll(() => table.total, timeout).toBe(5);
    await makeAnew(topic, 3);
    await write(topic, source.frameOf(1), source.frameOf(1), source.frameOf(1), source.frameOf(1));
    await expect.poll(() => table.total, timeout).toBe(9);
    expect(ingester.stats()).toMatchObject({ doubledRows: 0, missingRows: 0 });
    await ingester.stop();
  }, 120_000);
});
