import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import type { ClickHouseEngine } from '../../src/clickhouse/engine.ts';
import { selectRows } from '../../src/clickhouse/engine.ts';
import { ClickHouseEventTable } from '../../src/clickhouse/event-table.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import type { Client } from '../../src/client.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { createDetector, type Detector } from '../../src/detect/detector.ts';
import { type ChangeRelay, createRelay } from '../../src/detect/relay.ts';
import { parseRules } from '../../src/detect/rules.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { createEmitter, type Emitter } from '../../src/event/emitter.ts';
import type { EventLog } from '../../src/event/event-log.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import { ingestedTopics } from '../../src/ingest/ingested-topics.ts';
import { createIngester, type Ingester } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { definePolicies } from '../../src/policy/static-source.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { chdbUrl, describeWith, freshName, redisUrl } from '../support/engines.ts';

const rules = parseRules(`version: 1
rules:
  - name: deaf
    mode: enforce
    owner: security
    depth: { denied: 10, deniedShare: 0.5 }
    windows: { length: 60s, hit: 1, of: 1 }
    block: { base: 1h }
`);
const policies = definePolicies([{ name: 'few', limit: 5, window: '1h', burst: 5 }]);
const partitions = 2;
const patience = { timeout: 20_000, interval: 20 };

/** A gate of the fleet: what it decides goes to the log, and it follows the list. */
interface FleetGate {
  readonly gate: Gate;
  readonly replica: BlockListReplica;
  readonly emitter: Emitter;
}

describeWith('kafka', 'the loop from a denial to a block and back, on Redis, Kafka and chDB', (kafkaUrl) => {
  const [decisions, changes] = [freshName('decisions'), freshName('changes')];
  const namespace = freshName('loop');
  const common = { clock: systemClock, logger: silentLogger };
  let redis: RedisConnection;
  let log: EventLog;
  let engine: ClickHouseEngine;
  let list: RedisBlockList;
  let detector: Detector;
  let relay: ChangeRelay;
  let ingester: Ingester;
  let gates: FleetGate[] = [];

  const openGate = async (): Promise<FleetGate> => {
    const replica = new BlockListReplica({ feed: list, clock: systemClock, random: systemRandom });
    await replica.sync();
    replica.follow();
    const writer = await log.writer(decisions);
    const emitter = createEmitter({ ...common, writer, emitterId: freshName('gate'), region: 'test' });
    const store = new RedisLimitStore({ redis, namespace });
    // A busy machine must not turn a denial into a fallback, which would be evidence against nobody.
    const gate = createGate({ policies, store, blockList: replica, events: emitter, deadlineMs: 10_000 });
    return { gate, replica, emitter };
  };

  beforeAll(async () => {
    redis = await openRedis({ url: redisUrl() ?? '' });
    log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock, partitions, sessionTimeoutMs: 6_000 });
    engine = await openChdb({ folder: (chdbUrl() ?? '').slice('chdb:'.length) });
    await migrate({ engine, ...common, options: { dedupWindow: 10_000 } });
    list = new RedisBlockList({ redis, namespace });
    detector = createDetector({ ...common, log, rules, blockList: list, topic: decisions, group: decisions });
    relay = createRelay({ ...common, changes: list, log, holder: 'test', topic: changes, pollMs: 50 });
    const table = new ClickHouseEventTable({ engine, table: 'blocks', nowMs: () => systemClock.nowMs() });
    ingester = createIngester({ ...common, ...ingestedTopics.blocks, log, table, topic: changes, group: changes });
    gates = [await openGate(), await openGate(), await openGate()];
    await Promise.all([detector.start(), ingester.start()]);
    relay.start();
  }, 60_000);
  afterAll(async () => {
    for (const { gate, replica, emitter } of gates) {
      await replica.stop();
      await gate.close();
      await emitter.close();
    }
    await Promise.all([detector?.stop(), relay?.stop()]);
    await ingester?.stop();
    await engine?.close();
    await log?.close();
    redis?.disconnect();
  }, 60_000);

  let client: Client = { kind: 'key', id: '' };
  beforeEach(() => {
    client = { kind: 'key', id: freshName('pushing') };
  });
  const check = async (at = 0) =>
    gates[at]?.gate.check({ clients: [client], method: 'POST', path: '/login', route: '/login' });
  const outcomes = async () => Promise.all(gates.map(async (_, at) => (await check(at))?.outcome));
  const pushUntilBlocked = async (): Promise<void> => {
    for (let call = 0; call < 15; call += 1) await check(call % gates.length);
    await expect.poll(outcomes, patience).toEqual(['blocked', 'blocked', 'blocked']);
  };
  const blockOf = async () => {
    const { blocks } = await list.list({ subjectKey: `key:${client.id}` });
    const [block] = blocks;
    if (!block) throw new Error('there is no block');
    return block;
  };
  const statesOf = async (blockId: string): Promise<readonly unknown[]> => {
    const query = 'SELECT state FROM blocks WHERE block_id = {blockId:String} ORDER BY version';
    const rows = await selectRows<{ state: string }>(engine.reader, query, { blockId });
    return rows.map(({ state }) => state);
  };
  const act = { actor: 'ann', note: 'looked at it' };

  it('refuses in every gate whom one rule convicts, and lets a bystander in', async () => {
    await pushUntilBlocked();
    const block = await blockOf();
    expect(block).toMatchObject({ state: 'active', rule: 'deaf', owner: 'security', origin: 'detector', strikes: 1 });
    expect(block.evidence).toMatchObject({ distinctRoutes: 1, policies: ['few'] });
    expect(block.evidence?.denied).toBeGreaterThanOrEqual(10);
    const decision = await check();
    expect(decision).toMatchObject({ outcome: 'blocked', source: 'block-list', blockId: block.id, rule: 'deaf' });
    client = { kind: 'key', id: freshName('bystander') };
    expect((await check(1))?.outcome).toBe('allowed');
  }, 60_000);

  it('lets a client in again at every gate once a person has lifted the block, and does not convict it by old evidence', async () => {
    await pushUntilBlocked();
    const { id } = await blockOf();
    await list.transition(id, { ...act, kind: 'lift', reason: 'false-positive' });
    await expect.poll(outcomes, patience).toEqual(['denied', 'denied', 'denied']);
    // It goes on as before, and the same rule comes to the same verdict: the tombstone outranks it.
    for (let call = 0; call < 30; call += 1) await check(call % gates.length);
    for (const { emitter } of gates) await detector.whenReached(await emitter.flush());
    expect(await outcomes()).toEqual(['denied', 'denied', 'denied']);
  }, 60_000);

  it('keeps every change in the table of blocks, once and in order', async () => {
    await pushUntilBlocked();
    const { id } = await blockOf();
    await list.transition(id, { ...act, kind: 'confirm' });
    await list.transition(id, { ...act, kind: 'lift', reason: 'goodwill' });
    await expect.poll(() => relay.stats().published, patience).toBeGreaterThanOrEqual(3);
    await expect.poll(async () => statesOf(id), patience).toEqual(['active', 'confirmed', 'lifted']);
    expect(relay.stats()).toMatchObject({ isLeader: true, lost: 0, gaps: 0 });
    expect(ingester.stats()).toMatchObject({ deadLetters: 0 });
  }, 60_000);

  it('counts what a block kept away from the counter store', async () => {
    await pushUntilBlocked();
    const { id } = await blockOf();
    for (let call = 0; call < 40; call += 1) await check(call % gates.length);
    for (const { replica } of gates) await replica.tellRefusals();
    const [refusals] = await list.refusals([id]);
    expect(refusals?.refused).toBeGreaterThanOrEqual(40);
    expect(refusals?.commands).toBeGreaterThanOrEqual(40);
    expect(refusals?.bytes).toBeGreaterThan(refusals?.commands ?? 0);
  }, 60_000);

  it('lets everybody in while blocks are switched off, and refuses again when they are on', async () => {
    await pushUntilBlocked();
    await list.setSwitch('blocks', { ...act, untilMs: systemClock.nowMs() + 60_000 }, act);
    await expect.poll(outcomes, patience).toEqual(['denied', 'denied', 'denied']);
    await list.setSwitch('blocks', null, act);
    await expect.poll(outcomes, patience).toEqual(['blocked', 'blocked', 'blocked']);
  }, 60_000);
});
