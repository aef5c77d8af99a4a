import { type InstrumentTable, none } from './instrument-kind.ts';

/** Upper bounds of the buckets, seconds: from one flush interval to an outage of an hour. */
const delayBucketsS: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600];
const insertBucketsS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What leads from a gate to the event log. */
export const eventInstruments = {
  eventsRecorded: {
    name: 'tidegate.events.recorded',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions given to the event log. Always sent + waiting + lost.',
    attributes: none,
  },
  eventsSent: {
    name: 'tidegate.events.sent',
    kind: 'counter',
    unit: '{decision}',
    description: 'Of these, durable in the log.',
    attributes: none,
  },
  eventsWaiting: {
    name: 'tidegate.events.waiting',
    kind: 'up-down counter',
    unit: '{decision}',
    description: 'Merged, in frames or in flight: grows while the log is away.',
    attributes: none,
  },
  eventsLost: {
    name: 'tidegate.events.lost',
    kind: 'counter',
    unit: '{decision}',
    description: 'Given up by a close that ran out of time.',
    attributes: none,
  },
  eventsCoarsened: {
    name: 'tidegate.events.coarsened',
    kind: 'counter',
    unit: '{decision}',
    description: 'Kept in the totals, but told less apart, for lack of room: the log is away or too slow.',
    attributes: ['tidegate.step'],
  },
  eventsRows: {
    name: 'tidegate.events.rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows durable in the log. Decisions sent per row is the merge ratio.',
    attributes: none,
  },
  eventsSendFailures: {
    name: 'tidegate.events.send_failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Sends that failed and were tried again.',
    attributes: none,
  },
  eventsOldestWait: {
    name: 'tidegate.events.oldest_wait',
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest decision has been waiting to be durable. 0: none waits.',
    attributes: none,
  },
  eventsPartitions: {
    name: 'tidegate.events.partitions',
    kind: 'gauge',
    unit: '{partition}',
    description: 'Partitions of the topic that decisions are written to: as many must be ingested and judged.',
    attributes: none,
  },
} as const satisfies InstrumentTable;

/** What leads from the event log to the database. */
export const ingestInstruments = {
  ingestLag: {
    name: 'tidegate.ingest.lag',
    kind: 'gauge',
    unit: '{record}',
    description: 'Records of a partition that are not stored yet. No value while the log cannot be asked.',
    attributes: ['tidegate.topic', 'tidegate.partition'],
  },
  ingestPartitions: {
    name: 'tidegate.ingest.partitions',
    kind: 'up-down counter',
    unit: '{partition}',
    description: 'Partitions that this process owns: over all processes, as many as the topic has.',
    attributes: ['tidegate.topic'],
  },
  ingestFreshness: {
    name: 'tidegate.ingest.freshness',
    kind: 'gauge',
    unit: 's',
    description:
      'Age of the newest event stored here, or found stored at the start. Grows while nothing is decided, too.',
    attributes: ['tidegate.topic'],
  },
  ingestLastBlockAge: {
    name: 'tidegate.ingest.last_block_age',
    kind: 'gauge',
    unit: 's',
    description: 'Since this process stored its last block. No value before the first one.',
    attributes: ['tidegate.topic'],
  },
  ingestDelay: {
    name: 'tidegate.ingest.delay',
    kind: 'histogram',
    unit: 's',
    description: 'From the oldest event of a block to its being stored and visible: end to end, one value a block.',
    attributes: ['tidegate.topic'],
    buckets: delayBucketsS,
  },
  ingestInsertDuration: {
    name: 'tidegate.ingest.insert.duration',
    kind: 'histogram',
    unit: 's',
    description: 'How long the database took for one insert, failed ones left out.',
    attributes: ['tidegate.topic'],
    buckets: insertBucketsS,
  },
  ingestRows: {
    name: 'tidegate.ingest.rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows stored, each once.',
    attributes: ['tidegate.topic'],
  },
  ingestBlocks: {
    name: 'tidegate.ingest.blocks',
    kind: 'counter',
    unit: '{block}',
    description: 'Blocks of rows stored.',
    attributes: ['tidegate.topic'],
  },
  ingestSettledBlocks: {
    name: 'tidegate.ingest.settled_blocks',
    kind: 'counter',
    unit: '{block}',
    description: 'Blocks of which it was not known whether they were stored: they were counted and completed.',
    attributes: ['tidegate.topic'],
  },
  ingestRepairedRows: {
    name: 'tidegate.ingest.repaired_rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows that such blocks lacked, and that were stored then.',
    attributes: ['tidegate.topic'],
  },
  ingestDoubledRows: {
    name: 'tidegate.ingest.doubled_rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows that came twice from the producer and were stored once.',
    attributes: ['tidegate.topic'],
  },
  ingestLostRecords: {
    name: 'tidegate.ingest.lost_records',
    kind: 'counter',
    unit: '{record}',
    description: 'Records that the log no longer held when they were to be read: its retention was faster.',
    attributes: ['tidegate.topic'],
  },
  ingestMissingRows: {
    name: 'tidegate.ingest.missing_rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows that never came: gaps in the numbers of an emitter.',
    attributes: ['tidegate.topic'],
  },
  ingestDeadLetters: {
    name: 'tidegate.ingest.dead_letters',
    kind: 'counter',
    unit: '{record}',
    description: 'Records and rows that went to the dead letters.',
    attributes: ['tidegate.topic'],
  },
  ingestWaitingPartitions: {
    name: 'tidegate.ingest.waiting_partitions',
    kind: 'up-down counter',
    unit: '{partition}',
    description: 'Partitions that wait for an engine, which failed, to come back.',
    attributes: ['tidegate.topic'],
  },
  ingestRetries: {
    name: 'tidegate.ingest.retries',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to an engine that failed and were tried again.',
    attributes: ['tidegate.topic'],
  },
  ingestChangedBlocks: {
    name: 'tidegate.ingest.changed_blocks',
    kind: 'counter',
    unit: '{block}',
    description: 'Blocks that the log no longer held as they were announced. 0, unless the log lost records.',
    attributes: ['tidegate.topic'],
  },
  ingestStoredTwiceRows: {
    name: 'tidegate.ingest.stored_twice_rows',
    kind: 'counter',
    unit: '{row}',
    description: 'Rows found stored more than once. 0, unless a guarantee was broken.',
    attributes: ['tidegate.topic'],
  },
} as const satisfies InstrumentTable;

/** The event log, where it is in this process. */
export const logInstruments = {
  logRecords: {
    name: 'tidegate.log.records',
    kind: 'up-down counter',
    unit: '{record}',
    description: 'Records held by the event log in this process (`memory:`).',
    attributes: none,
  },
  logBytes: {
    name: 'tidegate.log.size',
    kind: 'up-down counter',
    unit: 'By',
    description: 'Bytes of their bodies.',
    attributes: none,
  },
  logDropped: {
    name: 'tidegate.log.dropped',
    kind: 'counter',
    unit: '{record}',
    description: 'Records that the log in this process dropped for lack of room, the oldest first, read or not.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
