import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, RLWrapperTimeouts } from 'rate-limiter-flexible';
import { deadlineMs, gates, limit, type Side, windowSeconds } from './side.ts';

/** Counts who asks it: rate-limiter-flexible does not say when it has used its insurance. */
class NotingMemory extends RateLimiterMemory {
  readonly asked = new Set<string>();

  override consume(...args: Parameters<RateLimiterMemory['consume']>): ReturnType<RateLimiterMemory['consume']> {
    this.asked.add(String(args[0]));
    return super.consume(...args);
  }
}

const openLimiter = async (url: string) => {
  const redis = new Redis(url, { enableOfflineQueue: false, lazyConnect: true, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  await redis.connect();
  const rule = { points: limit, duration: windowSeconds };
  const insurance = new NotingMemory(rule);
  const store = new RateLimiterRedis({ ...rule, storeClient: redis, rejectIfRedisNotReady: true });
  const limiter = new RLWrapperTimeouts({ limiter: store, timeoutMs: deadlineMs, insuranceLimiter: insurance });
  return { redis, insurance, limiter };
};

/** As its own documentation has it: fail fast, a time limit, and memory as insurance, which has the whole limit. */
export const openTheirs = async (url: string): Promise<Side> => {
  const opened = await Promise.all(Array.from({ length: gates }, () => openLimiter(url)));
  return {
    ask: async (index, client) => {
      const { insurance, limiter } = opened[index % gates] ?? (await openLimiter(url));
      insurance.asked.delete(client);
      const allowed = await limiter.consume(client).then(
        () => true,
        (refusal: unknown) => {
          if (refusal instanceof RateLimiterRes) return false;
          throw refusal;
        },
      );
      return { allowed, decider: insurance.asked.has(client) ? 'elsewhere' : 'store' };
    },
    settle: () => Promise.resolve(),
    close: async () => {
      for (const { redis } of opened) redis.disconnect();
    },
  };
};
