import { afterAll, beforeAll, expect, it } from 'vitest';
import { baselineOf, type MinuteSeries, windowOf } from '../../src/alert/spike/baseline.ts';
import { judgeSpike } from '../../src/alert/spike/spike.ts';
import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import {
  dayMinutes,
  hole,
  minuteMs,
  minutesWithData,
  routeMinute,
  routes,
  spikeDayLines,
  startMs,
} from '../support/spike-days.ts';

interface Row {
  readonly minute: string;
  readonly at: number;
  readonly dimension: string;
  readonly value: string;
  readonly baseline_rate: number;
  readonly baseline_minutes: number;
  readonly spread: number;
  readonly z: number;
  readonly clients: string | number;
  readonly top_client_share: number;
  readonly early_share: number;
  readonly degraded_share: number;
  readonly new_policy_versions: number;
  readonly tightened_policies: number;
  readonly excess: number;
  readonly is_spike: number;
  readonly cause: string;
}

const policiesOf = (limit: number): string =>
  JSON.stringify([{ name: 'p', limit, windowMs: 60_000, burst: limit, mode: 'enforce' }]);

const withData = new Set(minutesWithData);

/** The same minutes as the reference takes them, of one route or of all. */
const seriesOf = (indexes: readonly number[]): MinuteSeries => {
  const known = new Map<number, { decided: number; denied: number }>();
  return (minute) => {
    if (!withData.has(minute)) return undefined;
    const found = known.get(minute);
    if (found) return found;
    const all = indexes.map((index) => routeMinute(index, minute));
    const sums = {
      decided: all.reduce((sum, { decided }) => sum + decided, 0),
      denied: all.reduce((sum, { denied }) => sum + denied, 0),
    };
    known.set(minute, sums);
    return sums.decided > 0 ? sums : undefined;
  };
};

/** Clients have the same names on every route. */
const clientsOf = (indexes: readonly number[], minute: number): number[] => {
  const sums: number[] = [];
  for (let at = minute - 2; at <= minute; at += 1) {
    if (!withData.has(at)) continue;
    for (const index of indexes) {
      routeMinute(index, at).byClient.forEach((count, client) => {
        sums[client] = (sums[client] ?? 0) + count;
      });
    }
  }
  return sums;
};

describeWith('chdb', 'the statistics of denial spikes', (url) => {
  let engine: ClickHouseEngine;
  let rows: readonly Row[];

  const between = async (fromMinute: number, toMinute: number): Promise<Row[]> => {
    const seconds = (minute: number): number => startMs / 1000 + minute * 60;
    const found = await selectRows<Row & { at: string | number }>(
      engine.reader,
      `SELECT *, intDiv(toUnixTimestamp(minute) - ${startMs / 1000}, 60) AS at
       FROM throttle_spikes_between(from_time = ${seconds(fromMinute)}, to_time = ${seconds(toMinute)})
       ORDER BY dimension, value, minute`,
    );
    return found.map((row) => ({ ...row, at: Number(row.at) }));
  };
  const spikesOn = (route: string): number[] =>
    rows.filter((row) => row.dimension === 'route' && row.value === route && row.is_spike).map(({ at }) => at);
  const rowAt = (route: string, minute: number): Row | undefined =>
    rows.find((row) => row.dimension === 'route' && row.value === route && row.at === minute);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length) });
    await migrate({ engine, logger: silentLogger, options: { rawTtlDays: 0, dedupWindow: 100 } });
    const settings = { async_insert: 0 };
    await engine.insert({ table: 'decisions_raw', rows: [Buffer.from(`${spikeDayLines().join('\n')}\n`)], settings });
    const load = (minute: number, version: string, limit: number): string =>
      JSON.stringify({
        ...{ time: startMs + minute * minuteMs, emitter: 'g', partition: 0, seq: 1, gate: 'g', version },
        policies: policiesOf(limit),
      });
    // A lower limit, the same again by another gate, and a higher one.
    const loads = [load(0, 'aaaa', 100), load(595, 'bbbb', 50), load(899, 'bbbb', 50), load(900, 'cccc', 80)];
    await engine.insert({ table: 'policies', rows: [Buffer.from(`${loads.join('\n')}\n`)], settings });
    rows = await between(0, dayMinutes);
  }, 120_000);
  afterAll(() => engine.close());

  it('are those of the reference, minute by minute, for routes, for all and by region', () => {
    const all = routes.map((_, index) => index);
    const judged = rows.filter(
      ({ dimension, at, z }) => ['all', 'region', 'route'].includes(dimension) && (at % 7 === 0 || z > 4),
    );
    expect(judged.length).toBeGreaterThan(1400);
    const seriesBy = new Map<string, { indexes: readonly number[]; series: MinuteSeries }>();
    for (const { dimension, value, at, ...row } of judged) {
      const key = dimension === 'route' ? value : 'all';
      const indexes = key === 'all' ? all : [routes.findIndex(({ route }) => route === value)];
      const { series } = seriesBy.get(key) ?? { series: seriesOf(indexes) };
      seriesBy.set(key, { indexes, series });
      const baseline = baselineOf(series, at);
      const newest = {
        ...{ two: windowOf(series, at, 2), three: windowOf(series, at, 3) },
        deniedByClient: clientsOf(indexes, at),
      };
      const { isSpike, z, spread, excess } = judgeSpike(newest, baseline);
      const where = `${dimension} ${value} at ${at}`;
      expect([where, row.is_spike]).toEqual([where, isSpike ? 1 : 0]);
      expect(row.baseline_minutes, where).toBe(baseline.recentMinutes);
      expect(row.baseline_rate, where).toBeCloseTo(baseline.rate, 9);
      expect(row.spread, where).toBeCloseTo(spread, 9);
      expect(row.z, where).toBeCloseTo(z, 6);
      expect(row.excess, where).toBeCloseTo(excess, 6);
    }
  });

  it('find both spikes from the first minute on, while they last', () => {
    const [usual, login] = [spikesOn('GET /usual'), spikesOn('POST /login')];
    for (let minute = 600; minute < 610; minute += 1) expect(usual).toContain(minute);
    for (let minute = 900; minute < 906; minute += 1) expect(login).toContain(minute);
  });

  it('raise no other alarm in a day, but for the two minutes that still hold a spike', () => {
    const allowed = (route: string, from: number, to: number): number[] =>
      spikesOn(route).filter((minute) => minute < from || minute >= to + 2);
    expect(allowed('GET /usual', 600, 610)).toEqual([]);
    expect(allowed('POST /login', 900, 906)).toEqual([]);
    expect(allowed('GET /busy', 1200, 1205)).toEqual([]);
    expect(spikesOn('GET /quiet')).toEqual([]);
  });

  it('take what came at the same time yesterday or a week ago for usual', () => {
    expect(spikesOn('POST /report')).toEqual([]);
    expect(rowAt('POST /report', 1002)?.baseline_rate).toBeGreaterThan(0.3);
    expect(rowAt('POST /report', 1102)?.baseline_rate).toBeGreaterThan(0.3);
    expect(rowAt('POST /report', 1050)?.baseline_rate).toBeLessThan(0.05);
  });

  it('take a hole in the data neither for a fall to nothing nor for a spike', () => {
    const around = rows.filter(({ at }) => at >= hole.fromMinute - 5 && at < hole.toMinute + 60);
    expect(around.length).toBeGreaterThan(100);
    expect(around.filter(({ is_spike }) => is_spike)).toEqual([]);
    expect(around.filter(({ at }) => at >= hole.fromMinute && at < hole.toMinute)).toEqual([]);
  });

  it('take one noisy client for no spike, however many its denials', () => {
    expect(spikesOn('GET /calm')).toEqual([]);
    const calm = rowAt('GET /calm', 315);
    expect(calm).toMatchObject({ top_client_share: 1, cause: '' });
    expect(Number(calm?.clients)).toBe(1);
  });

  it('tell the causes apart: a lower limit, early retries, a limiter without its store', () => {
    expect(rowAt('GET /usual', 605)).toMatchObject({
      cause: 'policy-change',
      new_policy_versions: 1,
      tightened_policies: 1,
    });
    // A higher limit explains nothing.
    const login = rowAt('POST /login', 904);
    expect(login).toMatchObject({ cause: 'retry-storm', new_policy_versions: 1, tightened_policies: 0 });
    expect(login?.early_share).toBeGreaterThan(0.9);
    const busy = rowAt('GET /busy', 1204);
    expect(busy?.cause).toBe('store-fault');
    expect(busy?.degraded_share).toBeGreaterThan(0.9);
  });

  it('judge nothing before there is a quarter of an hour to compare with', () => {
    expect(rows.filter(({ at, is_spike }) => at < 24 && is_spike)).toEqual([]);
    expect(rowAt('GET /usual', 20)?.baseline_minutes).toBeLessThan(15);
    expect(rowAt('GET /usual', 700)?.baseline_minutes).toBe(111);
  });

  it('come to the same for a part of the time as for all of it', async () => {
    const part = await between(600, 612);
    const names = new Set(part.map(({ dimension, value }) => `${dimension} ${value}`));
    const same = rows.filter(({ at, dimension, value }) => at >= 600 && at < 612 && names.has(`${dimension} ${value}`));
    expect(part).toEqual(same);
  });

  it('stand in a view of the last hour, under the same names', async () => {
    const line = {
      ...{ time: systemClock.nowMs() - minuteMs, emitter: 'n', partition: 1, seq: 1, route: 'GET /now' },
      ...{ outcome: 'denied', count: 50, client: 'c' },
    };
    await engine.insert({
      table: 'decisions_raw',
      rows: [Buffer.from(`${JSON.stringify(line)}\n`)],
      settings: { async_insert: 0 },
    });
    const found = await selectRows<Row>(engine.reader, "SELECT * FROM throttle_spikes WHERE value = 'GET /now'");
    expect(found).toMatchObject([{ dimension: 'route', is_spike: 0, baseline_minutes: 0, cause: '' }]);
    const names = Object.keys(found[0] ?? {});
    expect([...names, 'at']).toEqual(Object.keys(rows[0] ?? {}));
  });
});
