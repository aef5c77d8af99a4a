import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LogSide, type Reconciliation, reconcile } from '../../src/analytics/audit-reconcile.ts';
import { logSideOf } from '../../src/cli/reconcile-log.ts';
import { type Database, openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { topics } from '../../src/event/event-log.ts';
import { createIngester, type Ingester } from '../../src/ingest/ingester.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';

const partitions = 4;
const audits = 5;

describeWith('chdb', 'an audit beside an ingest that runs', (url) => {
  let database: Database;
  let log: MemoryEventLog;
  let ingester: Ingester;

  /** Two emitters a partition, frames of 1 to 40 rows over three days, until told to stop. */
  const write = async (isOver: () => boolean): Promise<number> => {
    const writer = await log.writer(topics.decisions);
    const sources = Array.from({ length: partitions * 2 }, (_, index) => ({
      partition: index % partitions,
      source: new FrameSource({ emitter: `emitter-${index}`, partition: index % partitions }),
      total: 0,
    }));
    let decisions = 0;
    for (let round = 0; !isOver(); round += 1) {
      for (const one of sources) {
        const rows = Array.from({ length: 1 + (round % 40) }, (_, index) => ({
          outcome: (['allowed', 'denied', 'blocked'] as const)[index % 3] ?? 'allowed',
          timeMs: baseTimeMs + ((round * 977 + index) % 4320) * 60_000,
          count: 1 + (index % 5),
        }));
        const frame = one.source.frame(...rows);
        one.total += frame.headers.total;
        decisions += frame.headers.total;
        await writer.append([{ ...frame, headers: { ...frame.headers, total: one.total } }]);
      }
      // Neither far ahead of ingest nor waiting for it.
      const ends = await log.endPositions(topics.decisions);
      await ingester.whenReached(new Map([...ends].map(([partition, end]) => [partition, Math.max(0, end - 12)])));
    }
    await writer.close();
    return decisions;
  };
  const audit = (side: LogSide = logSideOf(log)): Promise<Reconciliation> =>
    reconcile({ auditor: database.auditor, log: side, topics: [topics.decisions] });

  beforeAll(async () => {
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
    await database.migrate();
    log = new MemoryEventLog({ clock: systemClock, partitions });
    const { table } = database;
    ingester = createIngester({ log, table, clock: systemClock, logger: silentLogger, maxBlockRows: 200 });
    await ingester.start();
  });
  afterAll(async () => {
    await ingester.stop();
    await log.close();
    await database.close();
  });

  it('never reports drift while blocks are stored, and all of them when they are', async () => {
    let isOver = false;
    const written = write(() => isOver);
    const seen: Reconciliation[] = [];
    while (seen.length < audits) seen.push(await audit());
    isOver = true;
    const decisions = await written;
    expect(seen.flatMap(({ findings }) => findings).map(({ what }) => what)).toEqual([]);
    const busy = seen.flatMap(({ topics: [report] }) => report?.partitions ?? []).filter(({ underWay }) => underWay);
    expect(busy.length).toBeGreaterThan(0);

    await ingester.whenReached(await log.endPositions(topics.decisions));
    const { drift, findings, topics: reports } = await audit();
    expect(findings).toEqual([]);
    expect(drift).toBe(0);
    expect(reports[0]?.grains.at(-1)).toMatchObject({ decisions, sourceDecisions: decisions, drift: 0 });
    expect(reports[0]?.partitions.every(({ lagRecords }) => lagRecords === 0)).toBe(true);
  }, 120_000);
});
