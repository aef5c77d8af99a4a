import { Cluster, Redis } from 'ioredis';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { MisuseOptions } from '../misuse.ts';
import { backoffMs, clusterOptions, type Patience, serverOptions } from './connection-options.ts';
import { warnOfRedis } from './server-check.ts';
import { parseRedisUrl, type RedisAddress } from './url.ts';

export interface OpenRedisOptions extends MisuseOptions {
  /**
   * `redis://host:6379/0`, `redis+cluster://a:6379,b:6379` or `redis+sentinel://s1:26379,s2:26379/<name of the primary>`,
   * each with `rediss` for TLS, and `user:password@` before the hosts where needed.
   */
  readonly url: string;
  /** How long to try at first, milliseconds. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** A command that has not answered by then fails; it may still run. Default 1,000. */
  readonly commandTimeoutMs?: number;
}

/** To one server, or to the nodes of a cluster. */
export type RedisConnection = Redis | Cluster;

/** True for a cluster: there, every call may hold keys of one slot only. */
export const isCluster = (redis: RedisConnection): redis is Cluster => redis.isCluster;

/** The address without credentials, for messages. Throws CONFIG_INVALID. */
export const redisAddress = (url: string): string => parseRedisUrl(url).text;

/**
 * A connection with tidegate's preset, ready for commands. Tells of a server that forgets counters.
 *
 * @throws TidegateError CONFIG_INVALID, ENGINE_UNREACHABLE or MISUSED.
 */
export const openRedis = async (options: OpenRedisOptions): Promise<RedisConnection> => {
  const { url, logger = silentLogger, connectTimeoutMs = 3000, commandTimeoutMs = 1000 } = options;
  const address = parseRedisUrl(url);
  const patience = { connectTimeoutMs, commandTimeoutMs };
  const redis =
    address.kind === 'cluster'
      ? await openCluster(address, patience, logger)
      : await openServer(address, patience, logger);
  try {
    await warnOfRedis({ ...options, redis });
    return redis;
  } catch (misused) {
    redis.disconnect();
    throw misused;
  }
};

const unreachable = ({ text }: RedisAddress, cause: unknown): TidegateError =>
  new TidegateError('ENGINE_UNREACHABLE', `Redis at ${text} does not answer: ${messageOf(cause)}`, {
    cause,
    retryable: true,
  });

const openServer = async (address: RedisAddress, patience: Patience, logger: Logger): Promise<Redis> => {
  let isOpen = false;
  const redis = new Redis({
    ...serverOptions(address, patience),
    // At first, no Sentinel is an answer. Later it must not be: ioredis would end the connection for good.
    sentinelRetryStrategy: (attempt) => (isOpen ? backoffMs(attempt) : null),
  });
  let lastError: unknown;
  redis.on('error', (error: Error) => {
    lastError = error;
    logger.warn({ err: error.message, redis: address.text }, 'redis connection error');
  });
  try {
    await redis.connect();
    await redis.ping();
    isOpen = true;
    return redis;
  } catch (error) {
    redis.disconnect();
    throw unreachable(address, lastError ?? error);
  }
};

const openCluster = async (address: RedisAddress, patience: Patience, logger: Logger): Promise<Cluster> => {
  const cluster = new Cluster([...address.servers], clusterOptions(address, patience));
  let lastError: unknown;
  cluster.on('node error', (error: Error, node: string) => {
    lastError = error;
    logger.warn({ err: error.message, redis: address.text, node }, 'redis connection error');
  });
  cluster.on('error', (error: Error) => {
    lastError ??= error;
    logger.warn({ err: error.message, redis: address.text }, 'redis cluster error');
  });
  cluster.on('+node', (node: Redis) => setImmediate(() => connectEarly(node)));
  try {
    await readyWithin(cluster, patience.connectTimeoutMs, systemClock);
    // A node that is away fails its own slots only; this one is open as long as any answers.
    await Promise.any(cluster.nodes('master').map((node) => node.ping()));
    await Promise.allSettled(cluster.nodes('master').map((node) => node.ping()));
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw unreachable(address, lastError ?? error);
  }
};

/** ioredis connects to a node with its first command, and rejects those that come before it is there. */
const connectEarly = (node: Redis): void => {
  if (node.status !== 'wait' || node.options.readOnly) return;
  // The pool hears of the failure as an event of the node, and logs it.
  node.connect().catch(() => undefined);
};

/**
 * The promise of `connect()` is not enough: it is left hanging when the one node that it asks for the cluster's state is
 * away, while ioredis goes on to try others.
 */
const readyWithin = (cluster: Cluster, withinMs: number, clock: Clock): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = clock.schedule(withinMs, () => reject(new Error(`the cluster is not ready after ${withinMs} ms`)));
    const settle = (task: () => void): void => {
      timer.cancel();
      task();
    };
    cluster.once('ready', () => settle(resolve));
    cluster.connect().catch((error: unknown) => settle(() => reject(error)));
  });
