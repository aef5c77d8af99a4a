import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { openRedis } from '../../src/redis/client.ts';
import { inspectRedis, warnOfRedis } from '../../src/redis/server-check.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, type OwnEngine, type RedisCluster, startRedis, startRedisCluster } from '../support/engines.ts';
import { recordingLogger } from '../support/recording-logger.ts';

describeWith('redis', 'a Redis that counters should not be kept in', () => {
  let server: OwnEngine;
  let redis: Redis;

  const set = (settings: Record<string, string>) =>
    Promise.all(Object.entries(settings).map(([name, value]) => redis.config('SET', name, value)));

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterEach(() => set({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const codesTold = async () => {
    const logger = recordingLogger();
    (await openRedis({ url: server.url, logger })).disconnect();
    return logger.lines.map(({ level, fields }) => ({ level, ...fields }));
  };

  it('is named when it is opened, where it evicts', async () => {
    await set({ maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' });
    expect(await codesTold()).toEqual([{ level: 'warn', code: 'TIDEGATE_REDIS_EVICTS' }]);
    await set({ 'maxmemory-policy': 'volatile-ttl' });
    expect(await codesTold()).toEqual([{ level: 'warn', code: 'TIDEGATE_REDIS_EVICTS' }]);
  });

  it('is named where hardly anything is left of its memory', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    await set({ maxmemory: String(Math.ceil(used * 1.02)) });
    expect(await codesTold()).toEqual([{ level: 'warn', code: 'TIDEGATE_REDIS_NEARLY_FULL' }]);
  });

  it('is not one that refuses writes when full, nor one without a limit, whatever its policy', async () => {
    await set({ maxmemory: '512mb' });
    expect(await codesTold()).toEqual([]);
    await set({ maxmemory: '0', 'maxmemory-policy': 'allkeys-lru' });
    expect(await codesTold()).toEqual([]);
  });

  it('is named when its clock is more than a second from ours, either way', async () => {
    for (const byMs of [-90_000, 90_000]) {
      const [finding, ...rest] = await inspectRedis({ redis, clock: new ManualClock(systemClock.nowMs() + byMs) });
      expect(finding).toMatchObject({ code: 'TIDEGATE_CLOCK_APART' });
      expect(finding?.seen).toMatch(
        byMs < 0 ? /^Redis is (?:89|90)\.?\d* s ahead$/ : /^Redis is (?:89|90)\.?\d* s behind$/,
      );
      expect(rest).toEqual([]);
    }
    expect(await inspectRedis({ redis, clock: new ManualClock(systemClock.nowMs() + 500) })).toEqual([]);
  });

  it('is not opened at all where misuse is an error', async () => {
    await set({ maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' });
    const opening = openRedis({ url: server.url, onMisuse: 'throw' });
    await expect(opening).rejects.toMatchObject({ code: 'MISUSED', message: expect.stringContaining('allkeys-lru') });
    await expect(warnOfRedis({ redis, onMisuse: 'ignore' })).resolves.toBeUndefined();
  });

  it('stays unknown where its user may not ask, and is opened all the same', async () => {
    await redis.call('ACL', 'SETUSER', 'limiter', 'on', '>secret', '~*', '+@all', '-info', '-config', '-time');
    await set({ maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' });
    const logger = recordingLogger();
    const url = server.url.replace('redis://', 'redis://limiter:secret@');
    // The ready check of ioredis asks INFO too, says so when it is refused, and goes on.
    const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const opened = await openRedis({ url, logger });
    expect(await opened.ping()).toBe('PONG');
    opened.disconnect();
    said.mockRestore();
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });
});

describeWith('redis', 'a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());

  it('is looked at node by node: one that evicts is enough', async () => {
    const logger = recordingLogger();
    const opened = await openRedis({ url: cluster.url, logger });
    expect(logger.lines).toEqual([]);
    const { port = 0 } = cluster.nodes[1] ?? {};
    await asOperator(port, async (redis) => {
      await redis.config('SET', 'maxmemory', '64mb');
      await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    });
    expect(await inspectRedis({ redis: opened })).toEqual([
      { code: 'TIDEGATE_REDIS_EVICTS', seen: 'maxmemory-policy volatile-lru at 64 MB' },
    ]);
    opened.disconnect();
  });
});
