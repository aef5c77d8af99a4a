import { wireNames } from '../event/decision-event.ts';

/** Tables and views that others read, with their columns in order: what queries outside this room take names from. */
export const tables = {
  decisionsRaw: {
    name: 'decisions_raw',
    columns: [...Object.values(wireNames), 'ingested_at'],
  },
  decisionsPerMinute: {
    name: 'decisions_per_minute',
    columns: [
      'minute',
      'tenant',
      'route',
      'region',
      'policy',
      'outcome',
      'partition',
      'decisions',
      'events',
      'early',
      'degraded',
      'shadow_denied',
      'cost',
      'latency_us',
    ],
  },
  throttleRate: {
    name: 'throttle_rate',
    columns: [
      'minute',
      'tenant',
      'route',
      'region',
      'policy',
      'decisions',
      'allowed',
      'denied',
      'blocked',
      'throttle_rate',
    ],
  },
} as const;
