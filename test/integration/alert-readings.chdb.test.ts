import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DecisionQuestionName, decisionQuestions, type Reading } from '../../src/alert/definition.ts';
import { ClickHouseAlertReadings } from '../../src/clickhouse/alert-readings.ts';
import { alertNumbers, alertSeries, alertTable } from '../../src/clickhouse/alert-statements.ts';
import { questionSettings } from '../../src/clickhouse/bounded-questions.ts';
import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';
import { expandMacros } from '../support/grafana-macros.ts';

const minuteMs = 60_000;
const hostile = `"; DROP TABLE decisions_raw; --'`;
/** A busy machine is no failure. */
const bounds = { maxSeconds: 60 };
const tenants = ['acme', 'umbrella', hostile];

interface Minute {
  readonly atMs: number;
  readonly denied: (tenant: string) => number;
  readonly slow?: boolean;
  readonly degraded?: boolean;
  /** Whose decisions alone are slow and degraded, in a region of their own. Default: everybody's, in one. */
  readonly only?: readonly string[];
  /** Of those outside of that region. Default 300. */
  readonly allowedElsewhere?: number;
}

describeWith('chdb', 'readings of alerts about decisions', (url) => {
  const nowMs = Math.floor(systemClock.nowMs() / minuteMs) * minuteMs + 20_000;
  // Days apart, so that one story is not the other's baseline.
  const storyMs = (index: number): number => nowMs - index * 20 * 24 * 60 * minuteMs;
  let engine: ClickHouseEngine;
  let readings: ClickHouseAlertReadings;
  let seq = 0;

  const linesOf = ({ atMs, denied, slow, degraded, only, allowedElsewhere = 300 }: Minute): string[] => {
    const line = (tenant: string, fields: object): string => {
      seq += 1;
      const isHurt = only?.includes(tenant) ?? true;
      return JSON.stringify({
        ...{ time: atMs, emitter: 'g', partition: 0, seq, tenant, route: `GET /${tenant}`, policy: 'p' },
        ...{ client_kind: 'ip', cost: 1, region: only && isHurt ? 'us' : 'eu' },
        ...{ latency_us: slow && isHurt ? 65_536 : 1024, degraded: degraded && isHurt ? 'timeout' : '' },
        ...fields,
      });
    };
    return tenants.flatMap((tenant) => [
      line(tenant, { outcome: 'allowed', client: 'ok', count: only?.includes(tenant) ? 300 : allowedElsewhere }),
      ...Array.from({ length: 10 }, (_, client) =>
        line(tenant, { outcome: 'denied', client: `c${client}`, count: denied(tenant) }),
      ),
    ]);
  };
  /** Minutes before the story's instant, the newest of them 0. */
  const story = (index: number, minutes: number, of: (ago: number) => Omit<Minute, 'atMs'>): string[] =>
    Array.from({ length: minutes }, (_, ago) => ({
      atMs: storyMs(index) - ago * minuteMs - 15_000,
      ...of(ago),
    })).flatMap(linesOf);
  const read = (question: DecisionQuestionName, index: number): Promise<readonly Reading[]> =>
    readings.read(question, storyMs(index));
  const firing = async (question: DecisionQuestionName, index: number): Promise<string[]> =>
    (await read(question, index))
      .filter(({ isFiring }) => isFiring)
      .map(({ labels }) => `${labels.dimension} ${labels.name}`);

  beforeAll(async () => {
    engine = await openChdb({ folder: url.slice('chdb:'.length), questionSettings: questionSettings(bounds) });
    await migrate({ engine, logger: silentLogger, options: { rawTtlDays: 0, dedupWindow: 100 } });
    const lines = [
      ...story(0, 135, (ago) => ({ denied: (tenant) => (ago < 2 && tenant === hostile ? 20 : 1) })),
      ...story(1, 135, (ago) => ({ denied: () => (ago < 2 ? 20 : 1) })),
      ...story(2, 90, () => ({ denied: (tenant) => (tenant === 'acme' ? 270 : 1), slow: true, degraded: true })),
      ...story(3, 135, () => ({ denied: () => 1 })),
      ...story(4, 90, () => ({ denied: () => 1, slow: true, degraded: true, only: ['acme'] })),
      ...story(5, 90, () => ({ denied: (tenant) => (tenant === 'acme' ? 270 : 1), only: ['acme'] })),
      ...story(6, 135, (ago) => ({
        denied: (tenant) => (ago < 2 && tenant !== hostile ? 20 : 1),
        only: ['acme', 'umbrella'],
        allowedElsewhere: 3000,
      })),
    ];
    const rows = [Buffer.from(`${lines.join('\n')}\n`)];
    await engine.insert({ table: 'decisions_raw', rows, settings: { async_insert: 0 } });
    readings = new ClickHouseAlertReadings({ engine, bounds });
  }, 120_000);
  afterAll(() => engine.close());

  it('tell a spike of one tenant once, of that tenant, whatever it is called', async () => {
    expect(await firing('throttle-spike', 0)).toEqual([`tenant ${hostile}`]);
    const [spike] = await read('throttle-spike', 0);
    expect(spike).toMatchObject({ cause: 'real-demand', numbers: { denied: 410, clients: 10, explains: 1 } });
    expect(spike?.value).toBe(spike?.numbers.z);
  });

  it('tell a spike that is everywhere once, of all', async () => {
    expect(await firing('throttle-spike', 1)).toEqual(['all all']);
  });

  it('tell nothing where nothing is wrong, and keep to what was told while no data comes', async () => {
    for (const question of decisionQuestions) expect(await firing(question, 3)).toEqual([]);
    const later = await readings.read('throttle-spike', storyMs(1) + 8 * minuteMs);
    expect(later.filter(({ isFiring }) => isFiring).map(({ labels }) => labels.dimension)).toEqual(['all']);
    expect(await readings.read('throttle-spike', storyMs(1) + 15 * minuteMs)).toEqual([]);
  });

  it('tell a budget that burns in both windows, by whom, and one of latencies and of the store', async () => {
    expect(await firing('throttle-burn-fast', 2)).toContain('tenant acme');
    expect(await firing('throttle-burn-fast', 0)).toEqual([]);
    const [burn] = (await read('throttle-burn-fast', 2)).filter(({ labels }) => labels.name === 'acme');
    // 2,700 of 3,000, of which 5 % would be allowed.
    expect(burn).toMatchObject({ cause: 'store-fault', numbers: { throttleRate: 0.9, degradedDenialShare: 1 } });
    expect(burn?.value).toBeCloseTo(18);
    expect(await firing('throttle-burn-slow', 2)).toContain('tenant acme');
    expect(await firing('degraded-decisions', 2)).toEqual(['all all']);
    expect(await firing('deadline-budget', 2)).toEqual(['all all']);
    expect((await read('deadline-budget', 2))[0]).toMatchObject({ value: 1000, numbers: { slowShare: 1 } });
  });

  it.each(['deadline-budget', 'degraded-decisions'] as const)(
    'tell %s of one region once, of that region',
    async (question) => {
      expect(await firing(question, 4)).toEqual(['region us']);
      // 310 decisions a minute of 930: all of them.
      const rows = await read(question, 4);
      const share = question === 'deadline-budget' ? 'slowShare' : 'degradedShare';
      expect(rows.map(({ labels, numbers }) => [labels.name, numbers[share]?.toFixed(3)])).toEqual([
        ['us', '1.000'],
        ['all', '0.333'],
        ['eu', '0.000'],
      ]);
    },
  );

  it.each([
    ['throttle-burn-fast', 5, { clients: 10, topClientShare: 0.1 }],
    ['throttle-spike', 0, { clients: 10 }],
  ] as const)(
    'of %s say nothing of the clients of a region, since they are not known',
    async (question, index, known) => {
      const rows = await read(question, index);
      const numbersOf = (dimension: string) => rows.find(({ labels }) => labels.dimension === dimension)?.numbers;
      expect(numbersOf('tenant')).toMatchObject(known);
      expect(numbersOf('region')?.throttleRate).toBeGreaterThan(0);
      for (const unknown of ['clients', 'topClientShare', 'earlyShare']) {
        expect(numbersOf('region')).not.toHaveProperty(unknown);
      }
    },
  );

  it('tell a spike of a region without a cause that speaks of its clients', async () => {
    const [told, ...others] = (await read('throttle-spike', 6)).filter(({ isFiring }) => isFiring);
    expect(told).toMatchObject({ labels: { dimension: 'region', name: 'us' }, cause: null });
    expect(others).toEqual([]);
  });

  it.each(decisionQuestions)('of %s are at most a hundred, and of finite numbers', async (question) => {
    const found = [...(await read(question, 0)), ...(await read(question, 2))];
    expect(found.length).toBeGreaterThan(0);
    for (const { labels, numbers, value } of found) {
      expect(Object.keys(labels)).toEqual(['dimension', 'name']);
      const unknown = labels.dimension === 'region' ? ['clients', 'topClientShare', 'earlyShare'] : [];
      const names = alertNumbers[question];
      expect(names).toEqual(expect.arrayContaining(Object.keys(numbers)));
      expect(unknown).toEqual(expect.arrayContaining(names.filter((name) => !Object.hasOwn(numbers, name))));
      expect([value, ...Object.values(numbers)].filter((number) => !Number.isFinite(number))).toEqual([]);
    }
  });

  it.each(decisionQuestions)(
    'of %s are what Grafana gets: labels and one number, or one wide frame',
    async (question) => {
      for (const number of ['firing', 'cause']) {
        const rows = await selectRows<Record<string, unknown>>(engine.reader, alertTable(question, { number }));
        expect(rows.length).toBeGreaterThan(0);
        expect(Object.keys(rows[0] ?? {})).toEqual(['dimension', 'name', number]);
        expect(rows.filter((row) => typeof row[number] !== 'number')).toEqual([]);
      }
      const range = { fromMs: nowMs - 60 * minuteMs, toMs: nowMs, intervalMs: minuteMs };
      const series = await selectRows<Record<string, unknown>>(
        engine.reader,
        expandMacros(alertSeries(question), range),
      );
      expect(series.length).toBeGreaterThan(50);
      expect(Object.keys(series[0] ?? {})[0]).toBe('time_bucket');
      const times = series.map((row) => String(row['time_bucket']));
      expect(times).toEqual([...new Set(times)].sort());
    },
  );
});
