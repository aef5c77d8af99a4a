import { type ConsistencyJob, playConsistency } from '../support/consistency-play.ts';
import type { Contest, Facet, Sample, Setting } from './contest.ts';
import { clients, neverReached, openGate, openRedisStore, requestOf, type WrittenPolicy } from './enforcement/ours.ts';
import { drive, shuffledIndices } from './load.ts';

const windows = 50;
const gateCounts = [1, 4, 16] as const;
const loads = [0.9, 1, 3, 10] as const;

const scenes = gateCounts.flatMap((gates) => loads.map((load) => ({ gates, load })));
const facetOf = ({ gates, load }: (typeof scenes)[number]): string =>
  `${gates}-gate${gates === 1 ? '' : 's'}-${String(load).replace('.', '-')}x`;
const facets: readonly Facet[] = scenes.map((scene) => ({
  name: facetOf(scene),
  unit: 'units admitted',
  better: 'lower',
}));

const wordsOf = {
  'token-bucket': 'A token bucket',
  'fixed-window': 'A fixed window',
  'sliding-window': 'A sliding window',
} as const;

/** Nothing of it differs from round to round: it is played once. */
const simulation = (algorithm: ConsistencyJob['algorithm']): Contest => ({
  name: algorithm,
  unit: '',
  better: 'lower',
  facets,
  reference: 'exact counting of the same arrivals',
  aim: null,
  about: `${wordsOf[algorithm]} of 500 a second that 1, 4 or 16 gates count approximately, with requests at 0.9 to 10 times the limit; ${windows} windows on a moved clock, 2 ms to the store and back. A ratio of 0.95 is an excess of 5 %.`,
  maxRounds: 1,
  open: async () => {
    const approximate: Record<string, number> = {};
    const exact: Record<string, number> = {};
    for (const scene of scenes) {
      const result = await playConsistency({ algorithm, windows, ...scene });
      approximate[facetOf(scene)] = result.approximate;
      exact[facetOf(scene)] = result.exact;
    }
    return {
      ours: (): Promise<Sample> => Promise.resolve(approximate),
      theirs: (): Promise<Sample> => Promise.resolve(exact),
      close: () => Promise.resolve(),
    };
  },
});

const keyCount = 1000;
const inFlight = 512;

const gateWith = async (consistency: 'exact' | 'approximate', { redisUrl }: Setting) => {
  const { redis, store } = await openRedisStore(redisUrl);
  const policy: WrittenPolicy = { name: consistency, limit: neverReached.limit, window: '1m', consistency };
  const { gate, settle } = openGate({ store, policies: [policy] });
  const order = shuffledIndices(keyCount);
  const requests = clients(keyCount).map(requestOf);
  const ask = (call: number) =>
    gate.check(requests[order[call % order.length] ?? 0] ?? requestOf({ kind: 'key', id: '' }));
  return {
    perSecond: async (roundMs: number) => (await drive(ask, { inFlight, roundMs, settle })).perSecond,
    close: async () => {
      await gate.close();
      redis.disconnect();
    },
  };
};

const throughput: Contest = {
  name: 'approximate-512-in-flight',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'the same gate and policy, exact',
  aim: null,
  about: `What approximate counting saves: ${inFlight} requests wait at any time, ${keyCount.toLocaleString('en-US')} clients, one connection to one Redis, events on.`,
  needsRedis: true,
  open: async (setting) => {
    const approximate = await gateWith('approximate', setting);
    const exact = await gateWith('exact', setting);
    return {
      ours: () => approximate.perSecond(setting.roundMs),
      theirs: () => exact.perSecond(setting.roundMs),
      close: async () => {
        await approximate.close();
        await exact.close();
      },
    };
  },
};

/** How far approximate counting is from exact, and what it saves. */
export const consistency: readonly Contest[] = [
  simulation('token-bucket'),
  simulation('fixed-window'),
  simulation('sliding-window'),
  throughput,
];
