import { afterAll, beforeAll, expect, it } from 'vitest';
import { HealthPublisher } from '../../src/alert/health-publisher.ts';
import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { type OutgoingFrame, topics } from '../../src/event/event-log.ts';
import { ingestedTopics } from '../../src/ingest/ingested-topics.ts';
import { createIngester, type IngestStats } from '../../src/ingest/ingester.ts';
import { silentLogger } from '../../src/logger.ts';
import type { Sample } from '../../src/metrics/sample.ts';
import { describeWith } from '../support/engines.ts';
import { sampleOf } from '../support/samples.ts';

describeWith('chdb', 'what processes tell of themselves', (url) => {
  let engine: ClickHouseEngine;
  let log: MemoryEventLog;

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, logger: silentLogger, clock: systemClock, options: { dedupWindow: 1000 } });
    log = new MemoryEventLog({ clock: systemClock, partitions: 1 });
  }, 60_000);
  afterAll(async () => {
    await log.close();
    await engine.close();
  });

  const ingestAll = async (): Promise<IngestStats> => {
    const table = new ClickHouseEventTable({ engine, table: 'health_samples', nowMs: () => systemClock.nowMs() });
    const ingester = createIngester({ ...ingestedTopics.health, log, table, clock: systemClock, logger: silentLogger });
    await ingester.start();
    await ingester.whenReached(await log.endPositions(topics.health));
    await ingester.stop();
    return ingester.stats();
  };
  const stored = (statement: string) => selectRows<Record<string, string>>(engine.reader, statement);
  const write = async (...frames: readonly OutgoingFrame[]): Promise<void> => {
    await (await log.writer(topics.health)).append(frames);
  };

  it('is taken of two processes, in whatever order it comes, each sample once', async () => {
    const told = new Map<string, number>();
    const publish = async (process: string, command: 'up' | 'ingest'): Promise<readonly OutgoingFrame[]> => {
      const frames: OutgoingFrame[] = [];
      const writer = await log.writer(topics.health);
      const append = async (some: readonly OutgoingFrame[]) => {
        frames.push(...some);
        return writer.append(some);
      };
      const read = async (): Promise<readonly Sample[]> =>
        [1, 2, 3].map((value) => {
          const labels = { tidegate_partition: `${value}`, odd: 'a"b\\c\u2028 {}' };
          told.set(`${process} ${value}`, value * 1.5);
          return sampleOf({ atMs: systemClock.nowMs(), process, command, labels, value: value * 1.5 });
        });
      const publisher = new HealthPublisher({
        ...{ log: { writer: async () => ({ ...writer, append }) }, process, read },
        ...{ clock: systemClock, random: () => 0 },
      });
      publisher.start();
      await expect.poll(() => publisher.stats().published, { timeout: 10_000 }).toBe(3);
      await publisher.stop();
      return frames;
    };
    // Both write to the same partition: their frames stand between each other.
    const [first, second] = [await publish('a-up-1', 'up'), await publish('a-ingest-2', 'ingest')];
    await write(...first, ...second, ...first);
    const stats = await ingestAll();
    expect(stats).toMatchObject({ rows: 6, doubledRows: 9, deadLetters: 0, missingRows: 0 });
    const rows = await stored(
      `SELECT concat(process, ' ', labels['tidegate_partition']) AS who, value, command, emitter, labels['odd'] AS odd
       FROM health_samples WHERE figure = 'tidegate_ingest_lag' ORDER BY who`,
    );
    expect(new Map(rows.map(({ who, value }) => [who, Number(value)]))).toEqual(told);
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatchObject({ emitter: 'a-ingest-2', command: 'ingest', odd: 'a"b\\c\u2028 {}' });
  }, 60_000);
});
