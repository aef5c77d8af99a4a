import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ProcessSource } from '../metrics/observed.ts';

/**
 * How this process is doing; delays are the worst of all stretches between two readings that ended within half a minute, so
 * that a scrape and what publishes take nothing from each other. Stop it: it samples.
 */
export interface ProcessFigures extends ProcessSource {
  stop(): void;
}

const nanosecondsPerSecond = 1e9;
const sampleEveryMs = 20;
const keptS = 30;
/** Readings that follow each other faster are one. */
const apartS = 1;

/** A stretch between two readings. */
interface Stretch {
  readonly endedS: number;
  readonly p99S: number;
  readonly maxS: number;
}

/** The stretches that count now, this one among them: at most one a second. */
const withStretch = (stretches: readonly Stretch[], next: Stretch): Stretch[] => {
  const kept = stretches.filter(({ endedS }) => endedS > next.endedS - keptS);
  const last = kept.at(-1);
  if (!last || next.endedS - last.endedS >= apartS) return [...kept, next];
  const both = { ...last, p99S: Math.max(last.p99S, next.p99S), maxS: Math.max(last.maxS, next.maxS) };
  return [...kept.slice(0, -1), both];
};

export const processFigures = (): ProcessFigures => {
  const delays = monitorEventLoopDelay({ resolution: sampleEveryMs });
  delays.enable();
  let stretches: Stretch[] = [];
  let utilizationBefore = performance.eventLoopUtilization();
  /** Node measures from one sample to the next, so that nothing is late at one interval. */
  const lateS = (nanoseconds: number): number => Math.max(0, nanoseconds / nanosecondsPerSecond - sampleEveryMs / 1000);
  return {
    stats() {
      const { user, system } = process.cpuUsage();
      const utilizationNow = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(utilizationNow, utilizationBefore);
      utilizationBefore = utilizationNow;
      const hasSamples = delays.count > 0;
      const [p99S, maxS] = hasSamples ? [lateS(delays.percentile(99)), lateS(delays.max)] : [0, 0];
      delays.reset();
      stretches = withStretch(stretches, { endedS: process.uptime(), p99S, maxS });
      return {
        uptimeS: process.uptime(),
        cpuUserS: user / 1e6,
        cpuSystemS: system / 1e6,
        memoryBytes: process.memoryUsage.rss(),
        loopDelayP99S: Math.max(...stretches.map((stretch) => stretch.p99S)),
        loopDelayMaxS: Math.max(...stretches.map((stretch) => stretch.maxS)),
        loopUtilization: utilization,
      };
    },
    stop: () => void delays.disable(),
  };
};
