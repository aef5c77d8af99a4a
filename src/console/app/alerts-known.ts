import type { AlertsAnswer } from './alerts.ts';

const oldAfterMs = 2 * 60_000;

/** What can be said where no alert fires: nothing when the last look is old, and not of all where answers are missing. */
export const knownIn = ({ evaluatedAt, unanswered }: AlertsAnswer, nowMs: number): 'old' | 'partly' | 'all' => {
  if (evaluatedAt === null || nowMs - Date.parse(evaluatedAt) > oldAfterMs) return 'old';
  return unanswered.length === 0 ? 'all' : 'partly';
};
