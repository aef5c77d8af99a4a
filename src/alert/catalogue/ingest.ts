import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { above, below, byProcess, byTopic, figures, grown, minuteMs, now } from './terms.ts';

const decisions = { tidegate_topic: 'tidegate.decisions' };

/** From the log to the database: whether it goes on. */
export const ingestAlerts: readonly AlertDefinition[] = [
  {
    id: 'ingest-down',
    severity: 'page',
    area: 'pipeline',
    when: 'Nobody ingests the topic of decisions for two minutes, while other processes tell of themselves',
    summary: 'No process ingests decisions: they wait in Kafka until its retention takes them',
    unit: 'count',
    likely: [
      'The process has ended: its last lines of log, and what the platform says of its restarts.',
      'It starts and stops: migrations are missing, or the deduplication window is too small; `tidegate doctor` says which.',
      'It cannot join its group: Kafka is away, or a permission on the group is missing.',
    ],
    question: figures({
      value: now('ingestPartitions', 'sum', { where: decisions }),
      bound: below(1),
      whenAbsent: 'fires',
      during: { value: now('info', 'count'), bound: above(0) },
    }),
    // A rebalance takes partitions away for some seconds, a restart for less than a minute.
    forMs: 2 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.partitions,
  },
  {
    id: 'partitions-unread',
    severity: 'page',
    area: 'pipeline',
    when: 'Fewer partitions of the decisions are ingested than the topic has, for five minutes',
    summary: 'Only {{value}} of the partitions of decisions are ingested',
    unit: 'share',
    likely: [
      'A member of the group hangs without leaving it: the process whose partitions are missing.',
      'A partition was given back after a failure that waiting does not heal: the log of `ingest` names it.',
      'The topic was given more partitions, and gates or `ingest` have not been restarted since.',
    ],
    question: figures({
      value: now('ingestPartitions', 'sum', { where: decisions }),
      per: now('eventsPartitions', 'max'),
      bound: below(1),
    }),
    forMs: 5 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.partitions,
  },
  {
    id: 'ingest-lag',
    severity: 'page',
    area: 'pipeline',
    when: 'More than 5,000 records of a topic wait to be stored, for ten minutes',
    summary: '{{value}} records of {{tidegate_topic}} wait to be stored: Kafka loses what is older than its retention',
    unit: 'count',
    likely: [
      'ClickHouse is slow: the insert duration has grown, and `system.merges` is long.',
      'More comes than one process stores: lag grows while rows per second stay as they were. Add an `ingest`.',
      'One partition alone: a client with most of the traffic, or a partition that waits.',
    ],
    // A record holds up to thousands of decisions. 5,000 are minutes of a busy site, and seconds of catching up.
    question: figures({
      by: byTopic,
      value: now('ingestLag', 'sum', { eachOnce: ['tidegate_partition'] }),
      bound: above(5000),
    }),
    forMs: 10 * minuteMs,
    keepFiringMs: 5 * minuteMs,
    dashboard: panels.lag,
  },
  {
    id: 'pipeline-not-fresh',
    severity: 'page',
    area: 'pipeline',
    when: 'Decisions are sent, but the newest one that is stored is older than five minutes, for two minutes',
    summary: 'The newest stored decision is {{value}} old, although decisions are sent',
    unit: 'seconds',
    likely: [
      'Nobody ingests, or all partitions wait: the alerts that say so fire too.',
      'ClickHouse refuses inserts: too many parts, a full disk, read-only; the log of `ingest` quotes it.',
      'Ingest is far behind: the lag.',
    ],
    // Each process knows the newest event of its own partitions: the freshest of all is that of the topic.
    question: figures({
      value: now('ingestFreshness', 'min', { where: decisions }),
      bound: above(300),
      // Where nobody asks anything, nothing is fresh.
      during: { value: { ...grown('eventsSent', 5 * minuteMs), reading: 'rate' }, bound: above(0) },
    }),
    forMs: 2 * minuteMs,
    keepFiringMs: 5 * minuteMs,
    dashboard: panels.freshness,
  },
  {
    id: 'ingest-waits',
    severity: 'page',
    area: 'pipeline',
    when: 'Partitions of a process have waited for an engine to come back for five minutes',
    summary: '{{value}} partitions of {{process}} wait for an engine that failed; what they hold stays in Kafka',
    unit: 'count',
    likely: [
      'ClickHouse is away or refuses: the log of the process quotes its error.',
      'Kafka refuses commits: a permission on the group.',
    ],
    question: figures({ by: byProcess, value: now('ingestWaitingPartitions', 'sum'), bound: above(0) }),
    forMs: 5 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.partitions,
  },
  {
    id: 'dead-letters',
    severity: 'ticket',
    area: 'pipeline',
    when: 'Events could not be stored and went to the dead letters within the last hour',
    summary: '{{value}} records or rows of {{tidegate_topic}} went to the dead letters',
    unit: 'count',
    likely: [
      'A producer of another version, or another program, writes to the topic: the dead letter says who and why.',
      'An event of an absurd time or length: the dead letter holds its bytes.',
    ],
    question: figures({ by: byTopic, value: grown('ingestDeadLetters', 60 * minuteMs), bound: above(0) }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.deadLetters,
  },
];
