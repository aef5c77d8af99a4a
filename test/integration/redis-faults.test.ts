import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRedis } from '../../src/redis/client.ts';
import { describeWith, type OwnEngine, startRedis } from '../support/engines.ts';

describeWith('redis', 'a Redis that hangs', () => {
  let server: OwnEngine;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  it('is given up with all that was sent to it, and found again when it answers', async () => {
    const redis = await openRedis({ url: server.url, commandTimeoutMs: 100 });
    server.freeze();
    const asked = Array.from({ length: 20 }, () => redis.get('a').catch((error: Error) => error.message));
    expect(await Promise.all(asked)).toEqual(Array(20).fill('Command timed out'));
    await expect.poll(() => redis.status, { timeout: 15_000 }).not.toBe('ready');
    await expect(redis.get('a')).rejects.toThrow("Stream isn't writeable");
    server.thaw();
    await expect.poll(() => redis.get('a').catch(() => 'not yet'), { timeout: 10_000 }).toBeNull();
    redis.disconnect();
  });
});
