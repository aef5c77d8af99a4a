import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { above, byProcess, figures, grown, minuteMs, now } from './terms.ts';

/** Whether gates enforce what was written. */
export const policyAlerts: readonly AlertDefinition[] = [
  {
    id: 'policies-refused',
    severity: 'ticket',
    area: 'policies',
    when: 'A policy file was refused within the last quarter of an hour',
    summary: '{{process}} has refused a policy file {{value}} times: the last good version stays in force',
    unit: 'count',
    likely: ['A mistake in the file: the log of the process names every problem, `tidegate policies check FILE` too.'],
    question: figures({ by: byProcess, value: grown('policiesRefused', 15 * minuteMs), bound: above(0) }),
    forMs: 0,
    keepFiringMs: 0,
    dashboard: panels.policyVersions,
  },
  {
    id: 'policies-disagree',
    severity: 'ticket',
    area: 'policies',
    when: 'Processes enforce different policy versions for a quarter of an hour',
    summary: 'Gates enforce different policy versions for longer than a roll-out takes',
    unit: 'ratio',
    likely: [
      'A gate has refused the new file: `tidegate_policies_refused_total` of that process has grown.',
      'A roll-out has stopped half way: `GET /v1/status` names versions and how many gates run each.',
      'A gate reads another file than the others.',
    ],
    // Versions are numbers of 48 bits: the ratio of two that differ is above 1 within what a double can tell.
    question: figures({
      value: now('policyVersion', 'max'),
      per: now('policyVersion', 'min'),
      bound: above(1),
    }),
    forMs: 15 * minuteMs,
    keepFiringMs: 2 * minuteMs,
    dashboard: panels.policyVersions,
  },
];
