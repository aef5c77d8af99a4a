import { type InstrumentTable, none } from './instrument-kind.ts';

/** The block list in a process. */
export const blockListInstruments = {
  blockListAge: {
    name: 'tidegate.block_list.age',
    kind: 'gauge',
    unit: 's',
    description: 'Since the block list in this process was last known to be complete. No value before the first time.',
    attributes: none,
  },
  blockListSize: {
    name: 'tidegate.block_list.size',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Entries of the block list in this process.',
    attributes: none,
  },
  blockListFailures: {
    name: 'tidegate.block_list.failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to follow the block list that failed; the last known one stays in force.',
    attributes: none,
  },
  blockListDropped: {
    name: 'tidegate.block_list.dropped',
    kind: 'counter',
    unit: '{entry}',
    description:
      'Entries left out, for lack of room or because nobody can be meant by them: their clients are not blocked here.',
    attributes: none,
  },
  blockListNetworks: {
    name: 'tidegate.block_list.networks',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Of these entries, networks.',
    attributes: none,
  },
  blockListSnapshots: {
    name: 'tidegate.block_list.snapshots',
    kind: 'counter',
    unit: '{snapshot}',
    description: 'Times that the whole list was read: at the start, and after a gap in the change log.',
    attributes: none,
  },
  blockListGaps: {
    name: 'tidegate.block_list.gaps',
    kind: 'counter',
    unit: '{gap}',
    description:
      'Times that the change log did not go on where this process stood: it was trimmed too early, or the list is another one.',
    attributes: none,
  },
  blockListRefusalsLost: {
    name: 'tidegate.block_list.refusals_lost',
    kind: 'counter',
    unit: '{refusal}',
    description: 'Refused requests that are missing in what blocks are said to have spared, for lack of room.',
    attributes: none,
  },
  blockListFileAge: {
    name: 'tidegate.block_list.file_age',
    kind: 'gauge',
    unit: 's',
    description: 'Since what the file of the list says was complete. No value while there is no file.',
    attributes: none,
  },
  blockListFileFailures: {
    name: 'tidegate.block_list.file_failures',
    kind: 'counter',
    unit: '{file}',
    description: 'Attempts to write the file of the list that failed, and files that were of no use at the start.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
