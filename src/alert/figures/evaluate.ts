import type { Bound, FigureQuestion, Reading, SampleWindow, Term } from '../definition.ts';
import { figureName } from './figure-name.ts';
import { keyOf, readingOf, type Series, seriesOf } from './series.ts';

type Labels = Readonly<Record<string, string>>;

interface Answer {
  readonly labels: Labels;
  readonly value: number;
}

const aggregates: Readonly<Record<Term['across'], (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  // One by one: as arguments of one call, a hundred thousand series are more than a stack holds.
  max: (values) => values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
  min: (values) => values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
  count: (values) => values.length,
};

/** The labels of a series that are asked for; one that it lacks is left out, as Prometheus does. */
const picked = ({ process, labels }: Series, names: readonly string[]): Labels => {
  const all: Labels = { ...labels, process };
  const found = names.flatMap((name) => (all[name] ? [[name, all[name]] as const] : []));
  return Object.fromEntries(found);
};

/** Numbers of those with the same labels, together. */
const grouped = (answers: readonly Answer[], aggregate: (values: readonly number[]) => number): readonly Answer[] => {
  const groups = new Map<string, { labels: Labels; values: number[] }>();
  for (const { labels, value } of answers) {
    const known = groups.get(keyOf(labels));
    if (known) known.values.push(value);
    else groups.set(keyOf(labels), { labels, values: [value] });
  }
  return [...groups.values()].map(({ labels, values }) => ({ labels, value: aggregate(values) }));
};

interface Asked {
  readonly window: SampleWindow;
  readonly atMs: number;
}

/** What a term comes to, for each set of these labels. */
const answersTo = (term: Term, by: readonly string[], { window, atMs }: Asked): readonly Answer[] => {
  const series = seriesOf(window.samples(figureName(term), atMs - term.windowMs), term, atMs);
  const { eachOnce } = term;
  const fine = eachOnce === undefined ? by : [...by, ...eachOnce];
  const read = series.flatMap((one) => {
    const value = readingOf(one, term);
    return value === null ? [] : [{ one, labels: picked(one, fine), value }];
  });
  if (eachOnce === undefined) return grouped(read, aggregates[term.across]);
  const once = grouped(read, aggregates.max).map(({ labels, value }) => ({
    labels: Object.fromEntries(Object.entries(labels).filter(([name]) => by.includes(name))),
    value,
  }));
  return grouped(once, aggregates[term.across]);
};

const limitOf = (bound: Bound): number => ('above' in bound ? bound.above : bound.below);

const isBeyond = (value: number, bound: Bound): boolean =>
  'above' in bound ? value > bound.above : value < bound.below;

const holds = ({ during }: FigureQuestion, asked: Asked): boolean =>
  during === undefined || answersTo(during.value, [], asked).some(({ value }) => isBeyond(value, during.bound));

/** Divided by what belongs to the same labels; without that, or by 0, there is no answer. */
const divided = (answers: readonly Answer[], divisors: readonly Answer[]): readonly Answer[] => {
  const byKey = new Map(divisors.map(({ labels, value }) => [keyOf(labels), value]));
  return answers.flatMap(({ labels, value }) => {
    const divisor = byKey.get(keyOf(labels)) ?? 0;
    return divisor === 0 ? [] : [{ labels, value: value / divisor }];
  });
};

/**
 * What processes told lately says to a question: an answer for every set of labels of which something is told, whether it fires or
 * not. A set that is missing has no answer, which is not the same as being well. Readings of figures name no cause: what to look at
 * stands in the definition.
 */
export const evaluateFigures = (question: FigureQuestion, window: SampleWindow, atMs: number): readonly Reading[] => {
  const asked: Asked = { window, atMs };
  const { by, value, per, bound, whenAbsent } = question;
  const told = answersTo(value, by, asked);
  const isAbsent = told.length === 0 && whenAbsent === 'fires';
  const found = isAbsent ? [{ labels: {}, value: 0 }] : told;
  const answers = per === undefined ? found : divided(found, answersTo(per, by, asked));
  const counts = holds(question, asked);
  return answers.map((answer) => ({
    labels: answer.labels,
    isFiring: counts && isBeyond(answer.value, bound),
    value: answer.value,
    numbers: { value: answer.value, limit: limitOf(bound) },
    cause: null,
  }));
};
