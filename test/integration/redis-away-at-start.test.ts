import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis } from '../../src/redis/client.ts';
import { asOperator } from '../services/redis-control.ts';
import { describeWith, freshName, type OwnEngine, startRedis } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';
import { recordingLogger } from '../support/recording-logger.ts';

const subject = { kind: 'ip', id: '203.0.113.9' } as const;

describeWith('redis', 'a gate that starts while Redis is away', () => {
  let server: OwnEngine;
  let folder: string;
  beforeAll(async () => {
    server = await startRedis();
    folder = mkdtempSync(join(tmpdir(), 'tidegate-away-'));
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  it('begins with the list of its file, and follows Redis once it is there', async () => {
    const namespace = freshName('away');
    const snapshotFile = join(folder, 'blocks');
    const before = await openRedis({ url: server.url });
    const list = new RedisBlockList({ redis: before, namespace });
    await list.promote(promotionOf({ id: 'v1', atMs: systemClock.nowMs(), subject }));
    const first = new BlockListReplica({ feed: list, snapshotFile });
    await first.sync();
    await first.stop();
    before.disconnect();
    await server.shutDown();

    const redis = await openRedis({ url: server.url, mayBeAway: true });
    const feed = new RedisBlockList({ redis, namespace });
    const replica = new BlockListReplica({ feed, snapshotFile });
    await replica.load();
    replica.follow({ pollMs: 50 });
    const isBlocked = (): boolean => replica.find(subject, '', systemClock.nowMs()) !== null;
    expect(isBlocked()).toBe(true);

    await server.restart();
    await expect.poll(() => redis.status, { timeout: 10_000 }).toBe('ready');
    const other = { ...subject, id: '203.0.113.10' };
    await feed.promote(promotionOf({ id: 'v2', atMs: systemClock.nowMs(), subject: other }));
    await expect.poll(() => replica.find(other, '', systemClock.nowMs()), { timeout: 10_000 }).not.toBeNull();
    await replica.stop();
    redis.disconnect();
  });

  it('says once that it is away, however often it is tried, and once that it is back', async () => {
    const logger = recordingLogger();
    const redis = await openRedis({ url: server.url, logger });
    const told = (): string[] =>
      logger.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level} ${message}`);
    const away = ['warn redis connection error', 'info redis answers again'];
    const before = told();
    for (const times of [1, 2]) {
      const tries = logger.lines.length;
      await server.shutDown();
      await expect.poll(() => logger.lines.length, { timeout: 15_000 }).toBeGreaterThan(tries + 4);
      await server.restart();
      await expect.poll(() => redis.status, { timeout: 15_000 }).toBe('ready');
      await expect
        .poll(() => told().slice(before.length), { timeout: 5_000 })
        .toEqual(Array.from({ length: times }, () => away).flat());
    }
    redis.disconnect();
  });

  it('is not given where nobody asked for it: a wrong address is an error', async () => {
    await expect(openRedis({ url: 'redis://127.0.0.1:1' })).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });

  it('comes within connectTimeoutMs where Sentinels are away', async () => {
    const url = 'redis+sentinel://127.0.0.1:1,127.0.0.1:2/main';
    const redis = await openRedis({ url, mayBeAway: true, connectTimeoutMs: 200 });
    await expect(redis.ping()).rejects.toThrow();
    redis.disconnect();
  });

  it('still says that a password is wrong', async () => {
    await asOperator(server.port, (operator) => operator.call('CONFIG', 'SET', 'requirepass', 'hunter2'));
    const url = server.url.replace('://', '://:hunter9@');
    await expect(openRedis({ url, mayBeAway: true })).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
  });
});
