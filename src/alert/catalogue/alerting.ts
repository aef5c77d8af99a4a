import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { above, below, figures, grown, hourMs, minuteMs, now } from './terms.ts';

/** Whether people are told at all. */
export const alertingAlerts: readonly AlertDefinition[] = [
  {
    id: 'figures-silent',
    severity: 'page',
    area: 'alerting',
    when: 'No process has told anything of itself for five minutes',
    summary: 'Nothing tells of itself: whether decisions are taken, stored and judged is not known',
    unit: 'count',
    likely: [
      'Everything is down, or the clocks of the processes are wrong.',
      'In Prometheus: nothing is scraped, look at its targets. In Grafana: nothing ingests `tidegate.health`.',
    ],
    question: figures({ value: now('info', 'count'), bound: below(1), whenAbsent: 'fires' }),
    forMs: 3 * minuteMs,
    keepFiringMs: 0,
    dashboard: panels.processes,
  },
  {
    id: 'webhooks-failing',
    severity: 'ticket',
    area: 'alerting',
    when: 'Deliveries to webhooks have failed for a quarter of an hour',
    summary: '{{value}} deliveries to webhooks failed within the last 15 minutes, and are tried again for a day',
    unit: 'count',
    likely: [
      'The endpoint is away or answers with errors: `tidegate webhooks test` sends it one.',
      'Its certificate has ended.',
    ],
    question: figures({ value: grown('webhooksFailures', 15 * minuteMs), bound: above(3) }),
    forMs: 15 * minuteMs,
    keepFiringMs: 0,
    dashboard: panels.webhooks,
  },
  {
    id: 'webhooks-given-up',
    severity: 'ticket',
    area: 'alerting',
    when: 'A notice did not arrive within 24 hours, and is given up',
    summary: '{{value}} notices reached nobody within a day',
    unit: 'count',
    likely: ['An endpoint has been away for a day: the alert about failing webhooks fired before.'],
    question: figures({ value: grown('webhooksGivenUp', hourMs), bound: above(0) }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.webhooks,
  },
  {
    id: 'webhooks-disabled',
    severity: 'ticket',
    area: 'alerting',
    when: 'An endpoint has answered 410 and is told nothing more',
    summary: '{{value}} endpoints of webhooks answered 410 and are told nothing more',
    unit: 'count',
    likely: ['The endpoint was removed on the other side: take it out of the webhooks file, or give it a new address.'],
    question: figures({ value: now('webhooksDisabled', 'max'), bound: above(0) }),
    forMs: 5 * minuteMs,
    keepFiringMs: 0,
    dashboard: panels.webhooks,
  },
];
