import type { Sample } from '../../metrics/sample.ts';
import type { Term } from '../definition.ts';

/** One number of one process, over time. */
export interface Series {
  readonly process: string;
  readonly labels: Readonly<Record<string, string>>;
  /** At least one, oldest first. */
  readonly values: readonly number[];
}

const namesInOrder = (labels: Readonly<Record<string, string>>): string[] => Object.keys(labels).sort();

/** Sets of labels that say the same have the same key, whatever their order. */
export const keyOf = (labels: Readonly<Record<string, string>>): string =>
  JSON.stringify(namesInOrder(labels).map((name) => [name, labels[name]]));

const fits = ({ labels }: Sample, { where = {}, unless = {} }: Term): boolean =>
  Object.entries(where).every(([name, value]) => (labels[name] ?? '') === value) &&
  Object.entries(unless).every(([name, value]) => (labels[name] ?? '') !== value);

/**
 * The series of a term, of what was told after `atMs - windowMs` and until `atMs`. A process that comes back under another name is
 * another series, as it is for Prometheus.
 */
export const seriesOf = (samples: readonly Sample[], term: Term, atMs: number): readonly Series[] => {
  const found = new Map<string, { first: Sample; told: Sample[] }>();
  for (const sample of samples) {
    if (sample.atMs <= atMs - term.windowMs || sample.atMs > atMs || !fits(sample, term)) continue;
    const key = `${sample.process}\n${keyOf(sample.labels)}`;
    const known = found.get(key);
    if (known) known.told.push(sample);
    else found.set(key, { first: sample, told: [sample] });
  }
  return [...found.values()].map(({ first, told }) => ({
    process: first.process,
    labels: first.labels,
    values: told.sort((a, b) => a.atMs - b.atMs).map(({ value }) => value),
  }));
};

/** A counter that is smaller than it was began anew: what it counts since then has been added. */
const growthOf = (values: readonly number[]): number =>
  values.reduce((sum, value, index) => {
    const before = values[index - 1] ?? value;
    return sum + (value >= before ? value - before : value);
  }, 0);

/** What a term reads of one series; null: it has no answer yet. */
export const readingOf = ({ values }: Series, { reading, windowMs }: Term): number | null => {
  if (reading === 'last') return values.at(-1) ?? null;
  if (values.length < 2) return null;
  const growth = growthOf(values);
  return reading === 'increase' ? growth : growth / (windowMs / 1000);
};
