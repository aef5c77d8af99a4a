import type { Clock } from '../clock.ts';

/**
 * Log time for stamps and timers, wall time for pauses: a writer flushes when log time says so, whatever the speed of the
 * replay, and its retries end although log time stands still meanwhile.
 */
export const logTimeClock = (log: Clock, wall: Clock): Clock => ({
  nowMs: () => log.nowMs(),
  monotonicUs: () => wall.monotonicUs(),
  schedule: (delayMs, task) => log.schedule(delayMs, task),
  sleep: (delayMs) => wall.sleep(delayMs),
});

/**
 * Log time for stamps alone: what a detector tells of traffic and identities depends on the log and not on the speed of the
 * replay, and its timers, which are all for another try, end.
 */
export const logStampClock = (log: Clock, wall: Clock): Clock => ({
  ...logTimeClock(log, wall),
  schedule: (delayMs, task) => wall.schedule(delayMs, task),
});
