import { type InstrumentTable, none } from './instrument-kind.ts';

/** What judgements of people come to. */
export const reviewInstruments = {
  reviewWaiting: {
    name: 'tidegate.review.waiting',
    kind: 'gauge',
    unit: '{block}',
    description:
      'Blocks of detectors that are open and that nobody has judged, 1000 at most. Told by one process of all; no value while the block list cannot be asked.',
    attributes: none,
  },
  reviewOldestWait: {
    name: 'tidegate.review.oldest_wait',
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest of them has been waiting for a person. 0: none waits. Told likewise.',
    attributes: none,
  },
  reviewDemotions: {
    name: 'tidegate.review.demotions',
    kind: 'counter',
    unit: '{rule}',
    description: 'Rules that capped themselves to shadow because people found them wrong too often.',
    attributes: none,
  },
  reviewFailures: {
    name: 'tidegate.review.failures',
    kind: 'counter',
    unit: '{check}',
    description: 'Looks at the precision of rules that failed, and are taken again within minutes.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
