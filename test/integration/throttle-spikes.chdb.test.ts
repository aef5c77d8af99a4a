import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClickHouseEngine, execute, selectRows } from '../../src/clickhouse/engine.ts';
import { migrate } from '../../src/clickhouse/migrate.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { silentLogger } from '../../src/logger.ts';
import { describeWith } from '../support/engines.ts';

const minuteMs = 60_000;
const startMs = 1_750_000_020_000 - (1_750_000_020_000 % 86_400_000);
const minutes = 1440;

/** A day of requests, by route: [mean a minute, share denied], with a daily cycle and noise that a formula makes. */
const routes = [
  { route: 'GET /busy', perMinute: 2000, share: 0.02 },
  { route: 'GET /usual', perMinute: 400, share: 0.05 },
  { route: 'POST /login', perMinute: 120, share: 0.01 },
  { route: 'GET /quiet', perMinute: 4, share: 0.1 },
  { route: 'GET /calm', perMinute: 300, share: 0 },
] as const;

interface Injected {
  readonly route: string;
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly share: number;
  readonly clients: number;
  readonly early?: number;
  readonly degraded?: boolean;
}

const injected: readonly Injected[] = [
  // Two spikes.
  { route: 'GET /usual', fromMinute: 600, toMinute: 610, share: 0.4, clients: 40 },
  { route: 'POST /login', fromMinute: 900, toMinute: 906, share: 0.5, clients: 25, early: 1 },
  // One client alone, that nobody else suffers from.
  { route: 'GET /calm', fromMinute: 300, toMinute: 330, share: 0.5, clients: 1 },
  // The limiter itself.
  { route: 'GET /busy', fromMinute: 1200, toMinute: 1205, share: 0.6, clients: 60, degraded: true },
];

/** 0 to 1, the same in every run. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
};

const linesOf = (): string[] => {
  const lines: string[] = [];
  let seq = 0;
  const put = (minute: number, route: string, fields: object): void => {
    seq += 1;
    const time = startMs + minute * minuteMs + (seq % 50_000);
    const common = { emitter: 'gate', partition: 0, seq, tenant: 'acme', region: 'eu', client_kind: 'ip', policy: 'p' };
    lines.push(JSON.stringify({ time, ...common, route, cost: 1, ...fields }));
  };
  for (let minute = 0; minute < minutes; minute += 1) {
    routes.forEach(({ route, perMinute, share }, index) => {
      const cycle = 1 + 0.5 * Math.sin((2 * Math.PI * minute) / minutes);
      const all = Math.round(perMinute * cycle * (0.8 + 0.4 * noise(minute * 7 + index)));
      const spike = injected.find(
        ({ route: of, fromMinute, toMinute }) => of === route && minute >= fromMinute && minute < toMinute,
      );
      const denied = Math.round(all * (spike?.share ?? share * (0.6 + 0.8 * noise(minute * 13 + index))));
      const clients = Math.min(denied, spike?.clients ?? 8);
      for (let client = 0; client < clients; client += 1) {
        const count = Math.floor(denied / clients) + (client < denied % clients ? 1 : 0);
        const degraded = spike?.degraded ? 'timeout' : '';
        const early = Math.round(count * (spike?.early ?? 0));
        put(minute, route, { outcome: 'denied', client: `c${client}`, count, early, degraded });
      }
      const rest = { outcome: 'allowed', client: 'all', degraded: spike?.degraded ? 'timeout' : '' };
      if (all > denied) put(minute, route, { ...rest, count: all - denied });
    });
  }
  return lines;
};

interface Row {
  readonly minute: string;
  readonly dimension: string;
  readonly value: string;
  readonly z: number;
  readonly clients: string | number;
  readonly baseline_minutes: number;
  readonly top_client_share: number;
  readonly early_share: number;
  readonly degraded_share: number;
  readonly new_policy_versions: number;
  readonly is_spike: number;
  readonly cause: string;
}

describeWith('chdb', 'the statistics of denial spikes', (url) => {
  let engine: ClickHouseEngine;
  let rows: readonly (Row & { at: number })[];

  const between = async (fromMinute: number, toMinute: number): Promise<(Row & { at: number })[]> => {
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
    await migrate({ engine, logger: silentLogger, options: { dedupWindow: 100 } });
    const settings = { async_insert: 0 };
    await engine.insert({ table: 'decisions_raw', rows: [Buffer.from(`${linesOf().join('\n')}\n`)], settings });
    const load = (minute: number, version: string): string =>
      JSON.stringify({ time: startMs + minute * minuteMs, emitter: 'g', partition: 0, seq: 1, gate: 'g', version });
    const loads = [load(0, 'aaaa'), load(595, 'bbbb'), load(899, 'bbbb')].join('\n');
    await engine.insert({ table: 'policies', rows: [Buffer.from(`${loads}\n`)], settings });
    rows = await between(0, minutes);
  }, 120_000);
  afterAll(() => engine.close());

  it('find both spikes while they last', () => {
    const [usual, login] = [spikesOn('GET /usual'), spikesOn('POST /login')];
    for (let minute = 601; minute < 610; minute += 1) expect(usual).toContain(minute);
    for (let minute = 901; minute < 906; minute += 1) expect(login).toContain(minute);
  });

  it('raise no other alarm in a day, but for the five minutes that still hold a spike', () => {
    const allowed = (route: string, from: number, to: number): number[] =>
      spikesOn(route).filter((minute) => minute < from || minute >= to + 5);
    expect(allowed('GET /usual', 600, 610)).toEqual([]);
    expect(allowed('POST /login', 900, 906)).toEqual([]);
    expect(allowed('GET /busy', 1200, 1205)).toEqual([]);
    expect(spikesOn('GET /quiet')).toEqual([]);
  });

  it('take one noisy client for no spike, however far it is from the baseline', () => {
    expect(spikesOn('GET /calm')).toEqual([]);
    const calm = rowAt('GET /calm', 315);
    expect(calm?.z).toBeGreaterThan(6);
    expect(calm).toMatchObject({ top_client_share: 1, cause: '' });
    expect(Number(calm?.clients)).toBe(1);
  });

  it('tell the causes apart: a change of policies, early retries, a limiter without its store', () => {
    expect(rowAt('GET /usual', 605)).toMatchObject({ cause: 'policy change', new_policy_versions: 1 });
    expect(rowAt('GET /usual', 605)?.top_client_share).toBeLessThan(0.1);
    const login = rowAt('POST /login', 904);
    expect(login).toMatchObject({ cause: 'early retries', new_policy_versions: 0 });
    expect(login?.early_share).toBeGreaterThan(0.9);
    const busy = rowAt('GET /busy', 1204);
    expect(busy?.cause).toBe('degraded');
    expect(busy?.degraded_share).toBeGreaterThan(0.9);
  });

  it('judge nothing before there is an hour to compare with', () => {
    expect(rows.filter(({ at, is_spike }) => at < 69 && is_spike)).toEqual([]);
    expect(rowAt('GET /usual', 60)?.baseline_minutes).toBeLessThan(60);
    expect(rowAt('GET /usual', 600)?.baseline_minutes).toBe(111);
  });

  it('come to the same for a part of the time as for all of it', async () => {
    const part = await between(600, 612);
    const same = rows.filter(({ at }) => at >= 600 && at < 612);
    expect(part).toEqual(same);
  });

  it('stand in a view of the last hour, under the same names', async () => {
    const nowMs = systemClock.nowMs();
    const line = {
      time: nowMs - minuteMs,
      emitter: 'n',
      partition: 1,
      seq: 1,
      route: 'GET /now',
      outcome: 'denied',
      count: 5,
    };
    await engine.insert({
      table: 'decisions_raw',
      rows: [Buffer.from(`${JSON.stringify({ ...line, client: 'c' })}\n`)],
      settings: { async_insert: 0 },
    });
    const found = await selectRows<Row>(engine.reader, "SELECT * FROM throttle_spikes WHERE value = 'GET /now'");
    expect(found).toMatchObject([{ dimension: 'route', is_spike: 0, baseline_minutes: 0, cause: '' }]);
    const names = Object.keys(found[0] ?? {});
    expect([...names, 'at']).toEqual(Object.keys(rows[0] ?? {}));
    await execute(engine.writer, 'DROP VIEW throttle_spikes');
  });
});
