import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, freshName, type RedisCluster, startRedisCluster } from '../support/engines.ts';

const ada = { actor: 'ada', note: '' } as const;
const refuse = { kind: 'refuse' } as const;
const ip = (last: number) => ({ kind: 'ip', id: `203.0.113.${last}` }) as const;

describeWith('redis', 'a block list in a cluster', () => {
  let cluster: RedisCluster;
  let redis: RedisConnection;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    redis = await openRedis({ url: cluster.url, onMisuse: 'ignore' });
  });
  afterAll(async () => {
    redis?.disconnect();
    await cluster?.stop();
  });

  it('lies on one node, and while its slot moves it says so instead of working on one half of itself', async () => {
    const namespace = freshName('moved');
    const list = new RedisBlockList({ redis, namespace });
    const key = `tg1:${namespace}:{bl}:2:list`;
    const untilMs = systemClock.nowMs() + 600_000;
    const add = (last: number) => list.add({ subject: ip(last), action: refuse, untilMs, ...ada });
    for (const last of [1, 2, 3]) await add(last);
    await list.importList({ list: 'bad', subjects: [ip(7), ip(8)], action: refuse, untilMs, ...ada });
    const gate = new BlockListReplica({ feed: list, clock: systemClock });
    await gate.sync();

    const from = await cluster.ownerOf(key);
    const to = (from + 1) % 3;
    const ports = cluster.nodes.map(({ port }) => port);
    await cluster.beginMove(key, to);
    await asOperator(ports[from] ?? 0, (operator) => operator.migrate('127.0.0.1', ports[to] ?? 0, key, 0, 5000));
    await expect(add(4)).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true });
    await expect(list.snapshot()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    // A script that ran on the new node would have made keys there that the move could not put any more.
    const arrived = await asOperator(ports[to] ?? 0, (operator) => operator.keys('*'));
    expect(arrived).toEqual([key]);
    expect(gate.find(ip(2), '', systemClock.nowMs())).not.toBeNull();

    await cluster.finishMove(key, to);
    await expect
      .poll(
        () =>
          add(5).then(
            ({ kind }) => kind,
            () => 'failed',
          ),
        { timeout: 10_000 },
      )
      .toBe('added');
    await gate.sync();
    const found = [1, 2, 3, 4, 5, 7, 8].filter((last) => gate.find(ip(last), '', systemClock.nowMs()) !== null);
    expect(found).toEqual([1, 2, 3, 5, 7, 8]);
    // Another server holds it now: its history of writes is another one.
    expect(gate.stats().snapshots).toBe(2);
  });
});
