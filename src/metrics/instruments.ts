/** What kind of number an instrument is, in OpenTelemetry's words. */
export type InstrumentKind = 'counter' | 'up-down counter' | 'gauge' | 'histogram';

export interface Instrument {
  readonly name: string;
  readonly kind: InstrumentKind;
  /** UCUM: `s`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  /** Attributes it is told apart by; all of them have few values. */
  readonly attributes: readonly AttributeName[];
}

/** Every attribute of a metric, and what bounds it. Clients, routes and tenants are for events: they have no bound. */
export const attributes = {
  'tidegate.outcome': '`allowed`, `denied`, `blocked`',
  'tidegate.source': 'who decided: `store`, `lease`, `deny-cache`, `fallback`, …',
  'tidegate.policy':
    'the policy that decided, for blocked requests the rule; left out where none did; after 200 names `~other`',
  'tidegate.loss': '`rolled-back`, `flushed`, `failover` (perhaps nothing)',
  'tidegate.reason': 'why the primary store was not asked or did not answer: `timeout`, `error`, `breaker-open`, …',
} as const;
export type AttributeName = keyof typeof attributes;

export const meterName = 'tidegate';

/** Policy names told apart in metrics; whoever writes a policy per customer reads events instead. */
export const maxPolicyNames = 200;
export const otherPolicies = '~other';

/** One decision in so many is timed, chosen by lot: a recorded duration costs as much as a decision in memory. */
export const durationsSampledOneIn = 16;

/** Upper bounds of the buckets, seconds: from what memory takes to what no deadline allows. */
export const durationBucketsS: readonly number[] = [
  0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01,
  0.02, 0.05, 0.1, 0.2, 0.5, 1,
];

const none = [] as const;

/** Every instrument of the library. A name that has been released means the same forever. */
export const instruments = {
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
    description: 'Store calls that the block list made unnecessary.',
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
  eventsRecorded: {
    name: 'tidegate.events.recorded',
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions given to the event log. Always sent + waiting + lost.',
    attributes: none,
  },
  eventsSent: {
    name: 'tidegate.events.sent',
    kind: 'counter',
    unit: '{decision}',
    description: 'Of these, durable in the log.',
    attributes: none,
  },
  eventsWaiting: {
    name: 'tidegate.events.waiting',
    kind: 'up-down counter',
    unit: '{decision}',
    description: 'Merged, in frames or in flight: grows while the log is away.',
    attributes: none,
  },
  eventsLost: {
    name: 'tidegate.events.lost',
    kind: 'counter',
    unit: '{decision}',
    description: 'Given up by a close that ran out of time.',
    attributes: none,
  },
  eventsFolded: {
    name: 'tidegate.events.folded',
    kind: 'counter',
    unit: '{decision}',
    description: 'Kept in the totals, but without their client, for lack of room.',
    attributes: none,
  },
  blockListAge: {
    name: 'tidegate.block_list.age',
    kind: 'gauge',
    unit: 's',
    description: 'Since the block list in this process was last known to be complete. No value before the first time.',
    attributes: none,
  },
  blockListSize: {
    name: 'tidegate.block_list.size',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Entries of the block list in this process.',
    attributes: none,
  },
  blockListFailures: {
    name: 'tidegate.block_list.failures',
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts to follow the block list that failed; the last known one stays in force.',
    attributes: none,
  },
  blockListDropped: {
    name: 'tidegate.block_list.dropped',
    kind: 'counter',
    unit: '{entry}',
    description: 'Entries left out for lack of room: their clients are not blocked here.',
    attributes: none,
  },
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
    unit: '1',
    description: 'The version in force: its 12 hexadecimal digits as a number, so that gates that disagree stand out.',
    attributes: none,
  },
} as const satisfies Readonly<Record<string, Instrument>>;
export type InstrumentId = keyof typeof instruments;
