import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { isCluster, openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName, type RedisCluster, startRedisCluster } from '../support/engines.ts';
import { blockListContract } from './block-list.contract.ts';

describeWith('redis', 'on a Redis cluster of three nodes', () => {
  let cluster: RedisCluster;
  let redis: RedisConnection;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    redis = await openRedis({ url: cluster.url });
  });
  afterAll(async () => {
    redis?.disconnect();
    await cluster?.stop();
  });

  it('is connected as to a cluster', () => {
    expect(isCluster(redis)).toBe(true);
  });

  describe('the block list', () => {
    blockListContract(
      ({ clock, ...setting }) =>
        new RedisBlockList({ redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), ...setting }),
    );
  });
});
