import { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import { ServiceError } from './service-error.ts';

/** Asks one server as its operator would, on a connection of its own. */
export const asOperator = async <T>(port: number, task: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null, commandTimeout: 5_000 });
  // The commands themselves reject; without a listener ioredis would print the reason, too.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await task(redis);
  } finally {
    redis.disconnect();
  }
};

const pollMs = 20;

/** Waits until servers have come to a state. Throws ServiceError when they do not. */
export const until = async (what: string, withinMs: number, isSo: () => Promise<boolean>): Promise<void> => {
  const deadlineUs = systemClock.monotonicUs() + withinMs * 1000;
  while (!(await isSo())) {
    if (systemClock.monotonicUs() > deadlineUs) throw new ServiceError(`${what}: not after ${withinMs} ms`);
    await systemClock.sleep(pollMs);
  }
};
