import { type InstrumentTable, none } from './instrument-kind.ts';

/** What a process publishes of itself for others to see. */
export const healthInstruments = {
  healthPublished: {
    name: 'tidegate.health.published',
    kind: 'counter',
    unit: '{sample}',
    description: 'Samples of what this process tells of itself, and of embedded gates, that went to the log.',
    attributes: none,
  },
  healthDropped: {
    name: 'tidegate.health.dropped',
    kind: 'counter',
    unit: '{sample}',
    description:
      'Samples that never went there: newer ones took their place while the log was away, or there were too many.',
    attributes: none,
  },
  healthFailures: {
    name: 'tidegate.health.failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to publish them that failed.',
    attributes: none,
  },
} as const satisfies InstrumentTable;

/**
 * What gates embedded in services say with their heartbeat and no scrape of tidegate's own processes does: figures of
 * `health_samples` alone.
 */
export const beatInstruments = {
  gateDecisionsBySource: {
    name: 'tidegate.gate.decisions_by_source',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions of the gate by who decided; `tidegate.decisions` tells them by outcome.',
    attributes: ['tidegate.source'],
  },
  gateStoreP50: {
    name: 'tidegate.gate.store_latency_p50',
    kind: 'gauge',
    unit: 's',
    description: 'What the store took for a call of the gate, median of the calls since its beat before.',
    attributes: none,
  },
  gateStoreP99: {
    name: 'tidegate.gate.store_latency_p99',
    kind: 'gauge',
    unit: 's',
    description: 'The same, 99th percentile.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
