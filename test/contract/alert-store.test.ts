import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryAlertStore } from '../../src/embedded/memory-alert-store.ts';
import { RedisAlertStore } from '../../src/redis/alert-store.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { alertStoreContract } from './alert-store.contract.ts';

describe('in memory', () => {
  alertStoreContract((clock) => new MemoryAlertStore({ clock }));
});

describeWith('redis', 'in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  alertStoreContract(
    (clock) => new RedisAlertStore({ redis, namespace: freshName('alerts'), nowMs: () => clock.nowMs() }),
  );

  it('is in one slot, and every key of it expires', async () => {
    const namespace = freshName('alerts');
    const store = new RedisAlertStore({ redis, namespace });
    await store.lead('one', 1000);
    await store.save({ revision: 1, evaluatedAtMs: 1, unanswered: [], instances: [] }, 0);
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });
});
