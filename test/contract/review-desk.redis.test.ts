import { afterAll, beforeAll } from 'vitest';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { RedisReviewRecords } from '../../src/redis/review-records.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { reviewDeskContract } from './review-desk.contract.ts';

describeWith('redis', 'reviewing in Redis', (url) => {
  const connections: RedisConnection[] = [];
  beforeAll(async () => {
    connections.push(await openRedis({ url }), await openRedis({ url }));
  });
  afterAll(() => {
    for (const connection of connections) connection.disconnect();
  });

  reviewDeskContract(() => {
    const namespace = freshName('desk');
    let opened = 0;
    return (clock) => {
      const redis = connections[opened % connections.length];
      opened += 1;
      if (!redis) throw new Error('no connection');
      const setting = { redis, namespace, nowMs: () => clock.nowMs() };
      return { blockList: new RedisBlockList(setting), records: new RedisReviewRecords(setting) };
    };
  });
});
