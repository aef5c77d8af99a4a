import { Redis } from 'ioredis';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import type { Client } from '../../../src/client.ts';
import { systemClock, systemRandom } from '../../../src/clock.ts';
import { createDetector } from '../../../src/detect/detector.ts';
import { parseRules } from '../../../src/detect/rules.ts';
import { createEmitter, type Emitter } from '../../../src/event/emitter.ts';
import { topics } from '../../../src/event/event-log.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { openKafkaEventLog } from '../../../src/kafka/event-log.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { flowRecords } from './loop-flow.ts';
import {
  bareChannel,
  decidingDenials,
  flowRowsPerSecond,
  type GateOrder,
  type LoopRole,
  type LoopWord,
  loopRules,
  preciseNowMs,
} from './loop-orders.ts';

const say = (word: LoopWord): void => {
  process.send?.(word);
};

const clientOf = (id: string): Client => ({ kind: 'key', id });

const openEmitter = async ({ kafkaUrl }: LoopRole, mode: 'merged' | 'every'): Promise<Emitter> => {
  const log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock });
  const writer = await log.writer(topics.decisions);
  const emitterId = `loop-${process.pid}-${systemClock.nowMs().toString(36)}`;
  return createEmitter({ writer, clock: systemClock, emitterId, region: 'bench', mode });
};

const openList = async ({ redisUrl, namespace }: LoopRole): Promise<RedisBlockList> =>
  new RedisBlockList({ redis: await openRedis({ url: redisUrl }), namespace, random: systemRandom });

/** How often a watching gate looks into its own list. */
const lookMs = 2;

const beGate = async (role: LoopRole): Promise<void> => {
  const replica = new BlockListReplica({ feed: await openList(role), clock: systemClock, random: systemRandom });
  await replica.sync();
  replica.follow();
  const policies = definePolicies([{ name: 'few', limit: 1, window: '1h', burst: 1 }]);
  const store = new MemoryLimitStore({ clock: systemClock });
  const gate = createGate({ policies, store, blockList: replica, events: await openEmitter(role, 'merged') });
  const watched = new Map<string, boolean>();
  setInterval(() => {
    for (const [client, held] of watched) {
      if ((replica.find(clientOf(client), 'default', systemClock.nowMs()) !== null) !== held) continue;
      say({ kind: 'seen', client, at: preciseNowMs() });
      watched.delete(client);
    }
  }, lookMs);
  const push = async (client: string): Promise<void> => {
    for (let denied = 0; denied < decidingDenials; ) {
      const { outcome } = await gate.check({ clients: [clientOf(client)], method: 'POST', path: '/login' });
      if (outcome === 'denied') denied += 1;
    }
    say({ kind: 'pushed', client, at: preciseNowMs() });
  };
  process.on('message', (order: GateOrder) => {
    if (order.kind === 'watch') watched.set(order.client, order.held);
    else void push(order.client);
  });
  const subscriber = new Redis(role.redisUrl);
  subscriber.on('message', (_channel, client) => say({ kind: 'heard', client, at: preciseNowMs() }));
  await subscriber.subscribe(bareChannel(role.namespace));
};

const beDetector = async (role: LoopRole): Promise<void> => {
  const log = await openKafkaEventLog({ url: role.kafkaUrl, clock: systemClock });
  const blockList = await openList(role);
  const detector = createDetector({ log, rules: parseRules(loopRules), blockList, clock: systemClock });
  await detector.start();
};

const tickMs = 10;

/** One row for each decision, at a steady rate: what is late is made up for. */
const beFlow = async (role: LoopRole): Promise<void> => {
  const emitter = await openEmitter(role, 'every');
  const recordAt = flowRecords();
  const startedMs = preciseNowMs();
  let made = 0;
  setInterval(() => {
    const due = Math.floor(((preciseNowMs() - startedMs) * flowRowsPerSecond) / 1000);
    for (; made < due; made += 1) emitter.record(recordAt(made, systemClock.nowMs()));
  }, tickMs);
};

const roles = { gate: beGate, detect: beDetector, flow: beFlow } as const;

const role = JSON.parse(process.argv[2] ?? '{}') as LoopRole;
await roles[role.role](role);
say({ kind: 'ready' });
process.once('disconnect', () => process.exit(0));
