import type { Clock } from '../clock.ts';
import type { EmitterStats } from '../event/emitter.ts';
import type { GateHealth, GateReport } from '../limiter/gate-report.ts';
import type { GateStats } from './gate-stats.ts';

/** Shorter stretches would say little of how many decisions are degraded. */
const leastStretchMs = 500;

/** What a gate of this release says besides. */
type Told = Partial<Pick<GateStats, 'bySource' | 'overDeadline' | 'storeLatency' | 'storeOpen'>>;

const healthOf = ({ bySource, overDeadline = 0, storeLatency, storeOpen = false }: Told): { health?: GateHealth } => {
  if (bySource === undefined) return {};
  const { p50Us = null, p99Us = null } = storeLatency ?? {};
  return { health: { bySource, overDeadline, storeP50Us: p50Us, storeP99Us: p99Us, isStoreOpen: storeOpen } };
};

export interface GateReporterOptions {
  readonly gate: { stats(): Pick<GateStats, 'decisions' | 'denied' | 'blocked' | 'degraded' | 'policyVersion'> & Told };
  /** Default: the gate has none, or does not follow one. */
  readonly blockList?: { readonly size: number; ageMs(): number | null };
  /** Default: its decisions are told to nobody. */
  readonly emitter?: { stats(): Pick<EmitterStats, 'waiting' | 'lost'> };
  readonly region: string;
  /** What the gate runs in: for people. */
  readonly service: string;
  /** Of tidegate. */
  readonly version: string;
  readonly clock: Clock;
}

/** What a gate tells the others with each beat: see {@link GateReport}. */
export const gateReporter = (options: GateReporterOptions): (() => GateReport) => {
  const { gate, blockList, emitter, region, service, version, clock } = options;
  const startedAtMs = clock.nowMs();
  let before = { atUs: clock.monotonicUs(), decisions: 0, degraded: 0 };
  let degradedShare = 0;
  return () => {
    const stats = gate.stats();
    const { decisions, denied, blocked, degraded, policyVersion } = stats;
    const atUs = clock.monotonicUs();
    if (atUs - before.atUs >= leastStretchMs * 1000) {
      const taken = decisions - before.decisions;
      degradedShare = taken > 0 ? Math.min(1, (degraded - before.degraded) / taken) : 0;
      before = { atUs, decisions, degraded };
    }
    const { waiting = 0, lost = 0 } = emitter?.stats() ?? {};
    return {
      ...{ region, service, version, policyVersion, startedAtMs, decisions, denied, blocked, degraded, degradedShare },
      blockListAgeMs: blockList?.ageMs() ?? null,
      blockListEntries: blockList?.size ?? 0,
      eventsWaiting: waiting,
      eventsLost: lost,
      ...healthOf(stats),
    };
  };
};
