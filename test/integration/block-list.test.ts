import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import type { Client } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis } from '../../src/redis/client.ts';
import { describeWith, freshName, type OwnEngine, startRedis } from '../support/engines.ts';
import { clientA, duration, promotionOf } from '../support/promotions.ts';

const client = { kind: 'ip', id: clientA.id } as const;

const longBlock = { ...duration, baseMs: 600_000, maxMs: 600_000 };
const lift = { kind: 'lift', reason: 'false-positive', tombstoneMs: 0, actor: 'ada', note: '' } as const;

/** Milliseconds until the condition holds. */
const timeUntil = async (condition: () => boolean, limitMs = 20_000): Promise<number> => {
  const startMs = systemClock.nowMs();
  while (!condition()) {
    if (systemClock.nowMs() - startMs > limitMs) throw new Error(`still not so after ${limitMs} ms`);
    await systemClock.sleep(5);
  }
  return systemClock.nowMs() - startMs;
};

const follow = async (list: RedisBlockList): Promise<BlockListReplica> => {
  const replica = new BlockListReplica({ feed: list, clock: systemClock });
  replica.follow();
  await timeUntil(() => replica.ageMs() !== null);
  return replica;
};

const isBlocked = (replica: BlockListReplica, who: Client = client): boolean =>
  replica.find(who, '', systemClock.nowMs()) !== null;

describeWith('redis', 'gates that follow a block list in Redis', (url) => {
  it('see every add and every lift within a second, all of them', async () => {
    const redis = await openRedis({ url });
    const list = new RedisBlockList({ redis, namespace: freshName('follow') });
    const replicas = await Promise.all(Array.from({ length: 10 }, () => follow(list)));
    const delaysMs: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const made = await list.promote(promotionOf({ id: `v${round}`, atMs: systemClock.nowMs() }));
      if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
      delaysMs.push(...(await Promise.all(replicas.map((replica) => timeUntil(() => isBlocked(replica))))));
      await list.transition(made.block.id, lift);
      delaysMs.push(...(await Promise.all(replicas.map((replica) => timeUntil(() => !isBlocked(replica))))));
    }
    for (const replica of replicas) await replica.stop();
    redis.disconnect();
    expect(delaysMs).toHaveLength(200);
    expect(Math.max(...delaysMs)).toBeLessThan(1000);
  });
});

describeWith('redis', 'a gate whose Redis goes away', () => {
  let server: OwnEngine;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  it('keeps the last known list, and takes a snapshot when the list it finds again is another one', async () => {
    const redis = await openRedis({ url: server.url });
    const list = new RedisBlockList({ redis, namespace: freshName('lost') });
    await list.promote(promotionOf({ id: 'v1', atMs: systemClock.nowMs() }, { duration: longBlock }));
    const replica = await follow(list);
    expect(isBlocked(replica)).toBe(true);
    await server.kill();
    await timeUntil(() => replica.stats().failures >= 2);
    expect(isBlocked(replica)).toBe(true);
    await server.restart();
    await timeUntil(() => replica.stats().snapshots >= 2);
    const other = { kind: 'ip', id: '203.0.113.77' } as const;
    const again = promotionOf({ id: 'v2', atMs: systemClock.nowMs(), subject: other }, { duration: longBlock });
    await list.promote(again);
    await timeUntil(() => isBlocked(replica, other));
    await replica.stop();
    redis.disconnect();
  });
});
