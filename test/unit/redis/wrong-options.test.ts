import { describe, expect, it } from 'vitest';
import { RedisBlockList } from '../../../src/redis/block-list.ts';
import { openRedis } from '../../../src/redis/client.ts';
import { RedisLimitStore } from '../../../src/redis/limit-store.ts';

const refusal = (message: string) =>
  expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) });

describe('what code without types hands over as Redis', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'options must be an object'],
    ['no connection', {}, 'redis must be the connection that openRedis() gave'],
    ['a URL', { redis: 'redis://a' }, 'is a string'],
    ['a connection that is still awaited', { redis: Promise.resolve() }, 'is a promise: await it'],
  ])('is refused at the start, not counted without: %s', (_, options, message) => {
    expect(() => new RedisLimitStore(options as never)).toThrow(refusal(message));
    expect(() => new RedisBlockList(options as never)).toThrow(refusal(message));
  });

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'options must be an object'],
    ['a variable that is not set', { url: undefined }, 'url must be text, is undefined'],
  ])('is refused as an address: %s', async (_, options, message) => {
    await expect(openRedis(options as never)).rejects.toEqual(refusal(message));
  });
});
