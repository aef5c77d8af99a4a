import { Cluster, Redis } from 'ioredis';
import { systemClock, type Timer } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { MisuseOptions } from '../misuse.ts';
import { checkOptions, having, text } from '../option-checks.ts';
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
  /**
   * Stays with a server that may only be read, instead of looking for the primary anew: for a standby. Without effect on a
   * cluster. Default false.
   */
  readonly mayBeReplica?: boolean;
  /**
   * Gives the connection even when nothing answers at first, and goes on trying: until it succeeds, commands fail at once.
   * For a gate that must start while Redis is away. A server that answers and refuses (credentials) rejects all the same.
   * Without effect on a cluster. Default false.
   */
  readonly mayBeAway?: boolean;
}

/** To one server, or to the nodes of a cluster. */
export type RedisConnection = Redis | Cluster;

const connection = having('evalsha', 'be the connection that openRedis() gave');

/** Throws CONFIG_INVALID: on a promise, each decision would be one without the store. */
export const checkConnection = (what: string, options: unknown): void =>
  checkOptions(what, options, { redis: connection });

/** True for a cluster: there, every call may hold keys of one slot only. */
export const isCluster = (redis: RedisConnection): redis is Cluster => redis.isCluster;

/** Runs `send`, which must not wait. What it sends to a node leaves as one write: a fifth less work than one for each command. */
export const inOneWrite = <T>(cluster: Cluster, send: () => T): T => {
  // A node that is not connected has no stream, whatever the type says.
  const streams = cluster.nodes('master').flatMap(({ stream }: { stream?: Redis['stream'] }) => stream ?? []);
  for (const stream of streams) stream.cork();
  try {
    return send();
  } finally {
    for (const stream of streams) stream.uncork();
  }
};

/** The address without credentials, for messages. Throws CONFIG_INVALID. */
export const redisAddress = (url: string): string => parseRedisUrl(url).text;

/**
 * A connection with tidegate's preset, ready for commands. Tells of a server that forgets counters.
 *
 * @throws TidegateError CONFIG_INVALID, ENGINE_UNREACHABLE or MISUSED.
 */
export const openRedis = async (options: OpenRedisOptions): Promise<RedisConnection> => {
  checkOptions('openRedis()', options, { url: text });
  const {
    url,
    logger = silentLogger,
    connectTimeoutMs = 3000,
    commandTimeoutMs = 1000,
    mayBeReplica = false,
    mayBeAway = false,
  } = options;
  const address = parseRedisUrl(url);
  const patience = { connectTimeoutMs, commandTimeoutMs, mayBeReplica, mayBeAway };
  const redis =
    address.kind === 'cluster'
      ? await openCluster(address, patience, logger)
      : await openServer(address, patience, logger);
  if (mayBeAway && redis.status !== 'ready') return redis;
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

type ServerPatience = Patience & { readonly mayBeReplica: boolean; readonly mayBeAway: boolean };

/** Rejects with what an answer of the server says; of one that does not answer it only ends the waiting. */
const firstContact = async (redis: Redis, { connectTimeoutMs, mayBeAway }: ServerPatience): Promise<void> => {
  const contact = redis.connect().then(() => redis.ping());
  if (!mayBeAway) return void (await contact);
  // Sentinels that are away are asked again for ever: that they are is not told by a rejection.
  let timer: Timer | undefined;
  const patienceEnds = new Promise<void>((resolve) => {
    timer = systemClock.schedule(connectTimeoutMs, resolve);
  });
  try {
    await Promise.race([contact, patienceEnds]);
  } finally {
    timer?.cancel();
    contact.catch(() => undefined);
  }
};

/** What a server has answered, other than that it is not there. */
const isAnswer = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';

const openServer = async (address: RedisAddress, patience: ServerPatience, logger: Logger): Promise<Redis> => {
  let isOpen = patience.mayBeAway;
  const redis = new Redis({
    ...serverOptions(address, patience),
    ...(patience.mayBeReplica ? { reconnectOnError: null } : {}),
    // At first, no Sentinel is an answer. Later it must not be: ioredis would end the connection for good.
    sentinelRetryStrategy: (attempt) => (isOpen ? backoffMs(attempt) : null),
  });
  let lastError: unknown;
  const hear = nodeErrors(address, logger);
  redis.on('error', (error: Error) => {
    lastError = error;
    hear.failed(error, address.text);
  });
  redis.on('ready', () => hear.answered(address.text));
  try {
    await firstContact(redis, patience);
    isOpen = true;
    return redis;
  } catch (error) {
    const trouble = lastError ?? error;
    if (patience.mayBeAway && !isAnswer(trouble)) return redis;
    redis.disconnect();
    throw unreachable(address, trouble);
  }
};

const openCluster = async (address: RedisAddress, patience: Patience, logger: Logger): Promise<Cluster> => {
  const isReady = (): boolean => cluster.status === 'ready';
  const cluster: Cluster = new Cluster([...address.servers], clusterOptions(address, patience, isReady));
  let lastError: unknown;
  const hear = nodeErrors(address, logger);
  cluster.on('node error', (error: Error, node: string) => {
    // That a connection is closed says less than why the one before it was.
    if (lastError === undefined || error.message !== 'Connection is closed.') lastError = error;
    hear.failed(error, node);
    // Commands to a node that is away fail here: no redirection tells who has taken its slots over.
    if (isReady()) cluster.refreshSlotsCache();
  });
  cluster.on('error', (error: Error) => {
    lastError ??= error;
    logger.warn({ err: error.message, redis: address.text }, 'redis cluster error');
  });
  cluster.on('+node', (node: Redis) => {
    node.on('ready', () => hear.answered(`${node.options.host}:${node.options.port}`));
    setImmediate(() => connectEarly(node));
  });
  try {
    await cluster.connect();
    await checkNodes(cluster.nodes('master'));
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw unreachable(address, lastError ?? error);
  }
};

/** Addresses change in some deployments: what is gone for good must not be remembered for good. */
const maxAway = 1000;

/** A server is tried again every second or two, and a node asked of others as well: it is away once, and once back. */
const nodeErrors = ({ text: redis }: RedisAddress, logger: Logger) => {
  const away = new Set<string>();
  return {
    failed: (error: Error, node: string): void => {
      const level = away.has(node) ? 'debug' : 'warn';
      if (away.size >= maxAway) away.clear();
      away.add(node);
      logger[level]({ err: error.message, redis, node }, 'redis connection error');
    },
    answered: (node: string): void => {
      if (away.delete(node)) logger.info({ redis, node }, 'redis answers again');
    },
  };
};

/** ioredis connects to a node with its first command, and rejects those that come before it is there. */
const connectEarly = (node: Redis): void => {
  if (node.status !== 'wait' || node.options.readOnly) return;
  // The pool hears of the failure as an event of the node, and logs it.
  node.connect().catch(() => undefined);
};

/**
 * Connects to every node. One that is away fails its own slots only: it is enough that any answers and serves. ioredis'
 * ready check would ask one at random, and leave its promise hanging where that one is away.
 */
const checkNodes = async (nodes: readonly Redis[]): Promise<void> => {
  const answers = await Promise.allSettled(nodes.map((node) => node.cluster('INFO')));
  const states = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [String(answer.value)] : []));
  if (states.some((state) => state.includes('cluster_state:ok'))) return;
  if (states.length > 0) throw new Error('its nodes say cluster_state:fail');
  const [first] = answers;
  throw first?.status === 'rejected' ? first.reason : new Error('no node holds a slot');
};
