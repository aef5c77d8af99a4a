import type { Clock } from '../clock.ts';
import type { EmitterStats } from '../event/emitter.ts';
import type { GateReport } from '../limiter/gate-report.ts';
import type { GateStats } from './gate-stats.ts';

/** Shorter stretches would say little of how many decisions are degraded. */
const leastStretchMs = 500;

export interface GateReporterOptions {
  readonly gate: { stats(): Pick<GateStats, 'decisions' | 'denied' | 'blocked' | 'degraded' | 'policyVersion'> };
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
    const { decisions, denied, blocked, degraded, policyVersion } = gate.stats();
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
    };
  };
};
