import { DataPointType, type Histogram, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { topics } from '../event/event-log.ts';
import { type Instrument, type InstrumentId, instruments } from '../metrics/instruments.ts';
import { nameWithUnit, prometheusLabel, prometheusName } from '../metrics/prometheus-name.ts';
import type { Sample } from '../metrics/sample.ts';

/** A number under its name, without who told it and when. */
export type ToldNumber = Pick<Sample, 'figure' | 'labels' | 'value'>;

export interface ToldNumbers {
  readonly numbers: readonly ToldNumber[];
  /** Beyond {@link maxNumbers}. */
  readonly omitted: number;
}

/** Of one process at a time: what it tells of itself is kept for weeks, and read by whoever waits for alerts. */
export const maxNumbers = 500;
const maxLabelLength = 128;

/** Histograms whose buckets are told, since a quantile is asked of them later. */
const toldHistograms: readonly InstrumentId[] = [
  'decisionDuration',
  'storeDuration',
  'ingestDelay',
  'ingestInsertDuration',
];

/** Left out: it would take a series for each, and the events hold it. */
const withoutPolicy: readonly InstrumentId[] = ['decisions'];

const entries = Object.entries(instruments) as [InstrumentId, Instrument][];
/** By the name that a reader finds it under. */
const known = new Map(entries.map(([id, instrument]) => [nameWithUnit(instrument), { id, instrument }]));

type Attributes = Readonly<Record<string, unknown>>;

const labelsOf = (attributes: Attributes, leftOut: string | null = null): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => name !== leftOut)
      .map(([name, value]) => [prometheusLabel(name), String(value).slice(0, maxLabelLength)]),
  );

/** Series that differ in what was left out become one. */
const added = (numbers: readonly ToldNumber[]): ToldNumber[] => {
  const sums = new Map<string, ToldNumber>();
  for (const number of numbers) {
    const key = JSON.stringify(Object.entries(number.labels).sort());
    sums.set(key, { ...number, value: number.value + (sums.get(key)?.value ?? 0) });
  }
  return [...sums.values()];
};

interface HistogramPoint {
  readonly attributes: Attributes;
  readonly value: Histogram;
}

/** Of all topics but that of the decisions, count and sum are enough. */
const hasBuckets = ({ attributes }: HistogramPoint): boolean =>
  attributes['tidegate.topic'] === undefined || attributes['tidegate.topic'] === topics.decisions;

const histogramNumbers = (figure: string, point: HistogramPoint): ToldNumber[] => {
  const { count, sum = 0, buckets } = point.value;
  const labels = labelsOf(point.attributes);
  const numbers: ToldNumber[] = [
    { figure: `${figure}_count`, labels, value: count },
    { figure: `${figure}_sum`, labels, value: sum },
  ];
  if (!hasBuckets(point)) return numbers;
  let below = 0;
  for (const [index, inBucket] of buckets.counts.entries()) {
    below += inBucket;
    const le = String(buckets.boundaries[index] ?? '+Inf');
    numbers.push({ figure: `${figure}_bucket`, labels: { ...labels, le }, value: below });
  }
  return numbers;
};

const numbersOf = (data: MetricData): ToldNumber[] => {
  const found = known.get(data.descriptor.name);
  if (!found) return [];
  const { id, instrument } = found;
  const figure = prometheusName(instrument);
  if (data.dataPointType === DataPointType.HISTOGRAM) {
    return toldHistograms.includes(id) ? data.dataPoints.flatMap((point) => histogramNumbers(figure, point)) : [];
  }
  if (data.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return [];
  const isSummed = withoutPolicy.includes(id);
  const numbers = data.dataPoints
    .filter(({ value }) => Number.isFinite(value))
    .map(({ attributes, value }) => ({
      figure,
      labels: labelsOf(attributes, isSummed ? 'tidegate.policy' : null),
      value,
    }));
  return isSummed ? added(numbers) : numbers;
};

/** Figures with few series first: what there is no room for are the many of one figure. */
export const toldNumbers = ({ scopeMetrics }: ResourceMetrics): ToldNumbers => {
  const byFigure = scopeMetrics.flatMap(({ metrics }) => metrics.map(numbersOf));
  const all = byFigure.sort((one, other) => one.length - other.length).flat();
  return { numbers: all.slice(0, maxNumbers), omitted: Math.max(0, all.length - maxNumbers) };
};
