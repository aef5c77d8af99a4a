import type { Contest } from '../contest.ts';
import { besideCrowdSec } from './beside-crowdsec.ts';
import { detectorRows } from './detector-rows.ts';
import { import120k, listMemory } from './import.ts';
import { lookupHit, lookupMiss } from './lookup.ts';
import { blockP99, liftP99 } from './loop.ts';
import { replicaMemory, replicaMemoryIndividual } from './memory.ts';

/** From a client that keeps pushing to a block, and back. */
export const abuse: readonly Contest[] = [
  blockP99,
  liftP99,
  lookupMiss,
  lookupHit,
  replicaMemory,
  replicaMemoryIndividual,
  detectorRows,
  import120k,
  listMemory,
  besideCrowdSec,
];
