import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Contest } from '../contest.ts';
import { callsPerSecond } from '../load.ts';
import { clients, openGate, openRedisStore, requestOf, type WrittenPolicy } from './ours.ts';

/** Never reached: a million a second, and a minute's worth of them at once. */
const limit = 60_000_000;
const hot: WrittenPolicy = { name: 'hot', limit, window: '1m' };
const warmUpMs = 300;
/** Of all decisions, at least so many must have been taken in process, or something else has been measured. */
const leastLeased = 0.95;

export const leaseHotKey: Contest = {
  name: 'lease-hot-key',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'rate-limiter-flexible RateLimiterMemory on the same single key',
  aim: 1.5,
  about:
    'One client, one caller, with Redis attached: units are taken from its counter in advance and spent in process, so that any number of gates share one exact limit. The limiter beside it counts in its own process alone.',
  needsRedis: true,
  open: async ({ roundMs, redisUrl }) => {
    const [client = { kind: 'key', id: 'client-0' }] = clients(1);
    const request = requestOf(client);
    const key = `${client.kind}:${client.id}`;
    const { redis, store } = await openRedisStore(redisUrl);
    const { gate, settle } = openGate({ store, policies: [hot] });
    const limiter = new RateLimiterMemory({ points: limit, duration: 60 });
    const ours = (ms: number): Promise<number> => callsPerSecond(() => gate.check(request), { roundMs: ms, settle });
    // A counter that has just become hot is leased little by little.
    await ours(warmUpMs);
    const before = gate.stats();
    return {
      ours: () => ours(roundMs),
      theirs: () => callsPerSecond(() => limiter.consume(key), { roundMs }),
      close: async () => {
        const { decisions, leased } = gate.stats();
        const share = (leased - before.leased) / (decisions - before.decisions);
        await gate.close();
        redis.disconnect();
        if (!(share >= leastLeased)) throw new Error(`only ${(share * 100).toFixed(1)} % were decided in process`);
      },
    };
  },
};
