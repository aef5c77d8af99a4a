import type { Clock } from '../clock.ts';

/** While something is away for long, one line in so many milliseconds says it. */
const saidAgainAfterMs = 10_000;
/** Different lines that are remembered; then all are forgotten, and may be said again. */
const maxRemembered = 200;

/**
 * Tells which lines are worth saying: the first of those that are alike, and one every ten seconds. kafkajs starts a consumer
 * again every tenth of a second while its topic is missing, and would say so each time.
 */
export const repeatsOf = (clock: Pick<Clock, 'nowMs'>): ((line: string) => boolean) => {
  const saidAtMs = new Map<string, number>();
  return (line) => {
    const nowMs = clock.nowMs();
    const lastMs = saidAtMs.get(line);
    // A clock that was set back is no reason for silence.
    if (lastMs !== undefined && nowMs >= lastMs && nowMs - lastMs < saidAgainAfterMs) return true;
    if (saidAtMs.size >= maxRemembered) saidAtMs.clear();
    saidAtMs.set(line, nowMs);
    return false;
  };
};
