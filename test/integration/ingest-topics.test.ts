import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { MemoryEventLog } from '../../src/embedded/memory-event-log.ts';
import { type BlockChange, encodeBlockChange } from '../../src/event/block-change.ts';
import { type OutgoingFrame, topics } from '../../src/event/event-log.ts';
import { frameOfRows } from '../../src/event/row-frame.ts';
import { PolicyRecords } from '../../src/gate/policy-records.ts';
import type { EventTable } from '../../src/ingest/event-table.ts';
import { type IngestedTopic, ingestedTopics } from '../../src/ingest/ingested-topics.ts';
import { createIngester, type IngestStats } from '../../src/ingest/ingester.ts';
import { silentLogger } from '../../src/logger.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith } from '../support/engines.ts';

describeWith('chdb', 'topics and their tables on chDB', (url) => {
  let database: Database;
  let log: MemoryEventLog;

  beforeAll(async () => {
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
    await database.migrate();
    log = new MemoryEventLog({ clock: systemClock, partitions: 2 });
  }, 60_000);
  afterAll(async () => {
    await log.close();
    await database.close();
  });

  const ingestAll = async (of: IngestedTopic, table: EventTable): Promise<IngestStats> => {
    const ingester = createIngester({ ...of, log, table, clock: systemClock, logger: silentLogger });
    await ingester.start();
    await ingester.whenReached(await log.endPositions(of.topic));
    await ingester.stop();
    return ingester.stats();
  };

  const write = async (topic: string, ...frames: readonly OutgoingFrame[]): Promise<void> => {
    const writer = await log.writer(topic);
    await writer.append(frames);
  };

  it('take what gates say of their policies', async () => {
    const policies = definePolicies([{ name: 'per-client', limit: 60, window: '1m' }]);
    const records = new PolicyRecords({ policies, log, gate: 'gate-1', region: 'eu', clock: systemClock });
    await expect.poll(() => records.stats().written, { timeout: 10_000 }).toBe(1);
    await records.close();
    expect(await ingestAll(ingestedTopics.policies, database.policies)).toMatchObject({ rows: 1, deadLetters: 0 });
    const marks = [await database.policies.marks(0), await database.policies.marks(1)];
    expect(marks.flatMap((of) => [...of])).toEqual([['gate-1', 1]]);
  }, 60_000);

  it('take every change of a block, a doubled frame once', async () => {
    const change = (seq: number, state: string): BlockChange => ({
      ...{ timeMs: systemClock.nowMs(), emitter: 'changes-1', partition: 0, seq, blockId: 'b-1', version: seq, state },
      ...{ clientKind: 'key', client: 'a\n"b"\u2028', tenant: 'acme', rule: 'depth', ruleHash: 'abc', verdictId: 'v' },
      ...{ blockedAtMs: 1, expiresAtMs: 2, strikes: 1, actor: 'détecteur', reason: '', evidence: '{"denied":9}' },
    });
    const first = frameOfRows([change(1, 'active'), change(2, 'confirmed')], encodeBlockChange);
    await write(topics.blocks, first, first, frameOfRows([change(3, 'lifted')], encodeBlockChange));
    const stats = await ingestAll(ingestedTopics.blocks, database.blocks);
    expect(stats).toMatchObject({ rows: 3, doubledRows: 2, deadLetters: 0 });
    expect(await database.blocks.marks(0)).toEqual(new Map([['changes-1', 3]]));
    expect(await database.blocks.ledgerEnd(topics.blocks, 0)).toMatchObject({ endOffset: 3 });
  }, 60_000);

  it('take clients of any spelling, and clocks that are years off, and lose nothing of the rest', async () => {
    const source = new FrameSource({ emitter: 'odd', partition: 1 });
    const clients = ['a\nb\r\nc', '"a\\"b\\\\', 'a\u2028b\u2029', 'a\u0000b', '\u{1f30a}', `x${'y'.repeat(100_000)}`];
    const yearMs = 365 * 86_400_000;
    await write(
      topics.decisions,
      source.frame(...clients.map((client) => ({ client }))),
      source.frame({}, { timeMs: systemClock.nowMs() + 10 * yearMs }, { timeMs: systemClock.nowMs() - 10 * yearMs }),
      source.frame({ timeMs: Date.UTC(2400, 0, 1) }, {}),
    );
    const stats = await ingestAll(ingestedTopics.decisions, database.table);
    expect(stats).toMatchObject({ rows: 10, deadLetters: 1, blocks: 1 });
    expect(await database.reader.totals()).toMatchObject({ decisions: 10 });
  }, 60_000);
});
