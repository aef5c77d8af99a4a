import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryTokenStore } from '../../src/embedded/memory-token-store.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisTokenStore } from '../../src/redis/token-store.ts';
import { newTokenId } from '../../src/review/tokens.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { tokenStoreContract } from './token-store.contract.ts';

describe('in memory', () => {
  tokenStoreContract((clock) => new MemoryTokenStore({ clock }));
});

describeWith('redis', 'in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  tokenStoreContract(
    (clock) => new RedisTokenStore({ redis, namespace: freshName('tokens'), nowMs: () => clock.nowMs() }),
  );

  it('lives in the time of the server, in one slot, and every key of it expires', async () => {
    const namespace = freshName('tokens');
    const store = new RedisTokenStore({ redis, namespace });
    const nowMs = Number((await redis.time())[0]) * 1000;
    const token = {
      id: newTokenId(),
      name: 'anna',
      role: 'viewer',
      tenants: null,
      createdBy: 'root',
      createdAtMs: nowMs,
      expiresAtMs: nowMs + 60_000,
    } as const;
    await store.add(token, 'a-hash');
    await store.noteUse(token.id, nowMs);
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(4);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
    expect((await store.byHash('a-hash'))?.name).toBe('anna');
  });
});
