import { type InstrumentTable, none } from './instrument-kind.ts';

/** What leads from the event log to blocks. */
export const detectInstruments = {
  detectLag: {
    name: 'tidegate.detect.lag',
    kind: 'gauge',
    unit: '{record}',
    description: 'Records of a partition that are not judged yet. No value while the log cannot be asked.',
    attributes: ['tidegate.partition'],
  },
  detectPartitions: {
    name: 'tidegate.detect.partitions',
    kind: 'up-down counter',
    unit: '{partition}',
    description: 'Partitions that this process owns.',
    attributes: none,
  },
  detectVerdicts: {
    name: 'tidegate.detect.verdicts',
    kind: 'counter',
    unit: '{verdict}',
    description: 'Verdicts, by what became of them.',
    attributes: ['tidegate.result'],
  },
  detectPromotionFailures: {
    name: 'tidegate.detect.promotion_failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to block that failed and were made again.',
    attributes: none,
  },
  detectEvents: {
    name: 'tidegate.detect.events',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows judged.',
    attributes: none,
  },
  detectEvidence: {
    name: 'tidegate.detect.evidence',
    kind: 'counter',
    unit: '{decision}',
    description: 'Denied decisions that were evidence for some rule.',
    attributes: none,
  },
  detectLate: {
    name: 'tidegate.detect.late',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows too far behind the newest one of their partition to be evidence.',
    attributes: none,
  },
  detectDuplicates: {
    name: 'tidegate.detect.duplicates',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows that came twice and were judged once.',
    attributes: none,
  },
  detectCorruptFrames: {
    name: 'tidegate.detect.corrupt_frames',
    kind: 'counter',
    unit: '{frame}',
    description: "Frames that could not be read and are nobody's evidence.",
    attributes: none,
  },
  detectEvictedClients: {
    name: 'tidegate.detect.evicted_clients',
    kind: 'counter',
    unit: '{client}',
    description: 'Clients forgotten early, for lack of room.',
    attributes: none,
  },
  detectClients: {
    name: 'tidegate.detect.clients',
    kind: 'up-down counter',
    unit: '{client}',
    description: 'Clients under watch.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
