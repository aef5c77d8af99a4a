import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FigureQuestion, Term } from '../../../src/alert/definition.ts';
import { evaluateFigures } from '../../../src/alert/figures/evaluate.ts';
import type { Sample } from '../../../src/metrics/sample.ts';
import { windowOver } from '../../support/health-plays.ts';

const atMs = Date.UTC(2026, 0, 1);
const secondMs = 1000;
const minuteMs = 60 * secondMs;

interface Told {
  readonly agoMs: number;
  readonly value: number;
  readonly process?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const told = (figure: string, samples: readonly Told[]): Sample[] =>
  samples.map(({ agoMs, value, process = 'one', labels = {} }) => ({
    ...{ figure, process, labels, value, atMs: atMs - agoMs },
    ...{ command: 'ingest', region: 'eu' },
  }));

const lag = (samples: readonly Told[]) => told('tidegate_ingest_lag', samples);
const lost = (samples: readonly Told[]) => told('tidegate_events_lost_total', samples);

const lastLag: Term = { figure: 'ingestLag', reading: 'last', windowMs: 2 * minuteMs, across: 'sum' };
const growth: Term = { figure: 'eventsLost', reading: 'increase', windowMs: 10 * minuteMs, across: 'sum' };
const asking = (question: Partial<FigureQuestion> & Pick<FigureQuestion, 'value'>): FigureQuestion => ({
  kind: 'figures',
  by: [],
  bound: { above: 0 },
  ...question,
});

const readings = (question: FigureQuestion, samples: readonly Sample[]) =>
  evaluateFigures(question, windowOver(samples), atMs);
const firstValue = (question: FigureQuestion, samples: readonly Sample[]): number | undefined =>
  readings(question, samples)[0]?.value;

describe('a question about figures', () => {
  it('takes the newest of what a process told, and adds up processes', () => {
    const samples = lag([
      { agoMs: 60_000, value: 5 },
      { agoMs: 30_000, value: 7 },
      { agoMs: 20_000, value: 2, process: 'two' },
    ]);
    expect(firstValue(asking({ value: lastLag }), samples)).toBe(9);
  });

  it('has no answer where nothing was told lately: a gap is no zero, and nothing is well', () => {
    expect(readings(asking({ value: lastLag }), lag([{ agoMs: 2 * minuteMs, value: 5 }]))).toEqual([]);
    expect(readings(asking({ value: growth }), lost([{ agoMs: 1000, value: 5 }]))).toEqual([]);
  });

  it('is answered by a hundred thousand series, too', () => {
    const many = lag(Array.from({ length: 150_000 }, (_, n) => ({ agoMs: 1000, value: n, process: `p${n}` })));
    expect(firstValue(asking({ value: { ...lastLag, across: 'max' } }), many)).toBe(149_999);
    expect(firstValue(asking({ value: { ...lastLag, across: 'min' } }), many)).toBe(0);
  });

  it('knows nothing of what is told later than it asks', () => {
    expect(readings(asking({ value: lastLag }), lag([{ agoMs: -1, value: 5 }]))).toEqual([]);
  });

  it('counts a partition that two processes tell of once, at its worst', () => {
    const samples = lag([
      { agoMs: 30_000, value: 5, labels: { tidegate_topic: 't', tidegate_partition: '1' } },
      { agoMs: 10_000, value: 4, labels: { tidegate_partition: '1', tidegate_topic: 't' }, process: 'two' },
      { agoMs: 10_000, value: 10, labels: { tidegate_topic: 't', tidegate_partition: '2' }, process: 'two' },
    ]);
    const once = asking({ by: ['tidegate_topic'], value: { ...lastLag, eachOnce: ['tidegate_partition'] } });
    expect(readings(once, samples)).toMatchObject([{ labels: { tidegate_topic: 't' }, value: 15 }]);
  });

  it('fires for those beyond the bound, and says of the others that they are well', () => {
    const samples = lag([
      { agoMs: 1000, value: 6 },
      { agoMs: 1000, value: 5, process: 'two' },
    ]);
    const question = asking({ by: ['process'], value: lastLag, bound: { above: 5 } });
    expect(readings(question, samples)).toEqual([
      { labels: { process: 'one' }, isFiring: true, value: 6, numbers: { value: 6, limit: 5 }, cause: null },
      { labels: { process: 'two' }, isFiring: false, value: 5, numbers: { value: 5, limit: 5 }, cause: null },
    ]);
  });

  it('has no answer where it would divide by nothing', () => {
    const share = asking({ value: lastLag, per: { ...lastLag, figure: 'logRecords' } });
    const records = (value: number) => told('tidegate_log_records', [{ agoMs: 1000, value }]);
    const some = lag([{ agoMs: 1000, value: 3 }]);
    expect(firstValue(share, [...some, ...records(4)])).toBe(0.75);
    expect(readings(share, [...some, ...records(0)])).toEqual([]);
    expect(readings(share, some)).toEqual([]);
  });

  it('does not fire while what it depends on does not hold, or is not known', () => {
    const question = asking({
      value: lastLag,
      during: { value: { ...growth, reading: 'rate' }, bound: { above: 0 } },
    });
    const some = lag([{ agoMs: 1000, value: 3 }]);
    const grew = (by: number) => lost([0, by].map((value, nth) => ({ agoMs: 60_000 * (2 - nth), value })));
    expect(readings(question, [...some, ...grew(1)])[0]?.isFiring).toBe(true);
    expect(readings(question, [...some, ...grew(0)])[0]?.isFiring).toBe(false);
    expect(readings(question, some)[0]?.isFiring).toBe(false);
  });

  it('takes silence for 0 where it is told to', () => {
    const question = asking({ value: lastLag, bound: { below: 1 }, whenAbsent: 'fires' });
    expect(readings(question, [])).toMatchObject([{ labels: {}, value: 0, isFiring: true }]);
    expect(readings(asking({ value: lastLag }), [])).toEqual([]);
  });

  it('tells series apart by what they must not be, too', () => {
    const samples = told('tidegate_events_coarsened_total', [
      { agoMs: 60_000, value: 0, labels: { tidegate_step: 'interval' } },
      { agoMs: 1000, value: 9, labels: { tidegate_step: 'interval' } },
      { agoMs: 60_000, value: 0, labels: { tidegate_step: 'client' } },
      { agoMs: 1000, value: 2, labels: { tidegate_step: 'client' } },
    ]);
    const question = asking({ value: { ...growth, figure: 'eventsCoarsened', unless: { tidegate_step: 'interval' } } });
    expect(firstValue(question, samples)).toBe(2);
  });
});

const steps = fc.array(fc.record({ grows: fc.nat(100), restarts: fc.boolean(), isTold: fc.boolean() }), {
  minLength: 2,
  maxLength: 20,
});

describe('growth of a counter', () => {
  it('is what was counted since it was told first, restarts or not, as far as it was told', () => {
    fc.assert(
      fc.property(steps, (parts) => {
        let [total, grown, untold] = [1000, 0, 0];
        const samples: Told[] = [];
        parts.forEach(({ grows, restarts, isTold }, index) => {
          const isFirst = samples.length === 0;
          // What was counted between the last telling and a restart, nobody can know.
          if (restarts && !isFirst) [total, untold] = [0, 0];
          total += grows;
          untold += grows;
          if (!isTold) return;
          if (!isFirst) grown += untold;
          untold = 0;
          samples.push({ agoMs: (parts.length - index) * 20 * secondMs, value: total });
        });
        fc.pre(samples.length >= 2);
        // A restart that counts beyond where it was looks like none: then less is seen than there was, never more.
        const seen = firstValue(asking({ value: growth }), lost(samples)) ?? Number.NaN;
        expect(seen).toBeLessThanOrEqual(grown);
        expect(seen).toBeGreaterThanOrEqual(0);
        if (!parts.some(({ restarts }) => restarts)) expect(seen).toBe(grown);
      }),
    );
  });

  it('does not depend on the order in which samples come, or on other processes', () => {
    const values = fc.array(fc.nat(1000), { minLength: 2, maxLength: 10 });
    fc.assert(
      fc.property(values, fc.infiniteStream(fc.nat()), (counts, random) => {
        const samples = lost(counts.map((value, nth) => ({ agoMs: (nth + 1) * 1000, value })));
        const order = new Map(samples.map((sample) => [sample, random.next().value as number]));
        const shuffled = [...samples].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
        const others = lost(counts.map((value, nth) => ({ agoMs: (nth + 1) * 900, value, process: 'two' })));
        const question = asking({ by: ['process'], value: growth });
        const of = (all: readonly Sample[]) =>
          readings(question, all).find(({ labels }) => labels['process'] === 'one');
        expect(of([...others, ...shuffled])).toEqual(of(samples));
      }),
    );
  });
});
