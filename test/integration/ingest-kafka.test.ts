import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { EventLog } from '../../src/event/event-log.ts';
import { createIngester } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { chdbUrl, describeWith, freshName } from '../support/engines.ts';
import { FakeEventTable } from '../support/fake-event-table.ts';
import { liveAndDie } from '../support/live-and-die.ts';

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

  it('stores every decision once on chDB though the process is killed with SIGKILL again and again', async (context) => {
    const data = chdbUrl();
    if (data === null) return context.skip('chDB is missing');
    const folder = data.slice('chdb:'.length);
    mkdirSync(folder, { recursive: true });
    const topic = freshName('ingest-crash');
    const rows = await produce(topic);
    const base = { folder, frames: 0, kafka: { url, topic } };
    const points = ['before-insert', 'during-insert', 'after-insert', 'after-count', 'during-repair'] as const;
    for (const point of points) {
      const { signal, errors } = await liveAndDie({ ...base, point, delayUs: 3_000 });
      expect(errors).toBe('');
      expect(signal).toBe('SIGKILL');
    }
    const { output, errors } = await liveAndDie({ ...base, point: 'never', delayUs: 0 });
    expect(errors).toBe('');
    const { totals, partitions: stored, stats } = JSON.parse(output);
    expect(totals.decisions).toBe(rows);
    expect(stored).toHaveLength(partitions);
    for (const one of stored) expect(one).toMatchObject({ events: rows / partitions, drift: 0, doubledEvents: 0 });
    expect(stats).toMatchObject({ storedTwiceRows: 0, changedBlocks: 0, missingRows: 0, deadLetters: 0 });
  }, 240_000);
});
