import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { type GuardedSpend, GuardedStore } from '../../src/limiter/guarded-store.ts';
import { type LimitRequest, type Spend, spendOne } from '../../src/limiter/limit-store.ts';
import { isCluster, openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { limitKey } from '../../src/redis/keys.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, freshName, type RedisCluster, startRedisCluster } from '../support/engines.ts';
import { recordingLogger } from '../support/recording-logger.ts';

const capacity = 1000;
const deadlineMs = 50;

const ask = (client: string, policy = 'p'): LimitRequest => ({
  key: { policy, client },
  terms: { algorithm: 'token-bucket', periodUs: 3_600_000_000, capacity },
  cost: 1,
  mode: 'enforce',
});

const isAnswered = (answer: GuardedSpend): boolean => 'result' in answer;

describeWith('redis', 'limits on a cluster that loses nodes and moves slots', () => {
  let cluster: RedisCluster;
  let redis: RedisConnection;
  let store: RedisLimitStore;
  const namespace = freshName('limits');
  const keyOf = ({ key }: LimitRequest): string => limitKey(`tg1:${namespace}:`, key, 'token-bucket');

  beforeAll(async () => {
    cluster = await startRedisCluster();
    redis = await openRedis({ url: cluster.url, commandTimeoutMs: 500 });
    store = new RedisLimitStore({ redis, namespace });
  });
  afterAll(async () => {
    redis?.disconnect();
    await cluster?.stop();
  });
  beforeEach(() => cluster.settled());

  /** One client whose counters lie on each of the three nodes, by the node. */
  const clientPerNode = async (): Promise<string[]> => {
    const clients: string[] = [];
    while (clients.filter(Boolean).length < 3) {
      const client = `key:${freshName('c')}`;
      clients[await cluster.ownerOf(keyOf(ask(client)))] ??= client;
    }
    return clients;
  };

  /** A deadline passes when the test says so: this machine may be as slow as it likes. */
  const guard = () => {
    const clock = new ManualClock();
    const guarded = new GuardedStore({ store, clock, random: () => 0.5, deadlineMs });
    /** Asks for each client once, all in one turn. Whether each got an answer. */
    const askAll = async (clients: readonly string[]): Promise<boolean[]> => {
      const answers = await Promise.all(clients.map((client) => guarded.spend([ask(client)])));
      return answers.map(isAnswered);
    };
    return { clock, guarded, askAll };
  };

  it('goes on while a slot is being moved, and finds its counters on the new node', async () => {
    const [client = ''] = await clientPerNode();
    const [known, fresh] = [ask(client, 'known'), ask(client, 'fresh')];
    await spendOne(store, [known]);
    const from = await cluster.ownerOf(keyOf(known));
    const to = (from + 1) % 3;
    await cluster.beginMove(keyOf(known), to);
    // The counter that is there stays where it is; a new one is made on the new node; together in one call, one by one.
    const results = await store.spend([[known], [fresh], [fresh]]);
    expect(results.map(({ answers }) => answers[0]?.remaining)).toEqual([capacity - 2, capacity - 1, capacity - 2]);
    // Both in one spend lie on two nodes: nobody can decide that now, and nothing is taken.
    await expect(store.spend([[known, fresh]])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await cluster.finishMove(keyOf(known), to);
    const [moved] = await store.spend([[known, fresh]]);
    expect(moved?.answers.map(({ remaining }) => remaining)).toEqual([capacity - 3, capacity - 3]);
  });

  it('runs scripts that a node has never seen', async () => {
    const clients = await clientPerNode();
    for (const { port } of cluster.nodes) await asOperator(port, (node) => node.script('FLUSH'));
    const results = await store.spend(clients.map((client): Spend => [ask(client)]));
    expect(results.every(({ allowed }) => allowed)).toBe(true);
  });

  it('fails the spends of a node that was killed, and no others; all are back with it', async () => {
    const clients = await clientPerNode();
    const { askAll } = guard();
    await cluster.nodes[1]?.kill();
    for (let round = 0; round < 50; round += 1) expect(await askAll(clients)).toEqual([true, false, true]);
    const beside = await openRedis({ url: cluster.url, commandTimeoutMs: 500 });
    await expect(
      spendOne(new RedisLimitStore({ redis: beside, namespace }), [ask(clients[0] ?? '')]),
    ).resolves.toBeTruthy();
    beside.disconnect();
    await cluster.nodes[1]?.restart();
    await expect.poll(() => askAll(clients), { timeout: 15_000 }).toEqual([true, true, true]);
  });

  it('gives up the spends of a node that hangs at their deadline, and lets no other wait for them', async () => {
    const clients = await clientPerNode();
    const { clock, guarded, askAll } = guard();
    cluster.nodes[2]?.freeze();
    const others = clients.slice(0, 2).map((client) => guarded.spend([ask(client)]));
    const frozen = guarded.spend([ask(clients[2] ?? '')]);
    expect((await Promise.all(others)).map(isAnswered)).toEqual([true, true]);
    clock.advance(deadlineMs);
    expect(await frozen).toEqual({ degraded: 'timeout' });
    // Its connection is given up soon, and from then on nothing waits for it.
    await expect.poll(() => guarded.spend([ask(clients[2] ?? '')]), { timeout: 10_000 }).toEqual({ degraded: 'error' });
    cluster.nodes[2]?.thaw();
    await expect.poll(() => askAll(clients), { timeout: 15_000 }).toEqual([true, true, true]);
  });

  it('is left alone when no node answers, and found again when they are back', async () => {
    const clients = await clientPerNode();
    const { clock, guarded, askAll } = guard();
    let beginnings = 0;
    redis.on('reconnecting', () => {
      beginnings += 1;
    });
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    for (let round = 0; round < 20; round += 1) await askAll(clients);
    expect(guarded.isOpen).toBe(true);
    // Long enough for every node to have been given up: the connection begins anew from its URL, again and again.
    await expect.poll(() => beginnings, { timeout: 30_000 }).toBeGreaterThan(2);
    for (const node of cluster.nodes) await node.restart();
    await cluster.settled();
    const probe = (): Promise<boolean[]> => {
      clock.advance(1000);
      return askAll(clients);
    };
    await expect.poll(probe, { timeout: 20_000 }).toEqual([true, true, true]);
    expect(guarded.isOpen).toBe(false);
  });

  it('says once that a node is away, however often it is tried, and again when it is lost again', async () => {
    const logger = recordingLogger();
    const connection = await openRedis({ url: cluster.url, logger });
    const away = (level: string): number => logger.lines.filter((line) => line.level === level).length;
    for (const times of [1, 2]) {
      const tries = away('debug');
      await cluster.nodes[0]?.kill();
      await expect.poll(() => away('debug'), { timeout: 15_000 }).toBeGreaterThan(tries + 2);
      expect(away('warn')).toBe(times);
      await cluster.nodes[0]?.restart();
      await cluster.settled();
      const isBack = (): boolean | undefined =>
        isCluster(connection) && connection.nodes('master').every(({ status }) => status === 'ready');
      await expect.poll(isBack, { timeout: 15_000 }).toBe(true);
    }
    connection.disconnect();
  });

  it('gives back what one node took when another one, which should have decided too, is gone', async () => {
    const [first = '', second = ''] = await clientPerNode();
    const across: Spend = [ask(first), { ...ask(second), key: { policy: 'q', client: second } }];
    expect(await spendOne(store, across)).toMatchObject({ allowed: true });
    await cluster.nodes[1]?.kill();
    await expect(spendOne(store, across)).rejects.toMatchObject({ code: expect.stringMatching(/^STORE_/) as string });
    expect((await spendOne(store, [{ ...ask(first), cost: 0 }])).answers[0]?.remaining).toBe(capacity - 1);
    await cluster.nodes[1]?.restart();
    await cluster.settled();
  });
});

describeWith('redis', 'limits on a cluster with a replica', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());

  it('go on where they stood when it takes the place of a node that was lost', async () => {
    const namespace = freshName('limits');
    const redis = await openRedis({ url: cluster.url });
    const store = new RedisLimitStore({ redis, namespace });
    const lost = await cluster.ownerOf(limitKey(`tg1:${namespace}:`, ask('key:ada').key, 'token-bucket'));
    const replica = await cluster.addReplica(lost);
    for (let taken = 0; taken < 20; taken += 1) await spendOne(store, [ask('key:ada')]);
    // Replication is asynchronous: only what has arrived before the loss can be asked for after it.
    expect(await asOperator(cluster.nodes[lost]?.port ?? 0, (node) => node.wait(1, 10_000))).toBe(1);
    await cluster.nodes[lost]?.kill();
    let left = 0;
    const isAnswered = async (): Promise<boolean> => {
      const result = await Promise.resolve(spendOne(store, [ask('key:ada')])).catch(() => null);
      left = result?.answers[0]?.remaining ?? 0;
      return result !== null;
    };
    await expect.poll(isAnswered, { timeout: 30_000 }).toBe(true);
    expect(left).toBeLessThan(capacity - 20);
    const role = await asOperator(replica.port, async (node) => ((await node.role()) as unknown[])[0]);
    expect(role).toBe('master');
    redis.disconnect();
  });
});

describeWith('redis', 'opening a cluster', (url) => {
  const failureOf = async (clusterUrl: string) => openRedis({ url: clusterUrl }).catch((error: unknown) => error);

  it('says which nodes were tried, without credentials', async () => {
    const error = await failureOf('redis+cluster://anna:hunter2@127.0.0.1:1,127.0.0.1:2');
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true });
    expect(String(error)).toContain('redis+cluster://127.0.0.1:1,127.0.0.1:2');
    expect(JSON.stringify([String(error), error])).not.toContain('hunter2');
  });

  it('says so when the server belongs to no cluster', async () => {
    const error = await failureOf(url.replace('redis://', 'redis+cluster://'));
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect(String(error)).toContain('cluster support disabled');
  });

  describe('with a password', () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await startRedisCluster();
      for (const { port } of cluster.nodes) {
        await asOperator(port, (node) => node.call('ACL', 'SETUSER', 'anna', 'on', '>hunter2', '~*', '+@all'));
      }
    });
    afterAll(() => cluster?.stop());
    const withUser = (user: string): string => cluster.url.replace('://', `://${user}@`);

    it('uses it for every node', async () => {
      const redis = await openRedis({ url: withUser('anna:hunter2') });
      if (!isCluster(redis)) throw new Error('this is no cluster');
      const users = await Promise.all(redis.nodes('master').map((node) => node.call('ACL', 'WHOAMI')));
      expect(users).toEqual(['anna', 'anna', 'anna']);
      redis.disconnect();
    });

    it('says that it is wrong', async () => {
      const error = await failureOf(withUser('anna:hunter3'));
      expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
      expect(String(error)).toContain('WRONGPASS');
      expect(String(error)).not.toContain('hunter3');
    });
  });
});
