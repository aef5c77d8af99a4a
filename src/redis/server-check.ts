import type { Cluster, Redis } from 'ioredis';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { type MisuseCode, type MisuseOptions, watchMisuse } from '../misuse.ts';

/** What a Redis server is that counters and blocks should not be kept in. */
export interface ServerFinding {
  readonly code: Extract<MisuseCode, 'TIDEGATE_REDIS_EVICTS' | 'TIDEGATE_REDIS_NEARLY_FULL' | 'TIDEGATE_CLOCK_APART'>;
  /** `maxmemory-policy allkeys-lru at 64 MB`. */
  readonly seen: string;
}

export interface ServerCheckOptions extends MisuseOptions {
  readonly redis: Redis | Cluster;
  readonly clock?: Clock;
}

const nearlyFullShare = 0.9;
const tolerableSkewMs = 1000;

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MB`;

/** What the section `memory` of an INFO reply says. Keys of tidegate all expire: `volatile-` policies evict them as well. */
export const memoryFindings = (infoText: string): ServerFinding[] => {
  const fieldOf = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(infoText)?.[1];
  const limit = Number(fieldOf('maxmemory') ?? 0);
  const used = Number(fieldOf('used_memory') ?? 0);
  const policy = fieldOf('maxmemory_policy') ?? 'noeviction';
  // Without a limit nothing is ever evicted, whatever the policy.
  if (!(limit > 0)) return [];
  if (policy !== 'noeviction') {
    return [{ code: 'TIDEGATE_REDIS_EVICTS', seen: `maxmemory-policy ${policy} at ${megabytes(limit)}` }];
  }
  return used < limit * nearlyFullShare
    ? []
    : [{ code: 'TIDEGATE_REDIS_NEARLY_FULL', seen: `${megabytes(used)} of ${megabytes(limit)} used` }];
};

/** The server's clock, milliseconds since the epoch. */
export const redisNowMs = async (redis: Redis): Promise<number> => {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
};

const clockFindings = async (redis: Redis, clock: Clock): Promise<ServerFinding[]> => {
  const askedAtMs = clock.nowMs();
  const serverMs = await redisNowMs(redis);
  const answeredAtMs = clock.nowMs();
  // It was read somewhere on the way: only what lies outside the whole way is a difference of clocks.
  const aheadMs = Math.max(serverMs - answeredAtMs, askedAtMs - serverMs);
  if (aheadMs <= tolerableSkewMs) return [];
  const side = serverMs > answeredAtMs ? 'ahead' : 'behind';
  return [{ code: 'TIDEGATE_CLOCK_APART', seen: `Redis is ${Math.round(aheadMs / 100) / 10} s ${side}` }];
};

const nodesOf = (redis: Redis | Cluster): readonly Redis[] => ('nodes' in redis ? redis.nodes('master') : [redis]);

/**
 * Looks at a server, or at each primary of a cluster. What an ACL forbids to ask stays unknown. Never rejects: a check
 * that fails says nothing of the server.
 */
export const inspectRedis = async ({ redis, clock = systemClock, ...options }: ServerCheckOptions) => {
  const { logger = silentLogger } = options;
  const unknown = (error: unknown): ServerFinding[] => {
    logger.debug({ err: messageOf(error) }, 'a setting of Redis could not be read');
    return [];
  };
  const findings = await Promise.all(
    nodesOf(redis).flatMap((node) => [
      node.info('memory').then(memoryFindings).catch(unknown),
      clockFindings(node, clock).catch(unknown),
    ]),
  );
  return findings.flat();
};

/** Tells what {@link inspectRedis} finds. Rejects with MISUSED where `onMisuse` is `throw`. */
export const warnOfRedis = async (options: ServerCheckOptions): Promise<void> => {
  const watch = watchMisuse(options);
  if (options.onMisuse === 'ignore') return;
  for (const { code, seen } of await inspectRedis(options)) watch.found(code, seen);
};
