import type { AlertDefinition } from '../definition.ts';
import { panels } from './panels.ts';
import { minuteMs } from './terms.ts';

/** What clients feel: the limiter denies more than it did, or more than was promised. The database answers. */
export const throttlingAlerts: readonly AlertDefinition[] = [
  {
    id: 'throttle-spike',
    severity: 'page',
    area: 'throttling',
    when: 'The share of denied decisions over two or three minutes is further above what is usual by the two hours before, yesterday and a week ago than chance and habit take it (4.5 standard deviations), and 2.2 times as much; with 30 denials in three minutes at least, not counting what one or two clients have more than a third',
    summary:
      'The limiter denies {{throttleRate}} of {{dimension}} {{name}}, usually {{baselineRate}}: {{denied}} denials in three minutes',
    unit: 'ratio',
    likely: [
      'One client: `topClientShare` is above a half.',
      'A policy change: `tightenedPolicies` is not 0, a limit went down in a version that `newPolicyVersions` counts.',
      'A retry storm: `earlyShare` is above a half, clients come back before their retry time.',
      'The store: `degradedShare` is above a half, decisions are taken by fallbacks.',
      'Real demand: none of these, and `demand` says how many times more is asked than usual.',
    ],
    question: { kind: 'decisions', name: 'throttle-spike' },
    // The statistic has windows of its own: waiting longer only finds the spike later.
    forMs: 0,
    keepFiringMs: 3 * minuteMs,
    dashboard: panels.spikes,
  },
  {
    id: 'throttle-burn-fast',
    severity: 'page',
    area: 'throttling',
    when: 'Denials use up the budget of the month (5 % of the decisions) 14.4 times too fast over an hour and five minutes, or six times over six hours and 30 minutes',
    summary:
      'Denials of {{dimension}} {{name}} burn their budget {{value}} times too fast: {{throttleRate}} are denied',
    unit: 'ratio',
    likely: [
      'A limit that is too low since it was introduced or changed: `tidegate_policies_loads_total` has grown.',
      'A spike that does not end: see the alert of the spike for its cause.',
      'Growth: allowed decisions have grown too, over days.',
    ],
    question: { kind: 'decisions', name: 'throttle-burn-fast' },
    // Both windows have to agree, so it needs no wait of its own.
    forMs: minuteMs,
    keepFiringMs: 5 * minuteMs,
    // All decisions may dip below the bound for a moment, while some values do not.
    coveredBy: ['throttle-burn-fast'],
    dashboard: panels.throttleRate,
  },
  {
    id: 'throttle-burn-slow',
    severity: 'ticket',
    area: 'throttling',
    when: 'Denials use up the budget of the month (5 % of the decisions) three times too fast over a day and two hours, or at all over three days and six hours',
    summary:
      'Denials of {{dimension}} {{name}} burn their budget {{value}} times too fast, by the last day or three: {{throttleRate}} are denied',
    unit: 'ratio',
    likely: [
      'A tenant that has outgrown its limit: `GET /v1/throttle-rates?by=tenant` names it.',
      'A client that retries for ever: the table of the most denied clients.',
      'A limit lowered some hours ago: the history of policies.',
    ],
    question: { kind: 'decisions', name: 'throttle-burn-slow' },
    forMs: 5 * minuteMs,
    keepFiringMs: 15 * minuteMs,
    // Who is paged for it needs no ticket as well; it is told if it still burns when the page is over.
    coveredBy: ['throttle-burn-fast', 'throttle-burn-slow'],
    dashboard: panels.throttleRate,
  },
];
