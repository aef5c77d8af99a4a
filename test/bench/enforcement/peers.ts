import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { neverReached } from './ours.ts';

const { limit: points, windowSeconds: duration } = neverReached;

export const peerMemory = (): RateLimiterMemory => new RateLimiterMemory({ points, duration });

/** A connection of its own, ready. */
export const peerRedis = async (url: string): Promise<Redis> => {
  const redis = new Redis(url, { enableOfflineQueue: false, lazyConnect: true });
  await redis.connect();
  return redis;
};

export const peerLimiter = (redis: Redis, keyPrefix = 'peer'): RateLimiterRedis =>
  new RateLimiterRedis({ storeClient: redis, points, duration, keyPrefix });
