import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeEvent } from '../../src/event/event-codec.ts';
import { precisionOf } from '../../src/review/precision.ts';
import { msOf, openStage, type Row, type Stage } from '../support/dashboard-stage.ts';
import { hourMs, minuteMs } from '../support/dashboard-traffic.ts';
import { describeWith } from '../support/engines.ts';
import { reviewAt } from '../support/told-blocks.ts';
import { beatsOf, type Growth, growthsOf, minuteOf, sampleLines } from '../support/told-figures.ts';
import {
  at,
  blockRows,
  bounds,
  decisions,
  happenings,
  hour,
  observed,
  old,
  ownLag,
  processes,
  reviewed,
  told,
  young,
} from '../support/told-hour.ts';

const pipeline = 'tidegate-pipeline';
const abuse = 'tidegate-abuse';

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
    const put = (table: string, rows: Buffer): Promise<void> =>
      stage.engine.insert({ table, rows: [rows], settings: {} });
    await put('health_samples', sampleLines(told));
    await put('blocks', blockRows);
    await put('decisions_raw', Buffer.from(decisions.map((event) => `${encodeEvent(event)}\n`).join('')));
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

  it('a rate over days, from the last sample of each point, is the rate all the same', async () => {
    const rows = await panel('Rows stored per second A', { ...hour, intervalMs: 15 * minuteMs });
    const rates = byPoint(rows, 'topic', 'rows');
    // A row every 10 s, every 4 s and every 9 s, three at a time on average.
    const perSecond = { old: 0.3, young: 0.75, youngBlocks: 1 / 3 };
    const expected = {
      [`${at(0)} tidegate.decisions`]: perSecond.old,
      [`${at(30)} tidegate.decisions`]: perSecond.old + perSecond.young,
      [`${at(15)} tidegate.blocks`]: perSecond.youngBlocks,
      [`${at(30)} tidegate.blocks`]: perSecond.youngBlocks,
    };
    for (const [point, rate] of Object.entries(expected)) {
      expect(Math.abs((rates[point] ?? 0) / rate - 1), point).toBeLessThan(0.1);
    }
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

  it('precision counts what people said last of each block, with the interval that rules are judged by', async () => {
    const rows = await stage.panel(abuse, 'Precision of rules A', hour);
    const expected = precisionOf({ confirmed: 2, falsePositives: 1 });
    const [breadth, depth] = rows;
    expect(breadth).toMatchObject({ by_rule: 'breadth', content: 'aaa' });
    expect(
      ['made', 'confirmed', 'false_positives', 'goodwill', 'judged'].map((name) => Number(breadth?.[name])),
    ).toEqual([6, 2, 1, 1, 3]);
    for (const name of ['share', 'low', 'high'] as const) {
      expect(Number(breadth?.[name])).toBeCloseTo(expected?.[name] ?? Number.NaN, 10);
    }
    expect(depth).toMatchObject({ by_rule: 'depth', share: null, low: null, high: null });
  });

  it('what waits for people is told as it was at each moment', async () => {
    const rows = await stage.panel(abuse, 'Review age A', hour);
    const shown = rows.map((row) => [msOf(row['time_bucket']), Number(row['waiting']), Number(row['oldest'])]);
    const expected = Array.from({ length: 60 }, (_, minute) => {
      const { waiting, oldest } = reviewAt(reviewed, at(minute + 1));
      return [at(minute), waiting, oldest];
    });
    expect(shown).toEqual(expected);
    // Of b-3 the judgement was taken back: it waits again.
    const [waiting] = await stage.panel(abuse, 'Waiting for review A', hour);
    const [oldest] = await stage.panel(abuse, 'Oldest unreviewed A', hour);
    expect(Number(waiting?.['blocks'])).toBe(3);
    expect(Number(oldest?.['seconds'])).toBe(45 * 60);
  });

  it('blocks are counted once, by rule and by mode, and nothing that is no block', async () => {
    const count = (rows: readonly Row[], label: string, value: string) =>
      summed(rows.filter((row) => row[value] !== null).map((row) => [String(row[label]), Number(row[value])]));
    const [rules, modes, lifts] = await Promise.all(
      ['Blocks made, by rule A', 'Blocks made, by mode A', 'Lifts, by reason A'].map((name) =>
        stage.panel(abuse, name, hour),
      ),
    );
    expect(count(rules ?? [], 'which', 'blocks')).toEqual({ breadth: 6, depth: 2, manual: 1 });
    expect(count(modes ?? [], 'which', 'blocks')).toEqual({ active: 7, proposed: 1, shadow: 1 });
    expect(count(lifts ?? [], 'why', 'lifts')).toEqual({ 'false-positive': 1, goodwill: 1 });
  });

  it('marks tell of blocks and lifts alone, each once: of no allow entry, shadow, proposal or comment', async () => {
    const rows = await stage.panel('tidegate-overview', 'Blocks and lifts', { ...hour, intervalMs: hourMs });
    expect(rows.map(({ title, text, tags }) => [title, text, tags]).sort()).toEqual([
      ['2 lifted', 'breadth', 'lift'],
      ['7 blocked', 'breadth, manual', 'block'],
    ]);
    const marks = await stage.panel('tidegate-overview', 'Blocks and lifts', hour);
    expect(marks.filter(({ tags }) => tags === 'lift').map(({ time }) => msOf(time))).toEqual([at(43), at(44)]);
  });

  it('who still knocks is told with the block that keeps them out', async () => {
    const rows = await stage.panel(abuse, 'Still knocking A', hour);
    expect(rows.map((row) => [row['block'], row['who'], Number(row['refused']), Number(row['clients'])])).toEqual([
      ['b-6', 'ip:client of b-6', 210, 1],
      ['b-8', 'ip:client of b-8', 210, 4],
    ]);
    expect(rows.map((row) => row['state_now'])).toEqual(['active', 'proposed']);
    expect(msOf(rows[1]?.['ends'])).toBe(at(600));
    const [wanted] = await stage.panel(abuse, 'Most wanted A', hour);
    expect(wanted).toMatchObject({ who: 'ip:eve', early_share: 1 / 3 });
    expect(Number(wanted?.['all_denied'])).toBe(1800);
  });

  it('who decided, how fast and how often without the store, are those of the decisions', async () => {
    const limiter = (name: string): Promise<Row[]> => stage.panel('tidegate-limiter', name, hour);
    const sources = (await limiter('Decisions by source A')).filter((row) => msOf(row['time_bucket']) === at(10));
    expect(
      Object.fromEntries(sources.map((row) => [row['source'], Math.round(Number(row['decisions']) * 60)])),
    ).toEqual({
      ...{ store: 900, lease: 60, 'deny-cache': 30, fallback: 10, 'block-list': 7 },
    });
    const [shares] = (await limiter('Leases and deny cache A')).slice(10);
    expect(Number(shares?.['lease'])).toBeCloseTo(0.06, 10);
    expect(Number(shares?.['deny_cache'])).toBeCloseTo(0.03, 10);
    const [degraded] = await limiter('Degraded A');
    expect(Number(degraded?.['share'])).toBe(0.01);
    const [slow] = await limiter('Over the deadline A');
    expect(Number(slow?.['share'])).toBeCloseTo(10 / 1007, 10);
    const p99 = (await limiter('Latency by source, p99 A')).find((row) => row['source'] === 'store');
    expect(Number(p99?.['seconds'])).toBeGreaterThan(0.002);
    expect(Number(p99?.['seconds'])).toBeLessThan(0.0041);
  });
});
