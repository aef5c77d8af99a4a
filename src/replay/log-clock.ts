import type { Clock } from '../clock.ts';

/**
 * Stamps in log time and waits in wall time: for what writes during a replay, whose retries must end although log time
 * stands still meanwhile.
 */
export const logTimeClock = (log: Clock, wall: Clock): Clock => ({
  nowMs: () => log.nowMs(),
  monotonicUs: () => wall.monotonicUs(),
  schedule: (delayMs, task) => wall.schedule(delayMs, task),
  sleep: (delayMs) => wall.sleep(delayMs),
});
