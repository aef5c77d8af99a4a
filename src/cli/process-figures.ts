import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { ProcessSource } from '../metrics/observed.ts';

/** How this process is doing; delays and utilization are those since the last reading. Stop it: it samples. */
export interface ProcessFigures extends ProcessSource {
  stop(): void;
}

const nanosecondsPerSecond = 1e9;
const sampleEveryMs = 20;

export const processFigures = (): ProcessFigures => {
  const delays = monitorEventLoopDelay({ resolution: sampleEveryMs });
  delays.enable();
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
      return {
        uptimeS: process.uptime(),
        cpuUserS: user / 1e6,
        cpuSystemS: system / 1e6,
        memoryBytes: process.memoryUsage.rss(),
        loopDelayP99S: p99S,
        loopDelayMaxS: maxS,
        loopUtilization: utilization,
      };
    },
    stop: () => void delays.disable(),
  };
};
