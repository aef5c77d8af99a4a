import { describe, expect, it, vi } from 'vitest';
import { type AuditFinding, finding } from '../../../src/analytics/audit-findings.ts';
import { AuditWatch, type AuditWatchOptions } from '../../../src/cli/audit-watch.ts';
import { ManualClock } from '../../../src/clock.ts';
import { instrument } from '../../../src/metrics/instrument.ts';
import { collectedMetrics } from '../../support/collected-metrics.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const given = { topic: 'tidegate.decisions', partition: 3, unit: 'rows' } as const;
const missing = finding('rows-missing', { ...given, what: '7 of 10 rows are missing', amount: 7 });
const silent = finding('tail-unknown', { ...given, what: 'e1 is silent', amount: 1 });

const watching = (change: Partial<AuditWatchOptions> = {}) => {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const { meterProvider, numberOf, valuesOf } = collectedMetrics();
  const measuring = instrument({ meterProvider, clock });
  measuring.describe({});
  const found: { findings: AuditFinding[] } = { findings: [] };
  const audit = vi.fn(async (_sinceMs: number) => {
    const { findings } = found;
    return { findings, drift: findings.filter(({ isDrift }) => isDrift).reduce((sum, { amount }) => sum + amount, 0) };
  });
  const options = { audit, everyMs: hourMs, isMine: () => true, measuring, clock, logger, ...change };
  const pass = async (durationMs: number): Promise<void> => {
    clock.advance(durationMs);
    await settle();
  };
  return { clock, logger, audit, found, numberOf, valuesOf, pass, watch: new AuditWatch(options) };
};

describe('the watch over stored numbers', () => {
  it('compares the last day after a minute and then every hour, and says so as a number', async () => {
    const { clock, audit, numberOf, pass } = watching();
    expect(await numberOf('tidegate.audit.drift')).toBeUndefined();
    await pass(minuteMs);
    expect(audit).toHaveBeenCalledExactlyOnceWith(clock.nowMs() - 24 * hourMs);
    expect(await numberOf('tidegate.audit.drift')).toBe(0);
    await pass(hourMs - 1);
    expect(audit).toHaveBeenCalledTimes(1);
    expect(await numberOf('tidegate.audit.age')).toBe(3599.999);
    await pass(1);
    expect(audit).toHaveBeenCalledTimes(2);
  });

  it('counts drift and what is no drift by finding, and logs what was found', async () => {
    const { found, logger, numberOf, valuesOf, pass } = watching();
    found.findings = [missing, silent];
    await pass(minuteMs);
    expect(await numberOf('tidegate.audit.drift')).toBe(7);
    const amounts = new Map((await valuesOf('tidegate.audit.findings')).map(([of, n]) => [of['tidegate.finding'], n]));
    expect([amounts.get('rows-missing'), amounts.get('tail-unknown'), amounts.get('rows-doubled')]).toEqual([7, 1, 0]);
    expect(logger.lines.find(({ level }) => level === 'error')?.message).toContain('7 of 10 rows are missing');
  });

  it('keeps the last answer while the database is away: its age tells', async () => {
    const { audit, logger, numberOf, pass } = watching();
    await pass(minuteMs);
    audit.mockRejectedValue(new Error('away'));
    await pass(hourMs);
    expect(await numberOf('tidegate.audit.drift')).toBe(0);
    expect(await numberOf('tidegate.audit.age')).toBe(3600);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await pass(hourMs);
    expect(audit).toHaveBeenCalledTimes(3);
  });

  it('is left to the one process that owns the first partition, and taken over within a minute', async () => {
    let mine = false;
    const { audit, pass } = watching({ isMine: () => mine });
    await pass(minuteMs);
    expect(audit).not.toHaveBeenCalled();
    mine = true;
    await pass(minuteMs);
    expect(audit).toHaveBeenCalledTimes(1);
  });

  it('stops without waiting long for an audit that is under way', async () => {
    const audit = vi.fn(() => new Promise<never>(() => undefined));
    const { clock, pass, watch } = watching({ audit });
    await pass(minuteMs);
    let isStopped = false;
    const stopping = watch.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect(isStopped).toBe(false);
    clock.advance(2000);
    await stopping;
    await pass(2 * hourMs);
    expect(audit).toHaveBeenCalledTimes(1);
  });
});
