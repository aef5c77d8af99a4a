import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Contest } from '../contest.ts';
import { type BigListOptions, bigMap, bigReplica } from './big-list.ts';

/** On the heap and beside it: typed arrays lie elsewhere. */
const heldBytes = async (): Promise<number> => {
  // Arrays that were let go are counted until a later turn has swept them.
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** What memory has grown by, MB of a million bytes, once garbage is gone. */
const grownBy = async (fill: () => unknown): Promise<number> => {
  const before = await heldBytes();
  const held = await fill();
  const grown = (await heldBytes()) - before;
  if (held === undefined) throw new Error('nothing was held');
  return grown / 1e6;
};

const contestOf = (name: string, about: string, options: BigListOptions): Contest => ({
  name,
  unit: 'MB',
  better: 'lower',
  reference: 'a Map from keys to entries',
  aim: null,
  about,
  maxRounds: 1,
  open: () =>
    Promise.resolve({
      ours: () => grownBy(() => bigReplica(options)),
      theirs: () => grownBy(() => bigMap(options)),
      close: () => Promise.resolve(),
    }),
});

export const replicaMemory = contestOf(
  'replica-memory',
  'The block list in one gate: a million imported clients, as of lookup-miss, and 42,566 networks. The aim is at most 40 MB.',
  {},
);

export const replicaMemoryIndividual = contestOf(
  'replica-memory-individual',
  'The same when each of the million is a block of its own, with its own id.',
  { isIndividual: true },
);
