import type { InstrumentId } from '../metrics/instruments.ts';
import { instruments } from '../metrics/instruments.ts';
import { prometheusName } from '../metrics/prometheus-name.ts';
import type { Sample } from '../metrics/sample.ts';

/** What a gate said of itself with its last beat. */
export interface GateTold {
  readonly gateId: string;
  readonly region: string;
  readonly service: string;
  readonly version: string;
  readonly policyVersion: string;
  readonly decisions: number;
  readonly denied: number;
  readonly blocked: number;
  readonly degraded: number;
  readonly blockListAgeMs: number | null;
  readonly blockListEntries: number;
  readonly eventsWaiting: number;
  readonly eventsLost: number;
  /** What gates of earlier releases do not say. */
  readonly health?: GateHealthTold;
}

export interface GateHealthTold {
  readonly bySource: Readonly<Record<string, number>>;
  readonly overDeadline: number;
  /** Null: no call since the beat before. */
  readonly storeP50Us: number | null;
  readonly storeP99Us: number | null;
  readonly isStoreOpen: boolean;
}

/** What `tidegate_info` of an embedded gate says beside what processes say: no attribute of the instrument, since no process has it. */
export const gateInfoLabels = { policyVersion: 'tidegate_policy_version', service: 'tidegate_service' } as const;

type Labels = Readonly<Record<string, string>>;
type Told = readonly [figure: string, value: number | null, labels?: Labels];

const nameOf = (id: InstrumentId): string => prometheusName(instruments[id]);

/** Told by tidegate's own processes themselves, in more detail. */
const ownServices: readonly string[] = ['up', 'serve', 'demo'];
const isOwn = ({ service }: GateTold): boolean => ownServices.includes(service);

const secondsOf = (us: number | null): number | null => (us === null ? null : us / 1e6);

const healthTold = ({ bySource, overDeadline, storeP50Us, storeP99Us, isStoreOpen }: GateHealthTold): Told[] => [
  ...Object.entries(bySource).map(
    ([source, count]): Told => [nameOf('gateDecisionsBySource'), count, { tidegate_source: source }],
  ),
  [nameOf('decisionsOverDeadline'), overDeadline],
  [nameOf('gateStoreP50'), secondsOf(storeP50Us)],
  [nameOf('gateStoreP99'), secondsOf(storeP99Us)],
  [nameOf('breakerOpen'), isStoreOpen ? 1 : 0],
];

const toldBy = (gate: GateTold): readonly Told[] => {
  const { decisions, denied, blocked, blockListAgeMs } = gate;
  const outcomes = { allowed: Math.max(0, decisions - denied - blocked), denied, blocked };
  return [
    ...Object.entries(outcomes).map(
      ([outcome, count]): Told => [nameOf('decisions'), count, { tidegate_outcome: outcome }],
    ),
    [nameOf('degraded'), gate.degraded],
    [nameOf('blockListAge'), blockListAgeMs === null ? null : blockListAgeMs / 1000],
    [nameOf('blockListSize'), gate.blockListEntries],
    [nameOf('eventsWaiting'), gate.eventsWaiting],
    [nameOf('eventsLost'), gate.eventsLost],
    [
      nameOf('info'),
      1,
      {
        tidegate_version: gate.version,
        [gateInfoLabels.policyVersion]: gate.policyVersion,
        [gateInfoLabels.service]: gate.service,
        tidegate_command: 'gate',
        tidegate_region: gate.region,
      },
    ],
    ...(gate.health ? healthTold(gate.health) : []),
  ];
};

/** What gates embedded in services say of themselves, as if each had a `/metrics` that somebody reads. */
export const gateSamples = (gates: readonly GateTold[], atMs: number): Sample[] =>
  gates
    .filter((gate) => !isOwn(gate))
    .flatMap((gate) =>
      toldBy(gate).flatMap(([figure, value, labels = {}]) =>
        value === null
          ? []
          : [{ atMs, process: gate.gateId, command: 'gate' as const, region: gate.region, figure, labels, value }],
      ),
    );

/**
 * Whether this gate's process is the one of all that tells of embedded gates: the first by name of those that can. All see
 * the same fleet, so no lock is needed; while it changes, two may tell the same numbers for a turn.
 */
export const tellsOfGates = (gates: readonly GateTold[], gateId: string): boolean => {
  const able = gates.filter((gate) => isOwn(gate) && gate.health !== undefined).map((gate) => gate.gateId);
  return able.includes(gateId) && able.every((other) => gateId <= other);
};
