import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { gateReporter } from '../../../src/gate/gate-reporter.ts';

it('the share of degraded decisions is that of the stretch since the beat before, not of all time', () => {
  const clock = new ManualClock();
  const stats = { decisions: 0, denied: 0, blocked: 0, degraded: 0, policyVersion: 'v' };
  const own = { region: 'eu', service: 'orders', version: '1', clock };
  const report = gateReporter({ ...own, gate: { stats: () => ({ ...stats }) } });
  const shareAfter = (decisions: number, degraded: number, waitMs = 1_000): number => {
    stats.decisions += decisions;
    stats.degraded += degraded;
    clock.advance(waitMs);
    return report().degradedShare;
  };
  expect(shareAfter(100, 25)).toBe(0.25);
  // Asked again at once, it says the same: a moment says nothing.
  expect(shareAfter(0, 0, 10)).toBe(0.25);
  expect(shareAfter(50, 0)).toBe(0);
  expect(shareAfter(0, 0)).toBe(0);
  expect(shareAfter(4, 4)).toBe(1);
  expect(report()).toMatchObject({ decisions: 154, degraded: 29, blockListAgeMs: null, eventsLost: 0 });
});

it('sources, deadlines, the latency of the store and whether it is left alone are told where the gate has them', () => {
  const clock = new ManualClock();
  const stats = { decisions: 9, denied: 0, blocked: 0, degraded: 0, policyVersion: 'v' };
  const own = { region: 'eu', service: 'orders', version: '1', clock };
  const more = { bySource: { store: 9 }, overDeadline: 2, storeLatency: { p50Us: 300, p99Us: 900 }, storeOpen: true };
  const told = { bySource: { store: 9 }, overDeadline: 2, storeP50Us: 300, storeP99Us: 900, isStoreOpen: true };
  const reportOf = (all: typeof stats) => gateReporter({ ...own, gate: { stats: () => all } })();
  expect(reportOf({ ...stats, ...more }).health).toEqual(told);
  expect(reportOf(stats)).not.toHaveProperty('health');
});
