import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName, type RedisPair, startRedisPair } from '../support/engines.ts';
import { blockListSample } from './block-list.contract.ts';
import { limitStoreContract } from './limit-store.contract.ts';

describeWith('redis', 'on the primary that a Sentinel names', () => {
  let pair: RedisPair;
  let redis: RedisConnection;
  beforeAll(async () => {
    pair = await startRedisPair();
    // So that the Sentinel names another server than at first.
    await pair.promote();
    redis = await openRedis({ url: pair.url });
  });
  afterAll(async () => {
    redis?.disconnect();
    await pair?.stop();
  });

  it('is connected to the primary of today', async () => {
    expect((await redis.info('server')).includes(`tcp_port:${pair.replica.port}`)).toBe(true);
  });

  limitStoreContract('through a Sentinel', () => {
    let now = 0;
    const store = new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => now });
    return Promise.resolve({
      store,
      setNowUs: (nowUs) => {
        now = nowUs;
      },
      close: () => Promise.resolve(),
    });
  });

  describe('the block list', () => {
    blockListSample(
      ({ clock, ...setting }) =>
        new RedisBlockList({ redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), ...setting }),
    );
  });
});
