import { wireNames } from '../event/decision-event.ts';

/** Tables and views that others read, with their columns in order: what queries outside this room take names from. */
const rollup = (time: 'minute' | 'hour' | 'day') =>
  [
    time,
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
  ] as const;

export const tables = {
  decisionsRaw: {
    name: 'decisions_raw',
    columns: [...Object.values(wireNames), 'ingested_at'],
  },
  decisionsPerMinute: { name: 'decisions_per_minute', columns: rollup('minute') },
  decisionsPerHour: { name: 'decisions_per_hour', columns: rollup('hour') },
  decisionsPerDay: { name: 'decisions_per_day', columns: rollup('day') },
  denialsByClient: {
    name: 'denials_by_client_per_minute',
    columns: [
      'minute',
      'client_kind',
      'client',
      'tenant',
      'route',
      'policy',
      'partition',
      'denied',
      'blocked',
      'early',
      'last_time',
    ],
  },
  ingestBlocks: {
    name: 'ingest_blocks',
    columns: [
      'topic',
      'topic_id',
      'partition',
      'start_offset',
      'end_offset',
      'rows',
      'crc32',
      'min_time',
      'max_time',
      'emitters',
      'doubled_rows',
      'dead_letters',
      'lost_records',
      'settled',
      'stored_at',
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
