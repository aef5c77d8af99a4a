import { type InstrumentTable, none } from './instrument-kind.ts';

/** What judgements of people come to. */
export const reviewInstruments = {
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
