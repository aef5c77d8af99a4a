import { alertCatalogue } from '../../src/alert/catalogue/catalogue.ts';
import type { FigureQuestion, SampleWindow, Term } from '../../src/alert/definition.ts';
import { figureName } from '../../src/alert/figures/figure-name.ts';
import { termsOf } from '../../src/alert/figures/terms-of.ts';
import { type Instrument, instruments } from '../../src/metrics/instruments.ts';
import { prometheusLabel } from '../../src/metrics/prometheus-name.ts';
import type { Sample } from '../../src/metrics/sample.ts';

/** Alerts that are questions about figures. */
export const figureAlerts = alertCatalogue.flatMap(({ id, question }) =>
  question.kind === 'figures' ? [{ id, question }] : [],
);

export const stepMs = 60_000;
const ticks = 70;
/** How long after the first sample questions are asked: on no boundary of any window. */
export const askedAfterMs = ticks * stepMs + 7_000;

export interface PlayedSeries {
  readonly figure: string;
  readonly process: string;
  readonly labels: Readonly<Record<string, string>>;
  /** One for each minute; null: nothing was told. */
  readonly values: readonly (number | null)[];
}

/** Numbers from 0 up to 1, the same for the same seed. */
const seeded = (seed: number) => {
  let state = seed * 0x9e37_79b9;
  return (): number => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const processes = ['one', 'two', 'three'];
const made = ['a', 'b'];

interface Asked {
  readonly figure: Term['figure'];
  readonly name: string;
  readonly part: Term['part'];
  /** Label → values worth telling. */
  readonly values: Map<string, Set<string>>;
  readonly limits: number[];
}

const bounds = ({ bound, during }: FigureQuestion): number[] =>
  [bound, ...(during ? [during.bound] : [])].map((one) => ('above' in one ? one.above : one.below));

const askedFigures = (): readonly Asked[] => {
  const found = new Map<string, Asked>();
  for (const { question } of figureAlerts) {
    for (const term of termsOf(question)) {
      const name = figureName(term);
      const asked: Asked = found.get(name) ?? { ...term, name, part: term.part, values: new Map(), limits: [] };
      const { attributes } = instruments[term.figure] as Instrument;
      for (const label of attributes.map(prometheusLabel)) {
        if (!asked.values.has(label)) asked.values.set(label, new Set(made));
      }
      for (const [label, value] of Object.entries({ ...term.where, ...term.unless })) {
        asked.values.set(label, (asked.values.get(label) ?? new Set()).add(value));
      }
      asked.limits.push(...bounds(question));
      found.set(name, asked);
    }
  }
  return [...found.values()];
};

/** What three processes tell within an hour and ten minutes: gaps, restarts, processes that end, figures that nobody tells. */
export const playedSeries = (seed: number): readonly PlayedSeries[] => {
  const random = seeded(seed);
  const upTo = (count: number): number => Math.floor(random() * count);
  const oneOf = <T>(choices: readonly T[], otherwise: NoInfer<T>): T => choices[upTo(choices.length)] ?? otherwise;
  const levels = (limits: readonly number[]): number[] => [
    0,
    1,
    ...limits.flatMap((limit) => [limit / 2, limit * 2 + 1]),
  ];

  const valuesOf = ({ figure, limits }: Asked, endsAt: number): (number | null)[] => {
    const isCounter = ['counter', 'histogram'].includes((instruments[figure] as Instrument).kind);
    const gapFrom = upTo(ticks * 2);
    const gapTo = gapFrom + 1 + upTo(8);
    const restart = upTo(ticks * 2);
    // Far from what is too much: Prometheus guesses what came before and after the samples, by up to a third here.
    const growth = oneOf<number>([0, 0, 1, 100], 0);
    const level = oneOf(levels(limits), 0);
    let total = upTo(1000);
    return Array.from({ length: ticks + 1 }, (_, tick) => {
      if (tick === restart) total = 0;
      total += growth;
      if (tick > endsAt || (tick >= gapFrom && tick < gapTo)) return null;
      return isCounter ? total : level;
    });
  };

  return askedFigures().flatMap((asked) => {
    if (upTo(8) === 0) return [];
    return processes.flatMap((process) => {
      const endsAt = process === 'three' && upTo(2) === 0 ? upTo(ticks) : ticks;
      const byLabels = new Map<string, PlayedSeries>();
      for (let nth = 0; nth < 3; nth += 1) {
        const labels = Object.fromEntries([...asked.values].map(([label, values]) => [label, oneOf([...values], '')]));
        byLabels.set(JSON.stringify(labels), { figure: asked.name, process, labels, values: valuesOf(asked, endsAt) });
      }
      return [...byLabels.values()];
    });
  });
};

export const samplesOf = (series: readonly PlayedSeries[], startMs: number): readonly Sample[] =>
  series.flatMap(({ values, ...told }) =>
    values.flatMap((value, tick): readonly Sample[] =>
      value === null ? [] : [{ ...told, atMs: startMs + tick * stepMs, command: 'serve', region: 'eu', value }],
    ),
  );

/** A window over samples that are all there. */
export const windowOver = (samples: readonly Sample[]): SampleWindow => ({
  samples: (figure, sinceMs) => samples.filter((sample) => sample.figure === figure && sample.atMs > sinceMs),
  newestAtMs: () => samples.reduce<number | null>((newest, { atMs }) => Math.max(newest ?? 0, atMs), null),
});
