import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { EventLog } from '../../src/event/event-log.ts';
import { createIngester } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { FakeEventTable } from '../support/fake-event-table.ts';

const partitions = 2;

describeWith('kafka', 'ingest from a real broker', (url) => {
  let log: EventLog;

  /** 40 frames of 50 rows, every eighth of them sent twice. Returns how many rows there are. */
  const produce = async (topic: string): Promise<number> => {
    const writer = await log.writer(topic);
    const sources = Array.from({ length: partitions }, (_, partition) => new FrameSource({ partition }));
    for (let index = 0; index < 40; index += 1) {
      const frame = sources[index % partitions]?.frameOf(50);
      if (frame) await writer.append(index % 8 === 0 ? [frame, frame] : [frame]);
    }
    await writer.close();
    return 40 * 50;
  };

  beforeAll(async () => {
    log = await openKafkaEventLog({ url, clock: systemClock, partitions, sessionTimeoutMs: 6_000 });
  });
  afterAll(() => log.close());

  it('stores every decision once while members come and go', async () => {
    const topic = freshName('ingest');
    const rows = await produce(topic);
    const table = new FakeEventTable();
    const member = () => {
      const common = { log, table, clock: systemClock, logger: silentLogger };
      return createIngester({ ...common, topic, group: topic, deadLetterTopic: `${topic}-dead`, maxBlockRows: 100 });
    };
    const first = member();
    await first.start();
    const second = member();
    await second.start();
    await first.stop();
    await second.whenReached(await log.endPositions(topic));
    await second.stop();
    expect(table.total).toBe(rows);
    expect(table.derived).toBe(rows);
  });
});
