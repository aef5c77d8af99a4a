import { type InstrumentTable, none } from './instrument-kind.ts';

/** The process itself. A host that embeds a gate has its own. */
export const processInstruments = {
  info: {
    name: 'tidegate.info',
    kind: 'gauge',
    unit: '{process}',
    description: 'Always 1: which process this is.',
    attributes: ['tidegate.version', 'tidegate.command', 'tidegate.region'],
  },
  processUptime: {
    name: 'process.uptime',
    kind: 'gauge',
    unit: 's',
    description: 'Since it was started.',
    attributes: none,
  },
  processCpuTime: {
    name: 'process.cpu.time',
    kind: 'counter',
    unit: 's',
    description: 'CPU time used.',
    attributes: ['cpu.mode'],
  },
  processMemory: {
    name: 'process.memory.usage',
    kind: 'up-down counter',
    unit: 'By',
    description: 'Memory in use, resident.',
    attributes: none,
  },
  eventLoopDelayP99: {
    name: 'nodejs.eventloop.delay.p99',
    kind: 'gauge',
    unit: 's',
    description:
      'How late the event loop was, 99th percentile: of the worst stretch between two readings within half a minute.',
    attributes: none,
  },
  eventLoopDelayMax: {
    name: 'nodejs.eventloop.delay.max',
    kind: 'gauge',
    unit: 's',
    description: 'The same, the largest.',
    attributes: none,
  },
  eventLoopUtilization: {
    name: 'nodejs.eventloop.utilization',
    kind: 'gauge',
    unit: '1',
    description: 'Share of the time since the last reading that the event loop was busy: 0 to 1.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
