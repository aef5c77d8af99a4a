import { expect, it } from 'vitest';
import type { Database } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import type { RowRun } from '../../src/ingest/event-table.ts';
import { baseTimeMs, type FrameSource } from '../support/decision-frames.ts';

const runOf = ({ headers, body }: OutgoingFrame): RowRun => ({
  emitter: headers.emitter,
  firstSeq: headers.firstSeq,
  rows: headers.rows,
  body,
});

const minuteMs = 60_000;

export interface ReaderStage {
  database(): Database;
  /** A partition that nobody has written to, and a source of frames for it. */
  next(): { readonly partition: number; readonly source: FrameSource };
}

/** What every decision reader answers; asked of the database that the event tables have filled. */
export const decisionReaderContract = ({ database, next }: ReaderStage): void => {
  it('answers with throttle rates of the limiter alone', async () => {
    const { partition, source } = next();
    const tenant = `tenant-${partition}`;
    const fromMs = Math.floor(baseTimeMs / minuteMs) * minuteMs;
    const facts = { tenant, timeMs: fromMs };
    const frame = source.frame(
      { ...facts, count: 3 },
      { ...facts, outcome: 'denied', count: 1 },
      { ...facts, outcome: 'blocked', count: 6 },
    );
    await database().table.insert([runOf(frame)], `t:${partition}`);
    const points = await database().reader.throttleRates({
      by: 'tenant',
      fromMs,
      toMs: fromMs + minuteMs,
      groups: 100,
    });
    expect(points.find(({ group }) => group === tenant)).toEqual({
      atMs: fromMs,
      group: tenant,
      decisions: 10,
      allowed: 3,
      denied: 1,
      blocked: 6,
      throttleRate: 0.25,
    });
  });

  it('answers throttle rates alike from minutes, hours and days', async () => {
    const { partition, source } = next();
    const tenant = `tenant-${partition}`;
    const dayMs = 86_400_000;
    const fromMs = Math.floor(baseTimeMs / dayMs) * dayMs;
    const events = Array.from({ length: 60 }, (_, index) => ({
      tenant,
      timeMs: fromMs + index * 47 * minuteMs,
      outcome: index % 4 === 0 ? ('denied' as const) : ('allowed' as const),
      count: 1 + index,
    }));
    await database().table.insert([runOf(source.frame(...events))], `t:${partition}`);
    const sums = async (stepMinutes: number, toMs = fromMs + 2 * dayMs): Promise<object> => {
      const query = { by: 'tenant', fromMs, toMs, stepMinutes, groups: 100 } as const;
      const points = (await database().reader.throttleRates(query)).filter(({ group }) => group === tenant);
      for (const { atMs } of points) expect(atMs % (Math.min(stepMinutes, 60) * minuteMs)).toBe(0);
      return {
        decisions: points.reduce((sum, point) => sum + point.decisions, 0),
        denied: points.reduce((sum, point) => sum + point.denied, 0),
      };
    };
    const expected = {
      decisions: events.reduce((sum, { count }) => sum + count, 0),
      denied: events.reduce((sum, { count, outcome }) => sum + (outcome === 'denied' ? count : 0), 0),
    };
    for (const stepMinutes of [1, 30, 60, 87, 1440]) expect(await sums(stepMinutes)).toEqual(expected);
    expect(await sums(1440, fromMs + 200 * dayMs)).toEqual(expected);
  });

  it.each([
    ['minutes', 30, 2],
    ['hours', 120, 2],
    ['days', 1440, 200],
  ])('computes quantiles of latency from %s within the bound of a bucket', async (_, stepMinutes, days) => {
    const { partition, source } = next();
    const region = `region-${partition}`;
    const fromMs = Math.floor(baseTimeMs / 86_400_000) * 86_400_000;
    // Values evenly over nine buckets: what a gate would have measured, and the bucket that it would have written down.
    const exact = Array.from({ length: 2000 }, (_none, index) =>
      Math.round(16 * 2 ** ((9 * (((index * 7919) % 2000) + 1)) / 2000)),
    );
    const bucketUs = (us: number): number => 2 ** Math.ceil(Math.log2(us));
    const events = exact.map((us, index) => ({
      region,
      latencyUs: bucketUs(us),
      count: 1,
      timeMs: fromMs + index * 7,
    }));
    const unknown = { region, latencyUs: 0, count: 5000, timeMs: fromMs };
    await database().table.insert([runOf(source.frame(...events, unknown))], `t:${partition}`);
    const points = await database().reader.latencies({
      by: 'region',
      fromMs,
      toMs: fromMs + days * 86_400_000,
      stepMinutes,
      groups: 100,
    });
    const point = points.find(({ group }) => group === region);
    expect(point).toMatchObject({ atMs: fromMs, decisions: 2000 });
    const sorted = [...exact].sort((a, b) => a - b);
    for (const [value, q] of [
      [point?.p50Us, 0.5],
      [point?.p95Us, 0.95],
      [point?.p99Us, 0.99],
    ] as const) {
      const us = sorted[Math.ceil(q * sorted.length) - 1] ?? 0;
      expect(value).toBeGreaterThan(bucketUs(us) / 2);
      expect(value).toBeLessThanOrEqual(bucketUs(us));
      // The values are spread evenly over their logarithm, as the interpolation takes them to be.
      expect(Math.abs((value ?? 0) / us - 1)).toBeLessThan(0.1);
    }
  });

  it('names the clients that were denied most, and where, without those that were only allowed or blocked', async () => {
    const { partition, source } = next();
    const timeMs = baseTimeMs + 3_600_000 * (1000 + partition);
    const frame = source.frame(
      { timeMs, client: 'much', clientKind: 'user', outcome: 'denied', count: 7, early: 2, route: 'GET /a' },
      { timeMs: timeMs + 5, client: 'much', clientKind: 'user', outcome: 'denied', count: 2, route: 'GET /b' },
      { timeMs: timeMs + 9, client: 'much', clientKind: 'user', outcome: 'blocked', count: 4, route: 'GET /c' },
      { timeMs, client: 'less', outcome: 'denied', count: 1 },
      { timeMs, client: 'blocked', outcome: 'blocked', count: 100 },
      { timeMs, client: 'allowed', count: 100 },
    );
    await database().table.insert([runOf(frame)], `t:${partition}`);
    const clients = await database().reader.topDeniedClients({ fromMs: timeMs, toMs: timeMs + 60_000 });
    expect(clients.map(({ client }) => client)).toEqual(['much', 'less']);
    expect(clients[0]).toMatchObject({
      clientKind: 'user',
      denied: 9,
      blocked: 4,
      early: 2,
      routeCount: 2,
      lastDeniedAtMs: timeMs + 5,
    });
    expect([...(clients[0]?.routes ?? [])].sort()).toEqual(['GET /a', 'GET /b']);
  });

  it('says which decision is the newest, and when rows of its hour were last stored', async () => {
    const { partition, source } = next();
    const newestMs = Date.UTC(2099, 0, 1) + partition * minuteMs + 7;
    const frame = source.frame({ timeMs: newestMs - 1 }, { timeMs: newestMs });
    const beforeMs = systemClock.nowMs();
    await database().table.insert([runOf(frame)], `t:${partition}`);
    const { newestEventAtMs, newestStoredAtMs } = await database().reader.freshness();
    expect(newestEventAtMs).toBe(newestMs);
    expect(newestStoredAtMs).toBeGreaterThan(beforeMs - 2_000);
    expect(newestStoredAtMs).toBeLessThanOrEqual(systemClock.nowMs());
  });

  it('refuses a question without a bound', async () => {
    const range = { fromMs: 0, toMs: 1 };
    await expect(database().reader.topDeniedClients({ ...range, limit: 0 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await expect(database().reader.throttleRates({ ...range, by: 'tenant', groups: 1_000_000 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });

  it('lets no read change anything, and keeps totals by outcome', async () => {
    const totals = await database().reader.totals();
    expect(totals.decisions).toBe(totals.allowed + totals.denied + totals.blocked);
    expect(await database().reader.totals({ fromMs: 0, toMs: 1 })).toEqual({
      decisions: 0,
      allowed: 0,
      denied: 0,
      blocked: 0,
    });
  });
};
