import { blockListInstruments } from './block-list-instruments.ts';
import { type InstrumentTable, none } from './instrument-kind.ts';

/** One decision in so many is timed, chosen by lot: a recorded duration costs as much as a decision in memory. */
export const durationsSampledOneIn = 16;

/** Upper bounds of the buckets, seconds: from what memory takes to what no deadline allows. */
export const durationBucketsS: readonly number[] = [
  0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01,
  0.02, 0.05, 0.1, 0.2, 0.5, 1,
];

/** Of the store: from what the same machine takes to what no deadline allows. */
const storeBucketsS: readonly number[] = [
  0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
];

/** What decides: gates, their policies and their block list. */
export const gateInstruments = {
  decisions: {
    name: 'tidegate.decisions',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions taken.',
    attributes: ['tidegate.outcome', 'tidegate.source', 'tidegate.policy'],
  },
  decisionDuration: {
    name: 'tidegate.decision.duration',
    kind: 'histogram',
    unit: 's',
    description: `From the call of check() to its decision. One decision in ${durationsSampledOneIn}, chosen by lot, is timed.`,
    attributes: ['tidegate.source'],
    buckets: durationBucketsS,
  },
  decisionsOverDeadline: {
    name: 'tidegate.decisions.over_deadline',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions that took longer than the deadline of the store, for whatever reason.',
    attributes: none,
  },
  storeDuration: {
    name: 'tidegate.store.duration',
    kind: 'histogram',
    unit: 's',
    description: `What the store took for one call of a gate, given up ones at their deadline. One call in ${durationsSampledOneIn}, chosen by lot, is timed; a store in memory is not.`,
    attributes: none,
    buckets: storeBucketsS,
  },
  degraded: {
    name: 'tidegate.degraded',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions taken without the primary store.',
    attributes: ['tidegate.reason'],
  },
  breakerOpen: {
    name: 'tidegate.store.breaker_open',
    kind: 'up-down counter',
    unit: '{gate}',
    description: 'Gates of this process that leave their store alone because it failed: 0 is healthy.',
    attributes: none,
  },
  storeCallsSaved: {
    name: 'tidegate.store.calls_saved',
    kind: 'counter',
    unit: '{call}',
    description:
      'Store calls that the block list made unnecessary: an upper bound, as if each refused request had been asked about by itself.',
    attributes: none,
  },
  storeBytesSaved: {
    name: 'tidegate.store.traffic_saved',
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of those calls and of their answers.',
    attributes: none,
  },
  blockLookupFailures: {
    name: 'tidegate.block_list.lookup_failures',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls of the block list that threw: their requests were decided on without it.',
    attributes: none,
  },
  returnsLost: {
    name: 'tidegate.store.returns_lost',
    kind: 'counter',
    unit: '{return}',
    description:
      'Refunds, leases and places that the store did not take back: limits are stricter by them for a while, never weaker.',
    attributes: none,
  },
  leaseCounters: {
    name: 'tidegate.leases.counters',
    kind: 'up-down counter',
    unit: '{counter}',
    description: 'Counters so hot that this process spends from them without asking.',
    attributes: none,
  },
  leaseUnits: {
    name: 'tidegate.leases.units',
    kind: 'up-down counter',
    unit: '{unit}',
    description: 'Units lent to this process and not spent yet.',
    attributes: none,
  },
  leaseGranted: {
    name: 'tidegate.leases.granted',
    kind: 'counter',
    unit: '{unit}',
    description: 'Units ever lent to this process.',
    attributes: none,
  },
  leaseReturned: {
    name: 'tidegate.leases.returned',
    kind: 'counter',
    unit: '{unit}',
    description: 'Of these, given back unspent.',
    attributes: none,
  },
  approximateCounters: {
    name: 'tidegate.approximate.counters',
    kind: 'up-down counter',
    unit: '{counter}',
    description: 'Counters of policies with `consistency: approximate` that are counted in this process.',
    attributes: none,
  },
  approximateUntold: {
    name: 'tidegate.approximate.untold',
    kind: 'counter',
    unit: '{unit}',
    description: 'Units spent on them that the store may never have counted: it failed when it was told.',
    attributes: none,
  },
  overflowed: {
    name: 'tidegate.overflowed',
    kind: 'counter',
    unit: '{decision}',
    description:
      'Decisions by an overflow counter, for lack of room for one of their own: the limit on keys is too low, or ids are made up.',
    attributes: none,
  },
  routesFolded: {
    name: 'tidegate.routes.folded',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions whose route was folded into `~other`: their client has used up its 64 derived routes.',
    attributes: none,
  },
  liveGates: {
    name: 'tidegate.live_gates',
    kind: 'gauge',
    unit: '{gate}',
    description: 'Gates that share the limits, as last known here: without the store each enforces its share.',
    attributes: none,
  },
  countersLost: {
    name: 'tidegate.counters_lost',
    kind: 'counter',
    unit: '{loss}',
    description:
      'Times that a gate of this process found its store to have lost counters: limits admit more for a while.',
    attributes: ['tidegate.loss'],
  },
  ...blockListInstruments,
  policyLoads: {
    name: 'tidegate.policies.loads',
    kind: 'counter',
    unit: '{load}',
    description: 'Policy sets that came into force.',
    attributes: none,
  },
  policiesRefused: {
    name: 'tidegate.policies.refused',
    kind: 'counter',
    unit: '{load}',
    description: 'Policy sets that were refused for their problems; the last good one stays.',
    attributes: none,
  },
  policyRecordsDropped: {
    name: 'tidegate.policies.records_dropped',
    kind: 'counter',
    unit: '{record}',
    description: 'Records of what a policy version says that never reached the log: the history of policies has a gap.',
    attributes: none,
  },
  policyCount: {
    name: 'tidegate.policies.size',
    kind: 'gauge',
    unit: '{policy}',
    description: 'Policies in force.',
    attributes: none,
  },
  policyVersion: {
    name: 'tidegate.policies.version',
    kind: 'gauge',
    unit: '{version}',
    description: 'The version in force: its 12 hexadecimal digits as a number, so that gates that disagree stand out.',
    attributes: none,
  },
} as const satisfies InstrumentTable;
