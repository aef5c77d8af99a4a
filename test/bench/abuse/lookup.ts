import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Client, clientKeyOf } from '../../../src/client.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Contest, Setting } from '../contest.ts';
import { bigMap, bigReplica, clientAt, exactEntries } from './big-list.ts';

const askedClients = 1 << 18;
/** Read right before they are asked about, as a gate has just read them: else the round measures the memory they lie in. */
const clientsPerBatch = 256;
const batchesPerTurn = 64;

interface Lookup {
  /** Reads what is asked about. */
  touch(call: number): number;
  /** Whether it is found. */
  find(call: number): boolean;
}

/** Nanoseconds for each of the calls that fit into a round. */
const nanoseconds = async (roundMs: number, { touch, find }: Lookup, expected: boolean): Promise<number> => {
  const startMs = performance.now();
  let calls = 0;
  let agreed = 0;
  let spentMs = 0;
  let touched = 0;
  while (performance.now() - startMs < roundMs) {
    for (let batch = 0; batch < batchesPerTurn; batch += 1) {
      const from = calls & (askedClients - 1);
      for (let call = from; call < from + clientsPerBatch; call += 1) touched += touch(call);
      const fromMs = performance.now();
      for (let call = from; call < from + clientsPerBatch; call += 1) if (find(call) === expected) agreed += 1;
      spentMs += performance.now() - fromMs;
      calls += clientsPerBatch;
    }
    await nextTurn();
  }
  if (agreed !== calls || touched === 0) throw new Error(`${calls - agreed} of ${calls} lookups were wrong`);
  return (spentMs * 1e6) / calls;
};

const lastCode = (text: string): number => text.charCodeAt(text.length - 1);

const openLookup = async (asked: readonly Client[], isHit: boolean, { roundMs }: Setting) => {
  const replica = await bigReplica();
  const map = bigMap();
  const keys = asked.map(clientKeyOf);
  const nowMs = systemClock.nowMs();
  const unknown: Client = { kind: 'key', id: 'unknown' };
  const ours: Lookup = {
    touch: (call) => lastCode((asked[call] ?? unknown).id),
    find: (call) => replica.find(asked[call] ?? unknown, '', nowMs) !== null,
  };
  const theirs: Lookup = {
    touch: (call) => lastCode(keys[call] ?? ''),
    find: (call) => map.get(keys[call] ?? '') !== undefined,
  };
  return {
    ours: () => nanoseconds(roundMs, ours, isHit),
    theirs: () => nanoseconds(roundMs, theirs, isHit),
    close: () => Promise.resolve(),
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
  open: async (setting) => {
    const replica = await bigReplica();
    const nowMs = systemClock.nowMs();
    const asked: Client[] = [];
    for (let index = exactEntries; asked.length < askedClients; index += 1) {
      const client = clientAt(index);
      if (replica.find(client, '', nowMs) === null) asked.push(client);
    }
    return openLookup(asked, false, setting);
  },
};

export const lookupHit: Contest = {
  ...lookup,
  name: 'lookup-hit',
  about: `The same of somebody who is blocked: a client that has not come lately, whose entry is made from its numbers. ${held} The aim is at most 300 ns.`,
  open: (setting) => {
    let state = 0x2545f491;
    const asked = Array.from({ length: askedClients }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return clientAt(Math.floor((state / 2 ** 32) * exactEntries));
    });
    return openLookup(asked, true, setting);
  },
};
