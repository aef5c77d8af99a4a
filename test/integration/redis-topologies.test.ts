import { afterAll, beforeAll, expect, it } from 'vitest';
import { asOperator } from '../services/redis-control.ts';
import {
  describeWith,
  type RedisCluster,
  type RedisPair,
  startRedisCluster,
  startRedisPair,
} from '../support/engines.ts';

describeWith('redis', 'a cluster of a test', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());

  it('moves a slot with its keys, loses a node and takes it back', async () => {
    const from = await cluster.ownerOf('a');
    const to = (from + 1) % 3;
    const at = (index: number) => cluster.nodes[index]?.port ?? 0;
    await asOperator(at(from), (redis) => redis.set('a', '1'));
    await cluster.beginMove('a', to);
    await expect(asOperator(at(from), (redis) => redis.get('{a}2'))).rejects.toThrow(/^ASK /);
    await cluster.finishMove('a', to);
    await expect(asOperator(at(from), (redis) => redis.get('a'))).rejects.toThrow(/^MOVED /);
    expect(await asOperator(at(to), (redis) => redis.get('a'))).toBe('1');
    expect(await cluster.ownerOf('a')).toBe(to);
    await cluster.nodes[from]?.kill();
    expect(await asOperator(at(to), (redis) => redis.get('a'))).toBe('1');
    await cluster.nodes[from]?.restart();
    await cluster.settled();
  });
});

describeWith('redis', 'a pair of a test', () => {
  let pair: RedisPair;
  beforeAll(async () => {
    pair = await startRedisPair();
  });
  afterAll(() => pair?.stop());

  it('swaps its roles on demand, and by itself when the primary is gone', async () => {
    await asOperator(pair.primary.port, (redis) => redis.set('a', '1'));
    await pair.inStep();
    await expect(asOperator(pair.replica.port, (redis) => redis.set('a', '2'))).rejects.toThrow(/^READONLY /);
    await pair.promote();
    await expect(asOperator(pair.primary.port, (redis) => redis.set('a', '2'))).rejects.toThrow(/^READONLY /);
    expect(await asOperator(pair.replica.port, (redis) => redis.set('a', '2'))).toBe('OK');
    await pair.replica.kill();
    await pair.promoted('primary');
    expect(await asOperator(pair.primary.port, (redis) => redis.set('a', '3'))).toBe('OK');
  });
});
