import { describe, expect, it } from 'vitest';
import { knownIn } from '../../../src/console/app/alerts-known.ts';

const evaluatedAt = '2026-11-22T23:00:00.000Z';
const thenMs = Date.parse(evaluatedAt);
const answer = { isEvaluated: true, evaluatedAt, unanswered: [], alerts: [] };

describe('where no alert fires', () => {
  it('all is well only by a fresh look that had every answer', () => {
    expect(knownIn(answer, thenMs + 15_000)).toBe('all');
  });

  it('alerts without an answer are not said to be well', () => {
    expect(knownIn({ ...answer, unanswered: ['throttle-spike'] }, thenMs + 15_000)).toBe('partly');
  });

  it('a look of some minutes ago says nothing of now', () => {
    expect(knownIn(answer, thenMs + 121_000)).toBe('old');
    expect(knownIn({ ...answer, evaluatedAt: null }, thenMs)).toBe('old');
  });
});
