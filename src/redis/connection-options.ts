import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { systemRandom } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { RedisAddress } from './url.ts';

export interface Patience {
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

/**
 * A connection on which nothing has come for so many command timeouts is given up. A server that hangs, or a machine that
 * went without a word, would hold it for as long as the kernel tries again: a quarter of an hour, with every command that
 * is sent meanwhile.
 */
const timeoutsUntilGivenUp = 3;

const maxBackoffMs = 2000;

/** Until the next attempt to connect: random, or all gates would come back to a server in the same moment. */
export const backoffMs = (attempt: number): number =>
  Math.ceil(Math.min(50 * 2 ** Math.min(attempt, 6), maxBackoffMs) * (0.5 + systemRandom() / 2));

/**
 * ioredis' own defaults queue commands without bound and let the first one hang for over a minute while the server is
 * away. These fail at once instead.
 */
const preset = {
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableReadyCheck: true,
} satisfies RedisOptions;

const timeouts = ({ connectTimeoutMs, commandTimeoutMs }: Patience) => ({
  connectTimeout: connectTimeoutMs,
  commandTimeout: commandTimeoutMs,
  socketTimeout: timeoutsUntilGivenUp * commandTimeoutMs,
});

const given = (text: string): string | undefined => (text === '' ? undefined : text);

const access = (address: RedisAddress) => {
  const tls = tlsOf(address);
  return { username: given(address.username), password: given(address.password), ...(tls && { tls }) };
};

/** For one server, named or found by Sentinels. */
export const serverOptions = (address: RedisAddress, patience: Patience) => ({
  ...preset,
  ...timeouts(patience),
  ...access(address),
  db: address.database,
  lazyConnect: true,
  enableOfflineQueue: false,
  retryStrategy: backoffMs,
  // A failover left this connection on a replica: the command fails, the next connection finds the primary.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  ...(address.kind === 'sentinel' ? sentinelOptions(address, patience) : address.servers[0]),
});

const sentinelOptions = (address: RedisAddress, { commandTimeoutMs }: Patience) => {
  const tls = tlsOf(address);
  return {
    sentinels: [...address.servers],
    name: address.masterName,
    role: 'master' as const,
    ...(address.sentinelUsername === '' ? {} : { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword === '' ? {} : { sentinelPassword: address.sentinelPassword }),
    sentinelCommandTimeout: commandTimeoutMs,
    ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
};

/** Beyond these a slot is in motion, and a decision has no time to run after it. */
const maxRedirections = 3;
/** A node that is still away leaves the pool; it comes back with the next map of slots that names it. */
const nodeAttempts = 8;

/**
 * `isReady`: whether the cluster is connected as a whole. Until then, nodes must not be tried again one by one: ioredis
 * waits for the end of each before it begins anew, which one that waits for its next attempt never tells of.
 */
export const clusterOptions = (address: RedisAddress, patience: Patience, isReady: () => boolean) => ({
  lazyConnect: true,
  // Not only of the nodes' options: the cluster has a queue of its own.
  enableOfflineQueue: false,
  enableReadyCheck: false,
  maxRedirections,
  // 0: what may have counted, or has no node to go to, fails now. A later attempt is a decision too late.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 1,
  clusterRetryStrategy: backoffMs,
  clusterNodeRetryStrategy: (attempt: number) => (isReady() && attempt <= nodeAttempts ? backoffMs(attempt) : null),
  slotsRefreshTimeout: patience.commandTimeoutMs,
  // Names stay names: certificates are made out to them.
  dnsLookup: ((host, done) => done(null, host)) satisfies ClusterOptions['dnsLookup'],
  redisOptions: { ...preset, ...timeouts(patience), ...access(address) },
});

const tlsOf = ({ tls, caFile, certFile, keyFile }: RedisAddress): ConnectionOptions | null =>
  tls
    ? {
        ...(caFile === null ? {} : { ca: [pem('ca', caFile)] }),
        ...(certFile === null ? {} : { cert: pem('cert', certFile) }),
        ...(keyFile === null ? {} : { key: pem('key', keyFile) }),
      }
    : null;

const pem = (parameter: string, path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const problem = { path: parameter, message: `cannot be read: ${messageOf(error)}` };
    throw new TidegateError('CONFIG_INVALID', `Redis URL: ${parameter} ${problem.message}`, { problems: [problem] });
  }
};
