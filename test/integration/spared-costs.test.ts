import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LimitRequest, Spend } from '../../src/limiter/limit-store.ts';
import { openRedis } from '../../src/redis/client.ts';
import { RedisLimitStore } from '../../src/redis/limit-store.ts';
import { describeWith, freshName } from '../support/engines.ts';

const second = 1_000_000;
const requestOf = (policy: string, change: Partial<LimitRequest> = {}): LimitRequest => ({
  key: { policy, client: 'user:ann' },
  terms: { algorithm: 'token-bucket', periodUs: second, capacity: 1 },
  cost: 1,
  mode: 'enforce',
  ...change,
});

const spends: Readonly<Record<string, Spend>> = {
  'one limit': [requestOf('one')],
  'three limits of several kinds': [
    requestOf('minute'),
    requestOf('hour', { terms: { algorithm: 'fixed-window', periodUs: 3600 * second, capacity: 1000 } }),
    requestOf('day', {
      key: { policy: 'day', tenant: 'acme', route: 'GET /orders/:id' },
      terms: { algorithm: 'sliding-window', periodUs: 86_400 * second, capacity: 100_000 },
    }),
  ],
  places: [
    requestOf('places', {
      terms: { algorithm: 'concurrency', periodUs: 60 * second, capacity: 1 },
      permit: '0123456789abcdef0123456789abcdef0123-0',
    }),
  ],
};

describeWith('redis', 'what a call to Redis is said to cost', (url) => {
  let redis: Redis;
  let store: RedisLimitStore;
  beforeAll(async () => {
    redis = (await openRedis({ url })) as Redis;
    store = new RedisLimitStore({ redis, namespace: freshName() });
    await store.spend([[requestOf('warm')]]);
  });
  afterAll(() => redis.disconnect());

  it.each(Object.entries(spends))(
    'is never less than what goes over the wire, and at most a tenth more: %s',
    async (_, spend) => {
      await store.spend([spend]);
      const { bytesWritten, bytesRead } = redis.stream;
      const [result] = await store.spend([spend]);
      expect(result?.allowed).toBe(false);
      const sent = redis.stream.bytesWritten - bytesWritten;
      const received = redis.stream.bytesRead - bytesRead;
      const { commands, bytes } = store.costOf(spend);
      expect(commands).toBe(1);
      expect(bytes).toBeGreaterThanOrEqual(sent + received);
      expect(bytes).toBeLessThanOrEqual(1.1 * (sent + received));
    },
  );
});
