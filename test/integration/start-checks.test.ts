import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/clickhouse/database.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { topics } from '../../src/event/event-log.ts';
import { connectKafka, type KafkaConnection } from '../../src/kafka/client.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { readTopicFacts } from '../../src/kafka/topic-facts.ts';
import { silentLogger } from '../../src/logger.ts';
import { AuditedPartition } from '../support/audited-partition.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith, freshName } from '../support/engines.ts';

describeWith('kafka', 'what a start learns of a topic', (url) => {
  const topic = freshName('start');
  let connection: KafkaConnection;
  const factsOf = async (clock: Clock = systemClock, names = [topic]) =>
    readTopicFacts({
      connection: { ...connection, clock },
      topics: names,
      thresholdsMs: [1_000, 300_000],
      logger: silentLogger,
    });
  const behind = (ms: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() - ms });

  beforeAll(async () => {
    connection = await connectKafka({ url, clock: systemClock, logger: silentLogger });
    const log = await openKafkaEventLog({ url, clock: systemClock, partitions: 3 });
    const writer = await log.writer(topic);
    await writer.append([new FrameSource({ partition: 1 }).frameOf(5)]);
    await log.close();
  }, 60_000);
  afterAll(() => connection.admin.disconnect());

  it('is its partitions, its ends, what it keeps, and that it is stamped by the broker', async () => {
    const [facts] = await factsOf();
    expect(facts).toMatchObject({
      topic,
      partitions: 3,
      retentionBytes: null,
      compacted: false,
      appendTime: true,
      aheadMs: 0,
    });
    expect(facts?.ends).toEqual(
      new Map([
        [0, 0],
        [1, 1],
        [2, 0],
      ]),
    );
    expect(facts?.retentionMs).toBeGreaterThan(0);
  });

  it('is the threshold that its clock is beyond', async () => {
    expect(await factsOf(behind(10_000))).toMatchObject([{ aheadMs: 1_000 }]);
    expect(await factsOf(behind(900_000))).toMatchObject([{ aheadMs: 300_000 }]);
  });

  it('is a changed retention', async () => {
    const { admin } = connection;
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: 2,
          name: topic,
          configEntries: [
            { name: 'retention.ms', value: '3600000' },
            { name: 'retention.bytes', value: '5000000' },
          ],
        },
      ],
    });
    expect(await factsOf()).toMatchObject([{ retentionMs: 3_600_000, retentionBytes: 5_000_000, appendTime: false }]);
  });

  it('creates no topic by asking for it', async () => {
    const missing = freshName('missing');
    expect(await factsOf(systemClock, [missing])).toEqual([]);
    expect(await connection.admin.listTopics()).not.toContain(missing);
  });
});

describeWith('chdb', 'what a start learns of the database', (url) => {
  let database: Database;

  beforeAll(async () => {
    database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
    await database.migrate();
  });
  afterAll(() => database.close());

  it('is the window of every table that a block reaches', async () => {
    const windows = (await database.check()).filter(({ windowBlocks }) => windowBlocks !== undefined);
    expect(windows.map(({ subject }) => subject.replace('dedup window of ', ''))).toEqual(
      expect.arrayContaining([
        'blocks',
        'decisions_per_day',
        'decisions_per_hour',
        'decisions_per_minute',
        'decisions_raw',
        'denials_by_client_per_minute',
        'emitter_marks',
        'policies',
      ]),
    );
    expect(windows.every(({ windowBlocks }) => windowBlocks === 10_000)).toBe(true);
  });

  it('is its clock, how many blocks came in the busiest minute, and where the ledger ends', async () => {
    expect(Math.abs((await database.auditor.nowMs()) - systemClock.nowMs())).toBeLessThan(1_000);
    expect(await database.auditor.busiestMinuteBlocks()).toBeNull();
    const [one, two] = [new AuditedPartition(database.table, 0), new AuditedPartition(database.table, 5)];
    for (const partition of [one, one, two]) await partition.store({});
    expect(await database.auditor.busiestMinuteBlocks()).toBeGreaterThanOrEqual(2);
    expect(await database.auditor.ledgerEnds(topics.decisions)).toEqual(
      new Map([
        [0, 2],
        [5, 1],
      ]),
    );
    const later = await two.store({});
    await two.account(later, { topicId: 'made anew', startOffset: 0, endOffset: 1 });
    expect(await database.auditor.ledgerEnds(topics.decisions)).toEqual(new Map([[5, 1]]));
  });
});
