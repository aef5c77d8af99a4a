import { Redis, type RedisOptions } from 'ioredis';
import { messageOf, TidegateError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import type { MisuseOptions } from '../misuse.ts';
import { warnOfRedis } from './server-check.ts';

export interface OpenRedisOptions extends MisuseOptions {
  /** `redis://` or `rediss://`, with user, password and database number where needed. */
  readonly url: string;
  /** How long to try at first, milliseconds. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** A command that has not answered by then fails; it may still run. Default 1,000. */
  readonly commandTimeoutMs?: number;
}

/**
 * A connection on which nothing has come for so many command timeouts is given up. A server that hangs, or a machine that
 * went without a word, would hold it for as long as the kernel tries again: a quarter of an hour, with every command that
 * is sent meanwhile.
 */
const timeoutsUntilGivenUp = 3;

/**
 * ioredis' own defaults queue commands without bound and let the first one hang for over a minute while the server is
 * away. These fail at once instead, and reconnect when a failover left this connection on a read-only replica.
 */
const preset = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableReadyCheck: true,
  lazyConnect: true,
  // 2: reconnect and send that command again, which is safe because a read-only server ran nothing.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (2 as const) : false),
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2000),
} satisfies RedisOptions;

/** The address without credentials, for messages. */
export const redisAddress = (url: string): string => {
  if (!URL.canParse(url)) return 'redis';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
};

/** A connection with tidegate's preset, ready for commands. Tells of a server that forgets counters. Throws ENGINE_UNREACHABLE, MISUSED. */
export const openRedis = async (options: OpenRedisOptions): Promise<Redis> => {
  const { url, logger = silentLogger, connectTimeoutMs = 3000, commandTimeoutMs = 1000 } = options;
  const redis = new Redis(url, {
    ...preset,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: timeoutsUntilGivenUp * commandTimeoutMs,
  });
  let lastError: unknown;
  redis.on('error', (error: Error) => {
    lastError = error;
    logger.warn({ err: error.message, redis: redisAddress(url) }, 'redis connection error');
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const cause = lastError ?? error;
    throw new TidegateError(
      'ENGINE_UNREACHABLE',
      `Redis at ${redisAddress(url)} does not answer: ${messageOf(cause)}`,
      {
        cause,
        retryable: true,
      },
    );
  }
  try {
    await warnOfRedis({ ...options, redis });
    return redis;
  } catch (misused) {
    redis.disconnect();
    throw misused;
  }
};
