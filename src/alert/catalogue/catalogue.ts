import type { AlertDefinition } from '../definition.ts';
import { limiterAlerts } from './limiter.ts';
import { throttlingAlerts } from './throttling.ts';

/** Every alert there is. What evaluates rules, in Grafana, in Prometheus and in `tidegate serve`, is generated from these. */
export const alertCatalogue: readonly AlertDefinition[] = [...throttlingAlerts, ...limiterAlerts];
