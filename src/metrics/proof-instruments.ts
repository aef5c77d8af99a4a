import { type InstrumentTable, none } from './instrument-kind.ts';

/** Whether log, ledger, rows and rollups agree, as the last audit found. */
export const auditInstruments = {
  auditDrift: {
    name: 'tidegate.audit.drift',
    kind: 'gauge',
    unit: '{difference}',
    description: 'What does not agree, all findings together, over the last day. 0: every number agrees.',
    attributes: none,
  },
  auditFindings: {
    name: 'tidegate.audit.findings',
    kind: 'gauge',
    unit: '{difference}',
    description: 'The same by finding, with those that are no drift: `tidegate reconcile` says what each means.',
    attributes: ['tidegate.finding'],
  },
  auditAge: {
    name: 'tidegate.audit.age',
    kind: 'gauge',
    unit: 's',
    description: 'Since the last audit that came to an end.',
    attributes: none,
  },
} as const satisfies InstrumentTable;

/** What was found when the process started. */
export const checkInstruments = {
  dedupMargin: {
    name: 'tidegate.checks.dedup_margin',
    kind: 'gauge',
    unit: '1',
    description:
      'How many times the longest pause of ingest fits into what the smallest deduplication window remembers. Below 1 a start is refused. No value where there is no window.',
    attributes: none,
  },
  clockSkew: {
    name: 'tidegate.checks.clock_skew',
    kind: 'gauge',
    unit: 's',
    description:
      'The largest difference between the clock of this process and that of an engine, as far as it is certain.',
    attributes: none,
  },
  logRetention: {
    name: 'tidegate.checks.log_retention',
    kind: 'gauge',
    unit: 's',
    description: 'The shortest time for which a topic keeps records: longer outages of ingest lose some.',
    attributes: none,
  },
  checkWarnings: {
    name: 'tidegate.checks.warnings',
    kind: 'gauge',
    unit: '{finding}',
    description: 'Findings that are warnings: the log of the process names them.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
