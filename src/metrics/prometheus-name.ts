import type { Instrument } from './instrument-kind.ts';

/** As OpenTelemetry's own rules have it, so that a scrape and a collector give one metric one name. */
const unitSuffixes: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

/** `tidegate.ingest.delay` in seconds → `tidegate.ingest.delay.seconds`: what Prometheus wants in a name. */
export const nameWithUnit = ({ name, unit }: Pick<Instrument, 'name' | 'unit'>): string => {
  const suffix = unitSuffixes[unit];
  return suffix === undefined ? name : `${name}.${suffix}`;
};

/** `tidegate.policy` → `tidegate_policy`. */
export const prometheusLabel = (attribute: string): string => attribute.replaceAll('.', '_');

/** The name of an instrument in a scrape; a histogram adds `_bucket`, `_sum` and `_count`. */
export const prometheusName = (instrument: Pick<Instrument, 'name' | 'unit' | 'kind'>): string => {
  const name = nameWithUnit(instrument).replaceAll('.', '_');
  return instrument.kind === 'counter' ? `${name}_total` : name;
};
