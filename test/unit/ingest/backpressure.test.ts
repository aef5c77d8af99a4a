import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { TidegateError } from '../../../src/errors.ts';
import { topics } from '../../../src/event/event-log.ts';
import { createIngester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FrameSource } from '../../support/decision-frames.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';

it('a partition that cannot be stored for minutes holds up no other one, and is stored when it can be', async () => {
  const clock = new ManualClock();
  const log = new MemoryEventLog({ clock, partitions: 3 });
  const table = new FakeEventTable();
  const insert = table.insert.bind(table);
  let isAway = true;
  table.insert = async (runs, token) => {
    if (isAway && runs.some(({ emitter }) => emitter === 'emitter-1'))
      throw new TidegateError('TABLE_FAILED', 'away', { retryable: true });
    await insert(runs, token);
  };
  const ingester = createIngester({ log, table, clock, logger: silentLogger });
  await ingester.start();
  const writer = await log.writer(topics.decisions);
  const sources = [0, 1, 2].map((partition) => new FrameSource({ partition, emitter: `emitter-${partition}` }));
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(500);
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  for (let minute = 1; minute <= 3; minute += 1) {
    await writer.append(sources.map((source) => source.frameOf(2)));
    await pass(60_000);
    expect(table.total).toBe(4 * minute);
    expect(ingester.stats().waitingPartitions).toBe(1);
  }
  isAway = false;
  await pass(30_000);
  expect(table.total).toBe(18);
  expect(ingester.stats()).toMatchObject({ waitingPartitions: 0, rows: 18, storedTwiceRows: 0 });
  await ingester.stop();
  await log.close();
});
