import { type RedisReply, RedisStore } from 'rate-limit-redis';
import type { Contest, Duel, Setting } from '../contest.ts';
import { type Driven, drive, p50, p99, shuffledIndices } from '../load.ts';
import { clients, neverReached, openGate, openRedisStore, perClient, requestOf, type WrittenPolicy } from './ours.ts';
import { peerLimiter, peerRedis } from './peers.ts';

const keyCount = 10_000;

interface Bout {
  readonly inFlight: number;
  /** What one round of calls comes to. */
  readonly judge: (driven: Driven) => number;
  readonly policies?: readonly WrittenPolicy[];
  /** The other side: how it asks about one client. Default: RateLimiterRedis. */
  readonly peer?: (redis: Awaited<ReturnType<typeof peerRedis>>) => (key: string) => Promise<unknown>;
}

const limiterCalls: NonNullable<Bout['peer']> = (redis) => {
  const limiter = peerLimiter(redis);
  return (key) => limiter.consume(key);
};

const fight = async (bout: Bout, { roundMs, redisUrl }: Setting): Promise<Duel> => {
  const { inFlight, judge, policies = [perClient], peer = limiterCalls } = bout;
  const { redis, store } = await openRedisStore(redisUrl);
  const theirRedis = await peerRedis(redisUrl);
  const { gate, settle } = openGate({ store, policies });
  const ask = peer(theirRedis);
  const order = shuffledIndices(keyCount);
  const known = clients(keyCount);
  const clientAt = (call: number) => known[order[call % order.length] ?? 0] ?? { kind: 'key', id: '' };
  return {
    ours: async () =>
      judge(await drive((call) => gate.check(requestOf(clientAt(call))), { inFlight, roundMs, settle })),
    theirs: async () => judge(await drive((call) => ask(clientAt(call).id), { inFlight, roundMs })),
    close: async () => {
      redis.disconnect();
      theirRedis.disconnect();
    },
  };
};

const perSecond = (driven: Driven): number => driven.perSecond;
const reference = 'rate-limiter-flexible RateLimiterRedis';
const beside = { reference, needsRedis: true, better: 'higher', unit: 'decisions/s' } as const;

export const redis512InFlight: Contest = {
  ...beside,
  name: 'redis-512-in-flight',
  aim: 3,
  about: '512 requests wait at any time, 10,000 clients, one connection to one Redis.',
  open: (setting) => fight({ inFlight: 512, judge: perSecond }, setting),
};

export const redis512InFlightExpress: Contest = {
  ...beside,
  name: 'redis-512-in-flight-express',
  reference: 'rate-limit-redis RedisStore',
  aim: null,
  about: 'The same beside the Redis store of express-rate-limit, called without its middleware.',
  open: (setting) => {
    const peer: Bout['peer'] = (redis) => {
      const sendCommand = (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>;
      const store = new RedisStore({ sendCommand, prefix: 'express:' });
      void store.init({ windowMs: neverReached.windowSeconds * 1000 } as Parameters<RedisStore['init']>[0]);
      return (key) => store.increment(key);
    };
    return fight({ inFlight: 512, judge: perSecond, peer }, setting);
  },
};

export const redis64InFlightP99: Contest = {
  ...beside,
  name: 'redis-64-in-flight-p99',
  unit: 'us',
  better: 'lower',
  aim: 1.5,
  about: 'How long the slowest hundredth waits while 64 requests wait at any time.',
  open: (setting) => fight({ inFlight: 64, judge: ({ latenciesUs }) => p99(latenciesUs) }, setting),
};

export const redis1InFlightP50: Contest = {
  ...beside,
  name: 'redis-1-in-flight-p50',
  unit: 'us',
  better: 'lower',
  aim: 1,
  about: 'How long a lone request waits: nobody to share a call with.',
  open: (setting) => fight({ inFlight: 1, judge: ({ latenciesUs }) => p50(latenciesUs) }, setting),
};

const { limit } = neverReached;
const four: readonly WrittenPolicy[] = [
  { name: 'client-route', limit, window: '1m', scope: ['client', 'route'] },
  { name: 'client', limit, window: '1m', scope: ['client'] },
  { name: 'tenant', limit, window: '1m', scope: ['tenant'] },
  { name: 'service', limit, window: '1m', scope: [] },
];

export const fourLimits: Contest = {
  ...beside,
  name: 'four-limits',
  reference: 'four RateLimiterRedis calls in parallel',
  aim: 4,
  about:
    'Client and route, client, tenant and service at once, 128 requests waiting. Ours spends all or none; the four calls beside it cannot.',
  open: (setting) => {
    const peer: Bout['peer'] = (redis) => {
      const subjects = [(key: string) => `${key}:GET /orders/:id`, (key: string) => key, () => 'default', () => 'all'];
      const limiters = subjects.map((subjectOf, index) => ({
        subjectOf,
        limiter: peerLimiter(redis, `limit-${index}`),
      }));
      return (key) => Promise.all(limiters.map(({ subjectOf, limiter }) => limiter.consume(subjectOf(key))));
    };
    return fight({ inFlight: 128, judge: perSecond, policies: four, peer }, setting);
  },
};
