import { MemoryStore } from 'express-rate-limit';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { callsPerSecond, shuffledIndices } from '../load.ts';
import { clients, neverReached, openGate, requestOf } from './ours.ts';
import { peerMemory } from './peers.ts';

const keyCount = 100_000;
type Ask = (key: string) => Promise<unknown>;

const against = async (ask: Ask, { roundMs }: Setting): Promise<Duel> => {
  const known = clients(keyCount);
  const keys = known.map(({ kind, id }) => `${kind}:${id}`);
  const order = shuffledIndices(keyCount);
  const at = (call: number): number => order[call % order.length] ?? 0;
  const { gate, settle } = openGate({ store: new MemoryLimitStore({ maxKeys: keyCount }) });
  // Both know every key before the clock runs: growing a map is not what a server does all day.
  for (const key of keys) await ask(key);
  for (const client of known) await gate.check(requestOf(client));
  await settle();
  return {
    ours: () =>
      callsPerSecond((call) => gate.check(requestOf(known[at(call)] ?? { kind: 'key', id: '' })), { roundMs, settle }),
    theirs: () => callsPerSecond((call) => ask(keys[at(call)] ?? ''), { roundMs }),
    close: () => Promise.resolve(),
  };
};

const about =
  'One caller, limits in this process, 100,000 clients in random order. Ours with its events: merged, encoded and handed over within the measured time.';

export const memory100kKeys: Contest = {
  name: 'memory-100k-keys',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'rate-limiter-flexible RateLimiterMemory',
  aim: 3,
  about,
  open: (setting) => {
    const limiter = peerMemory();
    return against((key) => limiter.consume(key), setting);
  },
};

export const memory100kKeysExpress: Contest = {
  name: 'memory-100k-keys-express',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'express-rate-limit MemoryStore',
  aim: null,
  about: 'The same beside the store of express-rate-limit, called without its middleware.',
  open: (setting) => {
    const store = new MemoryStore();
    store.init({ windowMs: neverReached.windowSeconds * 1000 } as Parameters<MemoryStore['init']>[0]);
    return against((key) => store.increment(key), setting);
  },
};

const millionKeys = 1_000_000;

/** On the heap and beside it: typed arrays lie elsewhere. */
const heldBytes = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** What memory has grown by, per key, once garbage is gone. */
const bytesPerKey = async (fill: () => Promise<unknown>): Promise<number> => {
  globalThis.gc?.();
  const before = heldBytes();
  const held = await fill();
  globalThis.gc?.();
  const grown = heldBytes() - before;
  if (held === undefined) throw new Error('nothing was held');
  return grown / millionKeys;
};

export const memory1mKeys: Contest = {
  name: 'memory-1m-keys',
  unit: 'bytes/key',
  better: 'lower',
  reference: 'rate-limiter-flexible RateLimiterMemory',
  aim: null,
  about: 'Memory per live counter with a million clients in the store, the text of the key included.',
  maxRounds: 1,
  open: () =>
    Promise.resolve({
      ours: () =>
        bytesPerKey(async () => {
          const store = new MemoryLimitStore({ maxKeys: millionKeys });
          const terms = { algorithm: 'token-bucket', periodUs: 60_000_000, capacity: 1000 } as const;
          for (let key = 0; key < millionKeys; key += 1) {
            store.spend([
              [{ terms, cost: 1, mode: 'enforce', key: { policy: 'per-client', client: `key:client-${key}` } }],
            ]);
          }
          return store;
        }),
      theirs: () =>
        bytesPerKey(async () => {
          const limiter = peerMemory();
          for (let key = 0; key < millionKeys; key += 1) await limiter.consume(`key:client-${key}`);
          return limiter;
        }),
      close: () => Promise.resolve(),
    }),
};
