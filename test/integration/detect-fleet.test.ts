import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createDetector, type Detector } from '../../src/detect/detector.ts';
import { type ChangeRelay, createRelay } from '../../src/detect/relay.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { decodeBlockChange } from '../../src/event/block-change.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import type { EventLog } from '../../src/event/event-log.ts';
import { partitionOf } from '../../src/event/partition.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { FrameSource } from '../support/decision-frames.ts';
import { describeWith, freshName, redisUrl } from '../support/engines.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const partitions = 4;
const patience = { timeout: 30_000, interval: 50 };
const rules = parseRules(`
version: 1
budget: { blocksPerHour: 1000, blocksPerMinute: 1000 }
rules:
  - name: deaf
    mode: enforce
    owner: security
    depth: { denied: 10, deniedShare: 0.5 }
    windows: { length: 10s, hit: 2, of: 3 }
    block: { base: 1h }
    shared: { identities: 2, then: suppress }
    budget: { blocksPerHour: 1000, blocksPerMinute: 1000 }
`);

describeWith('kafka', 'detectors and relays that come and go, on Redis and Kafka', (kafkaUrl) => {
  const [decisions, changes] = [freshName('decisions'), freshName('changes')];
  const common = { clock: systemClock, logger: silentLogger };
  let redis: RedisConnection;
  let log: EventLog;
  let list: RedisBlockList;
  const detectors: Detector[] = [];
  const relays: ChangeRelay[] = [];

  const addDetector = async (): Promise<Detector> => {
    const detector = createDetector({ ...common, log, rules, blockList: list, topic: decisions, group: decisions });
    detectors.push(detector);
    await detector.start();
    return detector;
  };
  const addRelay = (holder: string): ChangeRelay => {
    const relay = createRelay({ ...common, changes: list, log, holder, topic: changes, pollMs: 20, leaseMs: 400 });
    relays.push(relay);
    relay.start();
    return relay;
  };

  beforeAll(async () => {
    redis = await openRedis({ url: redisUrl() ?? '' });
    list = new RedisBlockList({ redis, namespace: freshName('fleet') });
    log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock, partitions, sessionTimeoutMs: 6_000 });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([...detectors, ...relays].map((one) => one.stop()));
    await log?.close();
    redis?.disconnect();
  }, 60_000);

  const startMs = Math.floor(systemClock.nowMs() / 10_000) * 10_000 - 60_000;
  const clients = Array.from({ length: 40 }, (_, index) => `192.0.${index}.7`);
  const sources = Array.from(
    { length: partitions },
    (_, partition) => new FrameSource({ emitter: 'fleet', partition, outcome: 'denied', count: 12, tenant: '' }),
  );
  const sendAll = async (rows: readonly Partial<DecisionEvent>[]): Promise<void> => {
    const writer = await log.writer(decisions);
    const frames = rows.flatMap((row) => {
      const partition = partitionOf({ kind: row.clientKind ?? 'ip', id: row.client ?? '' }, partitions);
      const frame = sources[partition]?.frame(row);
      return frame ? [frame] : [];
    });
    // Every frame twice: what a producer does that got no answer.
    for (const frame of frames) await writer.append([frame, frame]);
    await writer.close();
  };
  const windowAt = (afterMs: number) => clients.map((client) => ({ client, timeMs: startMs + afterMs }));
  const activeIn = async () => (await list.list({ states: ['active'], limit: 500 })).blocks;

  it('block each client once, whoever owned its partition when', async () => {
    const first = await addDetector();
    const office = ['ann', 'ben'].map((client) => ({
      ...({ client, clientKind: 'user', outcome: 'allowed', timeMs: startMs } as const),
      address: clients[0] ?? '',
    }));
    await sendAll([...office, ...windowAt(0)]);
    await expect.poll(() => first.stats().events, patience).toBe(office.length + clients.length);
    await addDetector();
    await first.stop();
    await sendAll(windowAt(10_000));
    await expect.poll(async () => (await activeIn()).length, patience).toBe(clients.length - 1);
    const blocks = await activeIn();
    expect(new Set(blocks.map(({ subject }) => subject.id))).toEqual(new Set(clients.slice(1)));
    expect(blocks.filter(({ strikes, evidence }) => strikes !== 1 || evidence?.denied !== 24)).toEqual([]);
    // Somebody else is served at the first one: it is nobody's block. A second owner of the partition may conclude it again.
    const suppressed = () => detectors.map((detector) => detector.stats().suppressed['shared-address']);
    await expect.poll(() => Math.max(...suppressed()), patience).toBeGreaterThanOrEqual(1);
    expect((await list.list({ subjectKey: `ip:${clients[0]}` })).blocks).toEqual([]);
    await expect.poll(async () => (await list.traffic()).allowed, patience).toBe(24);
  }, 90_000);

  it('publish every change once under one number, while the lead goes from hand to hand', async () => {
    const made = (await activeIn()).length;
    const first = addRelay('one');
    await expect.poll(() => first.stats().published, patience).toBe(made);
    const second = addRelay('two');
    const subject = { kind: 'user', id: 'ann', tenant: 'acme' } as const;
    const untilMs = systemClock.nowMs() + 3_600_000;
    const lifted = { kind: 'lift', reason: 'goodwill', actor: 'ann', note: 'asked' } as const;
    await list.add({ subject, action: { kind: 'refuse' }, untilMs, actor: 'ann', note: 'by hand' });
    await expect.poll(() => first.stats().published, patience).toBe(made + 1);
    expect(second.stats()).toMatchObject({ isLeader: false, published: 0 });
    await first.stop();
    for (const { id } of (await activeIn()).slice(0, 5)) await list.transition(id, lifted);
    await expect.poll(() => second.stats().published, patience).toBe(5);

    const handler = new RecordingHandler();
    const reader = await log.reader(changes, freshName('reader'));
    await reader.start(handler);
    const rowsRead = () => handler.texts(0).flatMap((text) => text.split('\n').filter(Boolean).map(decodeBlockChange));
    await expect.poll(() => rowsRead().length, patience).toBe(made + 6);
    await reader.stop();
    expect(rowsRead().map(({ seq }) => seq)).toEqual(Array.from({ length: made + 6 }, (_, index) => index + 1));
    expect(rowsRead().filter(({ state }) => state === 'lifted')).toHaveLength(5);
    expect(rowsRead()).toContainEqual(expect.objectContaining({ client: 'ann', tenant: 'acme', actor: 'ann' }));
  }, 90_000);
});
