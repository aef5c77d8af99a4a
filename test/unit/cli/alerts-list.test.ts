import { describe, expect, it } from 'vitest';
import { quietText } from '../../../src/cli/alerts/list.ts';

const as = (tone: string) => (text: string) => `${tone}: ${text}`;
const paint = { good: as('good'), bad: as('bad'), doubtful: as('doubtful'), faint: as('faint'), strong: as('strong') };
const nowMs = 1_750_000_000_000;
const said = (evaluatedAtMs: number, unanswered: readonly string[] = []): string =>
  quietText({ evaluatedAtMs, unanswered }, { nowMs, paint });

describe('an empty list of alerts', () => {
  it('is good news after a fresh look that had every answer, and no other', () => {
    expect(said(nowMs - 15_000)).toBe('good: No alert fires.');
    expect(said(nowMs - 15_000, ['throttle-spike'])).toMatch(/^doubtful: .* among those/);
  });

  it('says that nobody looks where nobody has, or not for minutes', () => {
    expect(said(0)).toMatch(/^doubtful: Nobody looks/);
    expect(said(nowMs - 121_000)).toMatch(/^doubtful: Nobody looks/);
  });
});
