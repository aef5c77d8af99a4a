import { afterAll, beforeAll, expect, it } from 'vitest';
import { instruments } from '../../src/metrics/instruments.ts';
import { msOf, openStage, type Row, type Stage } from '../support/dashboard-stage.ts';
import { hourMs, minuteMs } from '../support/dashboard-traffic.ts';
import { describeWith } from '../support/engines.ts';
import type { MacroContext } from '../support/grafana-macros.ts';
import {
  beatsOf,
  countersTold,
  type Growth,
  gaugeTold,
  growthsOf,
  type Happening,
  minuteOf,
  sampleLines,
  type TellingProcess,
  uptimesTold,
} from '../support/told-figures.ts';

const noonMs = Date.UTC(2026, 4, 4, 12);
const hour: MacroContext = { fromMs: noonMs, toMs: noonMs + hourMs, intervalMs: minuteMs };
const at = (minutes: number): number => noonMs + minutes * minuteMs;
const pipeline = 'tidegate-pipeline';

const old: TellingProcess = {
  ...{ name: 'ingest-old', command: 'ingest', startedAtMs: at(-90), endedAtMs: at(75) },
  unheard: [[at(20), at(30)]],
};
const young: TellingProcess = { name: 'ingest-young', command: 'ingest', startedAtMs: at(15), endedAtMs: at(45) };
/** Its id is set, so that it keeps its name when it starts again. */
const gate: TellingProcess = {
  ...{ name: 'gate-1', command: 'gate', startedAtMs: at(-60), endedAtMs: at(75), tellsUptime: false },
  restartsAtMs: [at(35.2)],
};
const processes = [old, young, gate];

/** So much every few seconds, never the same twice in a row. */
const counted = (process: TellingProcess, facts: Pick<Happening, 'figure' | 'labels'>, everyMs: number): Happening[] =>
  Array.from({ length: Math.floor((process.endedAtMs - process.startedAtMs) / everyMs) }, (_, index) => ({
    ...facts,
    process: process.name,
    atMs: process.startedAtMs + 1000 + index * everyMs,
    amount: 1 + ((index * 7) % 5),
  }));

const [topicA, topicB] = [{ tidegate_topic: 'tidegate.decisions' }, { tidegate_topic: 'tidegate.blocks' }];
/** Seconds from a decision to its being stored. */
const delays = [0.01, 0.07, 0.2, 0.3, 0.3, 0.8, 1.5, 4, 7, 12, 70, 5000];
const bounds = [...instruments.ingestDelay.buckets, Number.POSITIVE_INFINITY];
const observed = Array.from({ length: 700 }, (_, index) => ({
  atMs: at(-60) + index * 11_000,
  seconds: delays[(index * 5 + (index % 3)) % delays.length] ?? 0,
}));
const leOf = (bound: number): string => (bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound));

const happenings: Happening[] = [
  ...counted(old, { figure: 'tidegate_ingest_rows_total', labels: topicA }, 10_000),
  ...counted(young, { figure: 'tidegate_ingest_rows_total', labels: topicA }, 4_000),
  ...counted(young, { figure: 'tidegate_ingest_rows_total', labels: topicB }, 9_000),
  ...counted(old, { figure: 'tidegate_store_calls_saved_total' }, 3_000),
  ...counted(gate, { figure: 'tidegate_events_lost_total' }, 6_000),
  { process: old.name, figure: 'tidegate_ingest_dead_letters_total', labels: topicA, atMs: at(40), amount: 3 },
  { process: young.name, figure: 'tidegate_ingest_dead_letters_total', labels: topicB, atMs: at(15.1), amount: 2 },
  ...observed.flatMap(({ atMs, seconds }) =>
    bounds
      .filter((bound) => seconds <= bound)
      .map((bound) => ({
        ...{ process: old.name, figure: 'tidegate_ingest_delay_seconds_bucket', atMs, amount: 1 },
        labels: { ...topicA, le: leOf(bound) },
      })),
  ),
];

const ownLag = (ms: number): number => Math.round((ms - at(0)) / 1e4);
const partition = (index: number) => ({ ...topicA, tidegate_partition: String(index) });
const told = [
  ...countersTold(processes, happenings),
  ...uptimesTold(processes),
  ...gaugeTold(gate, { figure: 'tidegate_info', at: () => 1, labels: { tidegate_command: 'gate' } }),
  // Partition 0 goes from the old process to the young one, and its lag with it.
  ...gaugeTold(old, { figure: 'tidegate_ingest_lag', labels: partition(0), at: (ms) => (ms < at(40) ? 500 : null) }),
  ...gaugeTold(young, { figure: 'tidegate_ingest_lag', labels: partition(0), at: (ms) => (ms < at(40) ? null : 100) }),
  ...gaugeTold(old, {
    figure: 'tidegate_ingest_lag',
    labels: partition(1),
    at: (ms) => Math.round((ms - at(0)) / 1e4),
  }),
  ...gaugeTold(old, { figure: 'tidegate_block_list_age_seconds', at: () => 2 }),
  ...gaugeTold(gate, { figure: 'tidegate_block_list_age_seconds', at: (ms) => (ms > at(50) ? 90 : 1) }),
];

const inHour = (growths: readonly Growth[]): Growth[] =>
  growths.filter(({ atMs }) => atMs >= hour.fromMs && atMs <= hour.toMs);
const growths = (figure: string): Growth[] => inHour(growthsOf(processes, happenings, figure));
const topicOf = ({ labels }: Growth): string => labels['tidegate_topic'] ?? '';

/** Point → label → number. */
const byPoint = (rows: readonly Row[], label: string, value: string): Record<string, number> =>
  Object.fromEntries(
    rows
      .filter((row) => row[value] !== null)
      .map((row) => [`${msOf(row['time_bucket'])} ${row[label] ?? ''}`, Number(row[value])]),
  );
const summed = (items: readonly (readonly [string, number])[]): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const [key, number] of items) sums[key] = (sums[key] ?? 0) + number;
  return sums;
};
const nonZero = (numbers: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== 0));
const close = (numbers: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).map(([key, number]) => [key, Number(number.toFixed(6))]));

describeWith('chdb', 'what processes tell of themselves, on dashboards', (url) => {
  let stage: Stage;
  const panel = (name: string, context = hour): Promise<Row[]> => stage.panel(pipeline, name, context);
  beforeAll(async () => {
    stage = await openStage(url);
    await stage.engine.insert({ table: 'health_samples', rows: [sampleLines(told)], settings: {} });
  });
  afterAll(() => stage.engine.close());

  it('a counter grows by what happened, a series that begins late from 0, a new process from its start', async () => {
    const letters = growths('tidegate_ingest_dead_letters_total');
    expect(letters.reduce((sum, { grown }) => sum + grown, 0)).toBe(5);
    expect(Number((await panel('Dead letters A'))[0]?.['dead_letters'])).toBe(5);
    const rows = await panel('Dead letters by topic A');
    expect(nonZero(byPoint(rows, 'topic', 'dead_letters'))).toEqual(
      nonZero(summed(letters.map((one) => [`${minuteOf(one.atMs)} ${topicOf(one)}`, one.grown]))),
    );
  });

  it('a process that starts again under its name has grown by what it counted since', async () => {
    const [lost] = await panel('Decisions lost A');
    const grown = growths('tidegate_events_lost_total').reduce((sum, one) => sum + one.grown, 0);
    expect(Number(lost?.['decisions'])).toBe(grown);
    const taken = happenings.filter(
      ({ figure, atMs }) => figure === 'tidegate_events_lost_total' && atMs >= at(0) && atMs <= at(60),
    );
    expect(grown).toBeLessThan(taken.reduce((sum, { amount }) => sum + amount, 0));
  });

  it('a rate adds up two processes, and spreads what grew unheard over the time that was', async () => {
    const series = new Map<string, { grown: number; seconds: number; point: string }>();
    for (const one of growths('tidegate_ingest_rows_total')) {
      const point = `${minuteOf(one.atMs)} ${topicOf(one)}`;
      const key = `${point} ${one.process}`;
      const isFirst = one.sinceMs === young.startedAtMs && one.process === young.name;
      const seconds = isFirst ? 30 : (one.atMs - one.sinceMs) / 1000;
      const before = series.get(key) ?? { grown: 0, seconds: 0, point };
      series.set(key, { point, grown: before.grown + one.grown, seconds: before.seconds + seconds });
    }
    const expected = summed(
      [...series.values()].map(({ point, grown, seconds }) => [point, grown / Math.max(60, seconds)]),
    );
    const shown = byPoint(await panel('Rows stored per second A'), 'topic', 'rows');
    const whole = Object.fromEntries(Object.entries(expected).filter(([key]) => Number(key.split(' ')[0]) < hour.toMs));
    expect(close(shown)).toEqual(close(whole));
  });

  it('a gap is a hole in the line, and no fall to zero', async () => {
    const rows = await stage.panel('tidegate-abuse', 'Refused, and store calls spared B', hour);
    const inGap = rows.filter((row) => msOf(row['time_bucket']) >= at(21) && msOf(row['time_bucket']) < at(29));
    expect(inGap).toHaveLength(8);
    expect(new Set(inGap.map((row) => row['store_calls_spared']))).toEqual(new Set([null]));
    const others = rows
      .filter((row) => row['store_calls_spared'] !== null)
      .map((row) => Number(row['store_calls_spared']));
    expect(Math.min(...others)).toBeGreaterThan(0.5);
    expect(Math.max(...others)).toBeLessThan(1.5);
  });

  it('a partition that changes hands is counted once', async () => {
    const rows = byPoint(await panel('Lag by topic A'), 'topic', 'records');
    const most = (minute: number): number =>
      Math.max(
        ...beatsOf(old)
          .filter((ms) => minuteOf(ms) === at(minute))
          .map(ownLag),
      );
    expect(rows[`${at(10)} tidegate.decisions`]).toBe(500 + most(10));
    expect(rows[`${at(39)} tidegate.decisions`]).toBe(500 + most(39));
    expect(rows[`${at(42)} tidegate.decisions`]).toBe(100 + most(42));
    const [now] = await panel('Lag A', { ...hour, toMs: at(44) });
    expect(Number(now?.['records'])).toBeLessThan(500);
  });

  it('quantiles are those of the observations, as finely as buckets tell', async () => {
    const rows = await panel('From decision to database A');
    const told = growthsOf(processes, happenings, 'tidegate_ingest_delay_seconds_bucket').filter(
      ({ labels }) => labels['le'] === '+Inf',
    );
    let compared = 0;
    for (const row of rows.filter((one) => one['p50'] !== null)) {
      const beats = told.filter(({ atMs }) => minuteOf(atMs) === msOf(row['time_bucket']) && atMs >= hour.fromMs);
      const seconds = observed
        .filter(({ atMs }) => beats.some((beat) => atMs > beat.sinceMs && atMs <= beat.atMs))
        .map((one) => one.seconds)
        .sort((a, b) => a - b);
      for (const [name, q] of [
        ['p50', 0.5],
        ['p95', 0.95],
        ['p99', 0.99],
      ] as const) {
        const exact = seconds[Math.ceil(q * seconds.length) - 1] ?? Number.NaN;
        const index = bounds.findIndex((bound) => exact <= bound);
        const [lower, upper] = [bounds[index - 1] ?? 0, bounds[index] ?? 0];
        const shown = Number(row[name]);
        expect(shown).toBeGreaterThanOrEqual(Math.min(lower, 3600));
        expect(shown).toBeLessThanOrEqual(Math.min(upper, 3600));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(120);
  });

  it('shows each gate by its block list, the oldest ones by name and the others together', async () => {
    const rows = await stage.panel('tidegate-limiter', 'Age of the block list A', hour);
    const ages = byPoint(rows, 'gate', 'seconds');
    expect(ages[`${at(10)} gate-1`]).toBe(1);
    expect(ages[`${at(55)} gate-1`]).toBe(90);
    expect(ages[`${at(55)} ingest-old`]).toBe(2);
    const [oldest] = await stage.panel('tidegate-limiter', 'Oldest block list A', hour);
    expect(Number(oldest?.['seconds'])).toBe(90);
  });

  it('tells which processes started, which are there, and which fell silent', async () => {
    const starts = (await panel('Processes started A')).filter((row) => row['processes'] !== null);
    expect(starts.map((row) => [msOf(row['time_bucket']), row['what'], Number(row['processes'])])).toEqual([
      [at(15), 'ingest', 1],
    ]);
    const rows = await panel('Processes A');
    expect(rows.map(({ process }) => process)).toEqual(['ingest-young', 'ingest-old']);
    expect(Number(rows[0]?.['silent_seconds'])).toBeGreaterThan(14 * 60);
    expect(Number(rows[1]?.['silent_seconds'])).toBeLessThan(60);
    const gates = await stage.panel('tidegate-limiter', 'Gates and versions A', hour);
    expect(gates.map((row) => [row['gate'], row['list_age_seconds']])).toEqual([['gate-1', 90]]);
  });
});
