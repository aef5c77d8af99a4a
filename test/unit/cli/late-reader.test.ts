import { describe, expect, it } from 'vitest';
import type { Auditor } from '../../../src/analytics/audit.ts';
import type { DecisionQuestions } from '../../../src/analytics/decision-questions.ts';
import type { DecisionReader, DecisionTotals } from '../../../src/analytics/decision-reader.ts';
import type { StoredChanges } from '../../../src/analytics/stored-changes.ts';
import { LateReader } from '../../../src/cli/late-reader.ts';
import { ManualClock } from '../../../src/clock.ts';

const totals: DecisionTotals = { decisions: 3, allowed: 2, denied: 1, blocked: 0 };
const unasked = () => Promise.reject(new Error('not in this test'));
const unaskable: DecisionQuestions & StoredChanges = {
  throttleRates: unasked,
  outcomes: unasked,
  offenders: unasked,
  nearLimit: unasked,
  spikes: unasked,
  clientHistory: unasked,
  decisionsAround: unasked,
  changeLogs: unasked,
  blockChanges: unasked,
};
const reader: DecisionReader = {
  totals: () => Promise.resolve(totals),
  throttleRates: unasked,
  latencies: unasked,
  topDeniedClients: unasked,
  freshness: unasked,
  within: (tenants) => ({
    ...unaskable,
    outcomes: async () => [{ atMs: tenants?.length ?? -1, degraded: 0, ...totals }],
  }),
};

const auditor: Auditor = {
  read: unasked,
  ledgerEnds: unasked,
  partitionTotals: unasked,
  busiestMinuteBlocks: unasked,
  nowMs: () => Promise.resolve(7),
};

const lateReader = (attempts: readonly boolean[]) => {
  const clock = new ManualClock();
  const seen = { opened: 0, closed: 0 };
  const open = async () => {
    const works = attempts[seen.opened] ?? true;
    seen.opened += 1;
    if (!works) throw new Error('away');
    return {
      reader,
      auditor,
      evidence: { queryFor: unasked, counts: unasked, state: unasked },
      alerts: () => ({ read: unasked }),
      close: async () => {
        seen.closed += 1;
      },
    };
  };
  return { clock, seen, late: new LateReader({ open, clock }) };
};

describe('a database that comes late', () => {
  it('is opened by the first question, once, and closed', async () => {
    const { late, seen } = lateReader([true]);
    expect(seen.opened).toBe(0);
    expect(await Promise.all([late.totals(), late.totals()])).toEqual([totals, totals]);
    await late.close();
    expect(seen).toEqual({ opened: 1, closed: 1 });
  });

  it('is the same one for audits', async () => {
    const { late, seen } = lateReader([true]);
    expect(await Promise.all([late.auditor.nowMs(), late.totals()])).toEqual([7, totals]);
    expect(seen.opened).toBe(1);
  });

  it('is asked within the tenants of whoever asks', async () => {
    const { late, seen } = lateReader([true]);
    const questions = late.within(['acme', 'other']);
    expect(seen.opened).toBe(0);
    expect(await questions.outcomes({ fromMs: 0, toMs: 1 })).toMatchObject([{ atMs: 2 }]);
    await expect(questions.spikes({ fromMs: 0, toMs: 1 })).rejects.toThrow('not in this test');
  });

  it('is tried again, but not with every question', async () => {
    const { clock, late, seen } = lateReader([false, true]);
    for (let ask = 0; ask < 3; ask += 1) await expect(late.totals()).rejects.toThrow('away');
    expect(seen.opened).toBe(1);
    clock.advance(5000);
    expect(await late.totals()).toEqual(totals);
    expect(seen.opened).toBe(2);
  });

  it('can be closed without ever having been there', async () => {
    const { late, seen } = lateReader([false]);
    await late.close();
    await expect(late.totals()).rejects.toThrow('away');
    await late.close();
    expect(seen.closed).toBe(0);
  });
});
