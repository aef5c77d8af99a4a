import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisReviewRecords } from '../../src/redis/review-records.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { reviewRecordsContract } from './review-records.contract.ts';

describeWith('redis', 'records of reviews in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  reviewRecordsContract(
    (clock) => new RedisReviewRecords({ redis, namespace: freshName('review'), nowMs: () => clock.nowMs() }),
  );

  it('live in the time of the server unless told another, and every key has an end and the slot of the list', async () => {
    const namespace = freshName('review');
    const store = new RedisReviewRecords({ redis, namespace }).shelf({ name: 'things', keptForMs: 60_000, most: 2 });
    for (const id of ['a', 'b', 'c']) await store.put({ id, text: id, ifRevision: 0 });
    await store.put({ id: 'c', text: 'changed', ifRevision: 1 });
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys).toHaveLength(4);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
      expect(await redis.pttl(key), key).toBeLessThanOrEqual(60_000);
    }
  });

  it('read past many that have ended', async () => {
    const namespace = freshName('review');
    const store = new RedisReviewRecords({ redis, namespace }).shelf({ name: 'things', keptForMs: 60_000, most: 100 });
    for (let at = 0; at < 9; at += 1) await store.put({ id: `r${at}`, text: '', ifRevision: 0 });
    for (let at = 1; at < 8; at += 1) await redis.del(`tg1:${namespace}:{bl}:review:things:of:r${at}`);
    const first = await store.newest(1);
    expect(first.records.map(({ id }) => id)).toEqual(['r8']);
    const second = await store.newest(1, first.nextCursor ?? '');
    expect(second.records.map(({ id }) => id)).toEqual(['r0']);
  });
});
