import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { makeCertificates } from './certificates.ts';
import { type Launch, type OwnEngine, ownEngine } from './engine.ts';
import { type RedisSettings, redisLauncher } from './redis.ts';
import { asOperator, until } from './redis-control.ts';
import { tlsPort, tlsQuery, tlsSettings } from './redis-tls.ts';

const nodeCount = 3;
const slotCount = 16_384;
const formedWithinMs = 20_000;

/** Three Redis servers that share the slots, at first without replicas. */
export interface RedisCluster {
  /** `redis+cluster://…` with every node. */
  readonly url: string;
  readonly nodes: readonly OwnEngine[];
  /** Which node serves the slot of this key now, by its index. Asks a node that runs. */
  ownerOf(key: string): Promise<number>;
  /** Begins to move the slot of `key`: from now on its old owner answers ASK or TRYAGAIN for what it does not hold. */
  beginMove(key: string, to: number): Promise<void>;
  /** Takes the keys of the slot over to `to`, one by one, and makes it the owner: the others answer MOVED. */
  finishMove(key: string, to: number): Promise<void>;
  /** Starts a replica of a node; resolves when it has all that its primary had. */
  addReplica(of: number): Promise<OwnEngine>;
  /** Waits until every node that runs calls the cluster healthy again. */
  settled(): Promise<void>;
  /** Ends all nodes and removes their data. */
  stop(): Promise<void>;
}

export interface RedisClusterOptions {
  readonly folder: string;
  /** True: the nodes die with this process. */
  readonly tied: boolean;
  /** True: the nodes listen with TLS too, and `url` leads there. Default false. */
  readonly tls?: boolean;
  remove(): void;
}

/** A node that lost its peers goes on with its own slots: what tidegate advises, since a counter needs its slot alone. */
const launchNode = (tls: RedisSettings): Launch =>
  redisLauncher((busPort) => ({
    'cluster-enabled': 'yes',
    'cluster-port': busPort,
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': 1_000,
    'cluster-require-full-coverage': 'no',
    ...tls,
  }));

/** A Redis Cluster on the loopback interface; takes about three seconds. Throws ServiceError. */
export const startRedisCluster = async (options: RedisClusterOptions): Promise<RedisCluster> => {
  const { folder, tied, remove } = options;
  const certificates = options.tls ? await makeCertificates(join(folder, 'certificates')) : null;
  const nodes: OwnEngine[] = [];
  const ports: number[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    remove();
  };
  try {
    for (let index = 0; index < nodeCount; index += 1) {
      const port = certificates ? await tlsPort() : 0;
      const launch = launchNode(certificates ? { ...tlsSettings(port, certificates), 'tls-cluster': 'yes' } : {});
      const node = await ownEngine(launch, { folder: join(folder, `${index}`), tied, remove: () => undefined });
      nodes.push(node);
      ports.push(certificates ? port : node.port);
    }
    await form(nodes, ports);
  } catch (error) {
    await stop();
    throw error;
  }
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const url = certificates ? `rediss+cluster://${hosts}?${tlsQuery(certificates)}` : `redis+cluster://${hosts}`;
  const addReplica = async (of: number): Promise<OwnEngine> => {
    const place = { folder: join(folder, `${nodes.length}`), tied, remove: () => undefined };
    const replica = await ownEngine(launchNode({ 'repl-diskless-sync-delay': 0 }), place);
    nodes.push(replica);
    await follow(replica, { primary: nodes[of] as OwnEngine, nodes });
    return replica;
  };
  return { url, nodes, addReplica, ...slotsOf(nodes), settled: () => settled(nodes), stop };
};

/** Gives each node its part of the slots and introduces them to the first one. */
const form = async (nodes: readonly OwnEngine[], ports: readonly number[]): Promise<void> => {
  const first = nodes[0];
  for (const [index, node] of nodes.entries()) {
    await asOperator(node.port, async (redis) => {
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      const from = Math.floor((index * slotCount) / nodeCount);
      const to = Math.floor(((index + 1) * slotCount) / nodeCount) - 1;
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      if (!first || node === first) return;
      await redis.call('CLUSTER', 'MEET', '127.0.0.1', ports[0] ?? 0, await busPort(first));
    });
  }
  await settled(nodes);
};

interface Family {
  readonly primary: OwnEngine;
  readonly nodes: readonly OwnEngine[];
}

const follow = async (replica: OwnEngine, { primary, nodes }: Family): Promise<void> => {
  const id = await asOperator(primary.port, async (redis) => String(await redis.cluster('MYID')));
  await asOperator(replica.port, async (redis) =>
    redis.call('CLUSTER', 'MEET', '127.0.0.1', primary.port, await busPort(primary)),
  );
  await settled(nodes);
  await asOperator(replica.port, (redis) => redis.call('CLUSTER', 'REPLICATE', id));
  await until('the replica follows', formedWithinMs, () =>
    asOperator(replica.port, async (redis) => (await redis.info('replication')).includes('master_link_status:up')),
  );
  await settled(nodes);
};

const busPort = (node: OwnEngine): Promise<string> =>
  asOperator(node.port, async (redis) => {
    const [, port] = (await redis.config('GET', 'cluster-port')) as [string, string];
    return port;
  });

/** One after the other: only together they tell that everyone knows everyone and every slot has an owner. */
const settled = (nodes: readonly OwnEngine[]): Promise<void> =>
  until('the Redis cluster is healthy', formedWithinMs, async () => {
    for (const node of nodes) {
      const info = await asOperator(node.port, (redis) => redis.cluster('INFO')).catch(() => null);
      // A node that a test has killed has no say.
      if (info === null) continue;
      const isHealthy =
        info.includes('cluster_state:ok') &&
        info.includes(`cluster_slots_ok:${slotCount}`) &&
        info.includes(`cluster_known_nodes:${nodes.length}`);
      if (!isHealthy) return false;
    }
    return true;
  });

const keysPerMove = 1000;
const moveTimeoutMs = 5_000;

const slotsOf = (nodes: readonly OwnEngine[]): Pick<RedisCluster, 'ownerOf' | 'beginMove' | 'finishMove'> => {
  const idOf = (index: number): Promise<string> =>
    asOperator(portOf(index), async (redis) => String(await redis.cluster('MYID')));
  const portOf = (index: number): number => {
    const node = nodes[index];
    if (!node) throw new RangeError(`there is no node ${index}`);
    return node.port;
  };
  const firstAnswer = async <T>(ask: (redis: Redis) => Promise<T>): Promise<T> => {
    for (const { port } of nodes) {
      const answer = await asOperator(port, ask).catch(() => null);
      if (answer !== null) return answer;
    }
    throw new RangeError('no node answers');
  };
  const slotOf = (key: string): Promise<number> =>
    firstAnswer(async (redis) => Number(await redis.cluster('KEYSLOT', key)));
  const ownerOf = async (key: string): Promise<number> => {
    const slot = await slotOf(key);
    const ranges = await firstAnswer((redis) => redis.cluster('SLOTS'));
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    return nodes.findIndex(({ port }) => port === range?.[2]?.[1]);
  };
  const beginMove = async (key: string, to: number): Promise<void> => {
    const slot = await slotOf(key);
    const from = await ownerOf(key);
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    await asOperator(portOf(to), (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId));
    await asOperator(portOf(from), (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId));
  };
  const finishMove = async (key: string, to: number): Promise<void> => {
    const slot = await slotOf(key);
    const toId = await idOf(to);
    await asOperator(portOf(await ownerOf(key)), async (redis) => {
      for (;;) {
        const keys = (await redis.cluster('GETKEYSINSLOT', slot, keysPerMove)) as string[];
        if (keys.length === 0) break;
        await redis.call('MIGRATE', '127.0.0.1', portOf(to), '', 0, moveTimeoutMs, 'REPLACE', 'KEYS', ...keys);
      }
    });
    for (const index of [to, ...nodes.keys()]) {
      await asOperator(portOf(index), (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId));
    }
  };
  return { ownerOf, beginMove, finishMove };
};
