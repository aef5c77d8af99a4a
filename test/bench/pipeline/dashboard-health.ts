import { durationBucketsS, instruments } from '../../../src/metrics/instruments.ts';
import { prometheusLabel, prometheusName } from '../../../src/metrics/prometheus-name.ts';

const everySeconds = 30;
const processes = ['gate-1', 'gate-2'];
/** Series that one process tells of a figure with attributes. */
const perFigure = 3;

interface Series {
  readonly figure: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly grows: boolean;
}

const seriesOf = (instrument: (typeof instruments)[keyof typeof instruments]): Series[] => {
  const name = prometheusName(instrument);
  const attributes: readonly string[] = instrument.attributes;
  const variants = attributes.length === 0 ? [0] : Array.from({ length: perFigure }, (_, index) => index);
  return variants.flatMap((variant): Series[] => {
    const labels = Object.fromEntries(attributes.map((attribute) => [prometheusLabel(attribute), `value-${variant}`]));
    if (instrument.kind !== 'histogram') return [{ figure: name, labels, grows: instrument.kind === 'counter' }];
    return [
      { figure: `${name}_count`, labels, grows: true },
      { figure: `${name}_sum`, labels, grows: true },
      ...[...durationBucketsS, '+Inf'].map((le) => ({
        figure: `${name}_bucket`,
        labels: { ...labels, le: String(le) },
        grows: true,
      })),
    ];
  });
};

const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
const map = (labels: Readonly<Record<string, string>>): string =>
  `map(${Object.entries(labels)
    .flatMap((pair) => pair.map(quoted))
    .join(', ')})`;

/** What two processes tell of all their figures, every half minute of one day: one statement per figure and label set is too many, so one for all. */
export const healthSql = (fromMs: number): string => {
  const all = Object.values(instruments).flatMap(seriesOf);
  const told = all.map(({ figure, labels, grows }) => {
    const typed = Object.keys(labels).length === 0 ? "CAST(map(), 'Map(String, String)')" : map(labels);
    return `(${quoted(figure)}, ${typed}, ${grows ? 1 : 0})`;
  });
  return `INSERT INTO health_samples (time, emitter, \`partition\`, seq, process, command, region, figure, labels, value)
SELECT fromUnixTimestamp64Milli(${fromMs} + toInt64(number) * ${everySeconds * 1000}, 'UTC') AS time, process AS emitter, 0 AS \`partition\`,
  number * ${all.length} + position AS seq, process, 'gate' AS command, 'eu-west' AS region, series.1 AS figure, series.2 AS labels,
  if(series.3 = 1, number * 7 + position, intHash64(number * 1000 + position) % 100) AS value
FROM numbers(${86_400 / everySeconds})
ARRAY JOIN [${processes.map(quoted).join(', ')}] AS process
ARRAY JOIN [${told.join(', ')}] AS series, arrayEnumerate([${told.map(() => 0).join(', ')}]) AS position`;
};
