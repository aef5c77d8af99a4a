import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Contest } from '../contest.ts';
import { callsPerSecond } from '../load.ts';
import { clients, openGate, openRedisStore, replicaBlocking, requestOf } from './ours.ts';
import { peerRedis } from './peers.ts';

const blockedCount = 1000;

export const blockedClient: Contest = {
  name: 'blocked-client',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'rate-limiter-flexible RateLimiterRedis with inMemoryBlockOnConsumed',
  aim: 5,
  about: 'A thousand clients that are blocked already keep coming. Neither side may ask Redis about them.',
  needsRedis: true,
  open: async ({ roundMs, redisUrl }) => {
    const blocked = clients(blockedCount);
    const { redis, store } = await openRedisStore(redisUrl);
    const asked = { commands: 0 };
    const counted = {
      spend: (...args: Parameters<typeof store.spend>) => {
        asked.commands += 1;
        return store.spend(...args);
      },
      immediate: false,
      giveBack: (...args: Parameters<typeof store.giveBack>) => store.giveBack(...args),
      close: () => store.close(),
    };
    const { gate, settle } = openGate({ store: counted, blockList: await replicaBlocking(blocked) });
    const peer = await peerRedis(redisUrl);
    const limiter = new RateLimiterRedis({
      storeClient: peer,
      points: 1,
      duration: 600,
      inMemoryBlockOnConsumed: 2,
      inMemoryBlockDuration: 3600,
    });
    const keys = blocked.map(({ id }) => id);
    const refused = (): void => undefined;
    for (const key of keys) for (let call = 0; call < 3; call += 1) await limiter.consume(key).catch(refused);
    const requests = blocked.map(requestOf);
    return {
      ours: () =>
        callsPerSecond(
          (call) => {
            const decision = gate.check(requests[call % blockedCount] ?? requestOf({ kind: 'key', id: '' }));
            if (decision instanceof Promise || decision.outcome !== 'blocked') throw new Error('it was not blocked');
          },
          { roundMs, settle },
        ),
      theirs: () =>
        callsPerSecond((call) => limiter.consume(keys[call % blockedCount] ?? '').catch(refused), { roundMs }),
      close: async () => {
        if (asked.commands > 0) throw new Error(`the store was asked ${asked.commands} times`);
        redis.disconnect();
        peer.disconnect();
      },
    };
  },
};
