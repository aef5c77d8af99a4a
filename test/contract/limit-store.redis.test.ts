import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spendAll } from '../../src/limiter/spend.ts';
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

    it('answers the spends of one turn with one call', async () => {
      const redis = await openRedis({ url });
      const store = new RedisLimitStore({ redis, namespace: freshName('limits') });
      await store.spend([request('ip:192.0.2.9')]);
      const sent: string[] = [];
      const evalsha = redis.evalsha.bind(redis);
      redis.evalsha = ((...args: Parameters<typeof evalsha>) => {
        sent.push('evalsha');
        return evalsha(...args);
      }) as typeof redis.evalsha;
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, n) => store.spend([request(`ip:198.18.0.${n}`)])),
      );
      expect(results.every(({ allowed, answers }) => allowed && answers[0]?.remaining === 4)).toBe(true);
      expect(sent).toHaveLength(1);
      redis.disconnect();
    });

    it('answers spends that travel together as if each came alone, in their order', async () => {
      const redis = await openRedis({ url });
      const spend = fc.array(
        fc.record({ key: fc.integer({ min: 0, max: 2 }), cost: fc.integer({ min: 0, max: 4 }), shadow: fc.boolean() }),
        { minLength: 1, maxLength: 3 },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(spend, { minLength: 1, maxLength: 300 }), async (spends) => {
          const options = { redis, nowUs: () => 1_750_000_000_000_000 };
          const together = new RedisLimitStore({ ...options, namespace: freshName('together') });
          const asRequests = (asked: (typeof spends)[number]) =>
            asked.map(({ key, cost, shadow }) => ({ ...request(`ip:k${key}`), cost, shadow }));
          const expected = new Map<string, number>();
          const cells = {
            read: (counter: string) => expected.get(counter) ?? 0,
            write: (counter: string, tatUs: number) => void expected.set(counter, tatUs),
          };
          const answers = await Promise.all(spends.map((asked) => together.spend(asRequests(asked))));
          for (const [index, asked] of spends.entries()) {
            const counted = asRequests(asked).map((one) => ({ counter: one.key.client, request: one }));
            expect(answers[index]).toEqual(spendAll(counted, cells, options.nowUs()));
          }
        }),
        { numRuns: 30 },
      );
      redis.disconnect();
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
