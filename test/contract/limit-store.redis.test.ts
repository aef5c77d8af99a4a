import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type LimitRequest, type LimitReturn, type SpendResult, spendOne } from '../../src/limiter/limit-store.ts';
import { algorithms } from '../../src/policy/policy.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { limitStoreContract, type StoreUnderTest, terms } from './limit-store.contract.ts';
import { lendsAsTheReference } from './limit-store.traces.ts';

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

  describe('where units are wanted in advance', () => {
    let redis: RedisConnection;
    let subject: StoreUnderTest;
    beforeAll(async () => {
      redis = await openRedis({ url });
      let now = 0;
      subject = {
        store: new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => now }),
        setNowUs: (nowUs) => {
          now = nowUs;
        },
        close: () => Promise.resolve(),
      };
    });
    afterAll(() => redis.disconnect());

    lendsAsTheReference(() => subject);
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

    it('never leaves a key that does not expire, whatever is asked and given back', async () => {
      const { redis, namespace, store } = await setUp();
      const ask = fc.record({
        client: fc.integer({ min: 0, max: 3 }),
        algorithm: fc.constantFrom(...algorithms),
        cost: fc.constantFrom(0, 1, 2, 5, 6, 1_000_000_000),
        mode: fc.constantFrom<LimitRequest['mode'][]>('enforce', 'shadow', 'charge'),
        leaseUnits: fc.constantFrom(0, 50),
        back: fc.boolean(),
      });
      const property = fc.asyncProperty(fc.array(ask, { minLength: 1, maxLength: 60 }), async (asks) => {
        const requests = asks.map(
          ({ client, algorithm, cost, mode, leaseUnits }): LimitRequest => ({
            ...request(`ip:k${client}`, algorithm),
            terms: terms(algorithm, { periodUs: minuteUs, capacity: algorithm === 'token-bucket' ? 1000 : 5 }),
            cost,
            mode,
            leaseUnits,
          }),
        );
        const results = await store.spend(requests.map((one) => [one]));
        const back = requests.flatMap((one, index): LimitReturn[] => {
          const { answers: [answer] = [], nowUs = 0 } = results[index] ?? {};
          if (!asks[index]?.back || !answer?.allowed) return [];
          const { key, terms: own, cost, permit = '' } = one;
          const lease = answer.lease ? { lease: answer.lease.id } : {};
          return [{ key, terms: own, cost: answer.lease?.units ?? cost, spentAtUs: nowUs, permit, ...lease }];
        });
        if (back.length > 0) await store.giveBack(back);
        for (const key of await redis.keys(`tg1:${namespace}:*`)) expect(await redis.pttl(key), key).not.toBe(-1);
      });
      await fc.assert(property, { numRuns: 40 });
      redis.disconnect();
    });

    it('asks more limits than one call can hold, of one request and of many', async () => {
      const { redis, store } = await setUp();
      const spendOf = (client: string, limits: number): LimitRequest[] =>
        Array.from({ length: limits }, (_, number) => ({
          ...request(client),
          key: { policy: `p${number}`, client },
        }));
      for (const limits of [127, 128, 300]) {
        const [result] = await store.spend([spendOf(`ip:many-${limits}`, limits)]);
        expect(result?.answers.map(({ remaining }) => remaining)).toEqual(Array(limits).fill(4));
      }
      const results = await store.spend(Array.from({ length: 128 }, (_, client) => spendOf(`ip:k${client}`, 70)));
      expect(results.every(({ allowed, answers }) => allowed && answers.length === 70)).toBe(true);
      await redis.quit();
    });

    it('does not hold up the server when places come free in one moment, or are cut short', async () => {
      const redis = await openRedis({ url });
      let nowUs = 1_750_000_000_000_000;
      const store = new RedisLimitStore({ redis, namespace: freshName('limits'), nowUs: () => nowUs });
      const places = (periodUs: number, count: number): LimitRequest[][] =>
        Array.from({ length: count }, () => {
          const one = request('ip:192.0.2.1', 'concurrency');
          return [{ ...one, terms: { ...one.terms, capacity: 20_000, periodUs } }];
        });
      const longestMs = async (spends: LimitRequest[][]): Promise<number> => {
        const beganUs = systemClock.monotonicUs();
        const results = await store.spend(spends);
        expect(results.every(({ allowed }) => allowed)).toBe(true);
        return (systemClock.monotonicUs() - beganUs) / 1000;
      };
      await store.spend(places(minuteUs, 19_000));
      expect(await longestMs(places(minuteUs / 2, 128))).toBeLessThan(500);
      nowUs += minuteUs;
      expect(await longestMs(places(minuteUs, 128))).toBeLessThan(500);
      const [peek] = await store.spend([[{ ...(places(minuteUs, 1)[0]?.[0] as LimitRequest), cost: 0 }]]);
      expect(peek?.answers[0]).toMatchObject({ remaining: 20_000 - 128, resetAfterUs: minuteUs });
      await redis.quit();
    });

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
