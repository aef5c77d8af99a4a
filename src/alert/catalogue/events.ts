import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { above, byProcess, figures, grown, hourMs, minuteMs, now } from './terms.ts';

/** From the gates to the log. */
export const eventAlerts: readonly AlertDefinition[] = [
  {
    id: 'events-wait',
    severity: 'page',
    area: 'pipeline',
    when: 'The oldest decision of a process has been waiting for the event log for more than 30 s, for two minutes',
    summary:
      'Decisions of {{process}} have been waiting {{value}} for the event log: they become coarser in memory, none is lost yet',
    unit: 'seconds',
    likely: [
      'Kafka is away or has no leader for a partition: `tidegate_events_send_failures_total` grows.',
      'A record is refused, for its size or for a permission: the log of the process says so.',
    ],
    // What is sent waits for a quarter of a second; half a minute is many failed sends.
    question: figures({ by: byProcess, value: now('eventsOldestWait', 'max'), bound: above(30) }),
    forMs: 2 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.eventsWaiting,
  },
  {
    id: 'events-coarse',
    severity: 'ticket',
    area: 'pipeline',
    when: 'A process has stored decisions without their clients for five minutes, for lack of room',
    summary:
      '{{process}} stores {{value}} decisions a second without their clients: totals hold, the detector sees less',
    unit: 'count',
    likely: [
      'The log is away: the alert about waiting events fires too.',
      'More distinct clients than the buffer has rows: raise `maxRows` of `createEmitter`, or look for a flood of ids.',
    ],
    // A longer interval loses nothing that anybody asks for, so that step is left out.
    question: figures({
      by: byProcess,
      value: {
        ...grown('eventsCoarsened', 5 * minuteMs, { unless: { tidegate_step: 'interval' } }),
        reading: 'rate',
      },
      bound: above(0),
    }),
    forMs: 5 * minuteMs,
    keepFiringMs: 0,
    dashboard: panels.eventsCoarse,
  },
  {
    id: 'events-lost',
    severity: 'page',
    area: 'pipeline',
    when: 'A process gave decisions up within the last hour, because it ended before the log took them',
    summary: '{{process}} has given up {{value}} decisions: they are in no total',
    unit: 'count',
    likely: [
      'A process was stopped while Kafka was away: its last line of log says how many it left behind.',
      'The platform kills before `shutdownTimeoutMs` is over.',
    ],
    question: figures({ by: byProcess, value: grown('eventsLost', hourMs), bound: above(0) }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.eventsCoarse,
  },
  {
    id: 'log-dropped',
    severity: 'page',
    area: 'pipeline',
    when: 'The log in a process dropped records within the last hour, for lack of room',
    summary: 'The log in {{process}} was full and dropped {{value}} of its oldest records',
    unit: 'count',
    likely: [
      'The log in the process is for small sites: what is decided outgrows it. Use Kafka.',
      'ClickHouse was away for long.',
    ],
    question: figures({ by: byProcess, value: grown('logDropped', hourMs), bound: above(0) }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.eventsCoarse,
  },
];
