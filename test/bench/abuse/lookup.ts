import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BlockListReplica } from '../../../src/blocklist/replica.ts';
import type { Client } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { bigReplica, clientAt, exactEntries } from './big-list.ts';
import type { MapOrder } from './lookup-map.ts';
import { askedClients, type Lookup, nanosecondsOf } from './lookup-round.ts';

type Choose = (replica: BlockListReplica, nowMs: number) => Uint32Array;

/** Clients that neither an entry of their own nor a network hits. */
const unknownClients: Choose = (replica, nowMs) => {
  const asked = new Uint32Array(askedClients);
  for (let at = 0, index = exactEntries; at < askedClients; index += 1) {
    if (replica.find(clientAt(index), '', nowMs) !== null) continue;
    asked[at] = index;
    at += 1;
  }
  return asked;
};

const blockedClients: Choose = () => {
  let state = 0x2545f491;
  return Uint32Array.from({ length: askedClients }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * exactEntries);
  });
};

/** Each side has a heap of its own: the strings of the Map must not weigh on the collector of the other, nor the tables on it. */
const openLookup =
  (choose: Choose, isHit: boolean) =>
  async ({ roundMs }: Setting): Promise<Duel> => {
    const replica = await bigReplica();
    const nowMs = systemClock.nowMs();
    const numbers = choose(replica, nowMs);
    const asked = Array.from(numbers, clientAt);
    const unknown: Client = { kind: 'key', id: 'unknown' };
    const ours: Lookup = {
      text: (call) => (asked[call] ?? unknown).id,
      find: (call) => replica.find(asked[call] ?? unknown, '', nowMs) !== null,
    };
    const workerData: MapOrder = { asked: numbers, isHit, roundMs };
    const worker = new Worker(new URL('./lookup-map.js', import.meta.url), { workerData });
    return {
      ours: () => nanosecondsOf(ours, isHit, roundMs),
      theirs: async () => {
        worker.postMessage('round');
        const [value] = (await once(worker, 'message')) as [number];
        return value;
      },
      close: async () => {
        await worker.terminate();
      },
    };
  };

const lookup = {
  unit: 'ns',
  better: 'lower',
  reference: 'a bare Map of strings, asked with keys that are made already, which knows no networks',
  aim: null,
  maxRounds: 11,
} as const;
const held =
  'One million clients, eight in ten IPv4 addresses, one an IPv6 /64 and one a key, and 42,566 networks of data centres; asked in random order.';

export const lookupMiss: Contest = {
  ...lookup,
  name: 'lookup-miss',
  about: `What a request of somebody who is not blocked pays for the block list. ${held} The aim is at most 200 ns.`,
  open: openLookup(unknownClients, false),
};

export const lookupHit: Contest = {
  ...lookup,
  name: 'lookup-hit',
  about: `The same of somebody who is blocked: a client that has not come lately, whose entry is made from its numbers. ${held} The aim is at most 300 ns.`,
  open: openLookup(blockedClients, true),
};
