import { describe, expect, it } from 'vitest';
import { openRedis } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { limitStoreContract } from './limit-store.contract.ts';

describeWith('redis', 'on real Redis', (url) => {
  limitStoreContract('redis', async () => {
    const redis = await openRedis({ url });
    let now = 0;
    const store = new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => now });
    return {
      store,
      setNowUs: (nowUs) => {
        now = nowUs;
      },
      close: async () => {
        await redis.quit();
      },
    };
  });

  describe('with the clock of the server', () => {
    const request = (client: string) => ({
      key: { policy: 'p', client },
      emissionIntervalUs: 60_000_000,
      burst: 5,
      cost: 1,
      shadow: false,
    });

    it('admits exactly the burst to a hundred spends at once, and every key it writes expires', async () => {
      const redis = await openRedis({ url });
      const namespace = freshName('limits');
      const store = new RedisLimitStore({ redis, namespace });
      const results = await Promise.all(Array.from({ length: 100 }, () => store.spend([request('ip:192.0.2.1')])));
      expect(results.filter(({ allowed }) => allowed)).toHaveLength(5);
      const keys = await redis.keys(`tg1:${namespace}:*`);
      expect(keys).toHaveLength(1);
      for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
      await redis.quit();
    });

    it('goes on after the script cache is gone', async () => {
      const redis = await openRedis({ url });
      const store = new RedisLimitStore({ redis, namespace: freshName('limits') });
      await store.spend([request('ip:192.0.2.2')]);
      await redis.script('FLUSH');
      expect((await store.spend([request('ip:192.0.2.2')])).answers[0]?.remaining).toBe(3);
      await redis.quit();
    });

    it('rejects with a typed error when the connection is gone', async () => {
      const redis = await openRedis({ url });
      const store = new RedisLimitStore({ redis, namespace: freshName('limits') });
      redis.disconnect();
      await expect(store.spend([request('ip:192.0.2.3')])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });
});
