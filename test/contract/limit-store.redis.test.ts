import { describe, expect, it } from 'vitest';
import { type LimitRequest, type SpendResult, spendOne } from '../../src/limiter/limit-store.ts';
import { algorithms } from '../../src/policy/policy.ts';
import { openRedis } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { limitStoreContract, terms } from './limit-store.contract.ts';

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
    const minuteUs = 60_000_000;
    let permits = 0;
    const request = (client: string, algorithm: LimitRequest['terms']['algorithm'] = 'token-bucket'): LimitRequest => ({
      key: { policy: 'p', client },
      terms: terms(algorithm, { periodUs: minuteUs, capacity: 5 }),
      cost: 1,
      mode: 'enforce',
      permit: `permit-${permits++}`,
    });
    const setUp = async () => {
      const redis = await openRedis({ url });
      const namespace = freshName('limits');
      return { redis, namespace, store: new RedisLimitStore({ redis, namespace }) };
    };

    it.each(algorithms)(
      'admits exactly the capacity of a %s to a hundred spends, and all its keys expire',
      async (algorithm) => {
        const { redis, namespace, store } = await setUp();
        const spends = Array.from({ length: 100 }, () => spendOne(store, [request('ip:192.0.2.1', algorithm)]));
        const results = await Promise.all(spends);
        expect(results.filter(({ allowed }) => allowed)).toHaveLength(5);
        const keys = await redis.keys(`tg1:${namespace}:*`);
        expect(keys).toHaveLength(1);
        for (const key of keys) {
          const ttlMs = await redis.pttl(key);
          expect(ttlMs).toBeGreaterThan(0);
          expect(ttlMs).toBeLessThanOrEqual(5 * 60_000);
        }
        await redis.quit();
      },
    );

    it('answers many spends with one command', async () => {
      const { redis, store } = await setUp();
      await store.spend([[request('ip:192.0.2.9')]]);
      const sent: string[] = [];
      const evalsha = redis.evalsha.bind(redis);
      redis.evalsha = ((...args: Parameters<typeof evalsha>) => {
        sent.push('evalsha');
        return evalsha(...args);
      }) as typeof redis.evalsha;
      const results: readonly SpendResult[] = await store.spend(
        Array.from({ length: 100 }, (_, n) => [request(`ip:198.18.0.${n}`)]),
      );
      expect(results.every(({ allowed, answers }) => allowed && answers[0]?.remaining === 4)).toBe(true);
      expect(sent).toHaveLength(1);
      redis.disconnect();
    });

    it('goes on after the script cache is gone', async () => {
      const { redis, store } = await setUp();
      await store.spend([[request('ip:192.0.2.2')]]);
      await redis.script('FLUSH');
      expect((await spendOne(store, [request('ip:192.0.2.2')])).answers[0]?.remaining).toBe(3);
      await redis.quit();
    });

    it('rejects with a typed error when the connection is gone', async () => {
      const { redis, store } = await setUp();
      redis.disconnect();
      await expect(store.spend([[request('ip:192.0.2.3')]])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });
});
