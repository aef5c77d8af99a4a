import type { AlertDefinition } from '../definition.ts';
import { abuseAlerts } from './abuse.ts';
import { alertingAlerts } from './alerting.ts';
import { eventAlerts } from './events.ts';
import { ingestAlerts } from './ingest.ts';
import { limiterAlerts } from './limiter.ts';
import { policyAlerts } from './policies.ts';
import { throttlingAlerts } from './throttling.ts';
import { totalsAlerts } from './totals.ts';

/** Every alert there is. What evaluates rules, in Grafana, in Prometheus and in `tidegate serve`, is generated from these. */
export const alertCatalogue: readonly AlertDefinition[] = [
  ...throttlingAlerts,
  ...limiterAlerts,
  ...policyAlerts,
  ...eventAlerts,
  ...ingestAlerts,
  ...totalsAlerts,
  ...abuseAlerts,
  ...alertingAlerts,
];

/**
 * Alerts that say that what is stored is behind what happens: until they are over, questions about decisions are asked of too few of
 * them, and their answers are no news. Whoever tells people holds those back meanwhile.
 */
export const pipelineAlerts: readonly string[] = [
  'ingest-down',
  'ingest-waits',
  'partitions-unread',
  'pipeline-not-fresh',
];
