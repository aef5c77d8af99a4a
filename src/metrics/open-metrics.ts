/** Prometheus' text format 0.0.4; without the version a strict scraper refuses it. */
export const textContentType = 'text/plain; version=0.0.4; charset=utf-8';
export const openMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const openMetricsName = 'application/openmetrics-text';
const metadataOfCounter = /^# (HELP|TYPE) (\S+)_total( .*)?$/;

/** `TYPE x_total counter` → `x_total`: families that are named without their ending there. */
const countersIn = (lines: readonly string[]): ReadonlySet<string> =>
  new Set(lines.flatMap((line) => /^# TYPE (\S+_total) counter$/.exec(line)?.[1] ?? []));

/**
 * The same numbers in OpenMetrics 1.0. Bounds of buckets are spelt as in the text format, so that a scraper that changes
 * over has no new series.
 */
export const asOpenMetrics = (text: string): string => {
  const lines = text.split('\n').filter((line) => line !== '' && !/^# (?!HELP |TYPE )/.test(line));
  const counters = countersIn(lines);
  const renamed = lines.map((line) => {
    const [, keyword, name, rest = ''] = metadataOfCounter.exec(line) ?? [];
    return name !== undefined && counters.has(`${name}_total`) ? `# ${keyword} ${name}${rest}` : line;
  });
  return `${[...renamed, '# EOF'].join('\n')}\n`;
};

interface Wish {
  readonly type: string;
  readonly quality: number;
}

const wishesIn = (accept: string): Wish[] =>
  accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
    const quality = parameters.find((each) => each.startsWith('q='))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) || 0 };
  });

/** Whether who sent this `Accept` would rather have OpenMetrics. */
export const wantsOpenMetrics = (accept: string | undefined): boolean => {
  if (!accept?.toLowerCase().includes(openMetricsName)) return false;
  const wishes = wishesIn(accept);
  const best = (wanted: string): number =>
    Math.max(0, ...wishes.filter(({ type }) => type === wanted).map(({ quality }) => quality));
  const quality = best(openMetricsName);
  return quality > 0 && quality >= best('text/plain');
};
