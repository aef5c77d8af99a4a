import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryOutbox } from '../../src/embedded/memory-outbox.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisOutbox } from '../../src/redis/outbox.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { outboxContract } from './outbox.contract.ts';

describe('in memory', () => {
  outboxContract((clock) => new MemoryOutbox({ clock }));
});

describeWith('redis', 'in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  outboxContract((clock) => new RedisOutbox({ redis, namespace: freshName('outbox'), nowMs: () => clock.nowMs() }));

  it('is in one slot, and every key of it expires', async () => {
    const namespace = freshName('outbox');
    const outbox = new RedisOutbox({ redis, namespace });
    const at = '2026-01-01T00:00:00.000Z';
    await outbox.put(['a', 'b'].map((id) => ({ kind: 'block.proposed', id, at, data: {} })));
    await outbox.handOut('a', ['x']);
    await outbox.postpone('x', 'a', 1);
    await outbox.disable('x');
    await outbox.lead('one', 1000);
    await outbox.markCursor({ epoch: 'e', sequence: 1 });
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(10);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });
});
