import { leastDenied, leastRatio, leastZ } from '../../src/alert/spike/spike.ts';
import type { BurnWindows } from '../../src/clickhouse/alert-objectives.ts';
import { fastBurn, slowBurn } from '../../src/clickhouse/alert-objectives.ts';
import { durationOf } from './durations.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const total = 'tidegate_decisions_total';
const limited = `${total}{tidegate_outcome!="blocked"}`;
const denied = `${total}{tidegate_outcome="denied"}`;

const secondsIn = (seconds: number): string => durationOf(seconds * 1000);

/** All decisions, and those of each policy: as far as Prometheus can tell them apart. */
const dimensions = [
  { labels: { dimension: 'all' }, by: '', none: 'vector(0)' },
  {
    labels: { dimension: 'policy' },
    by: ' by (tidegate_policy)',
    none: `0 * sum by (tidegate_policy) (increase(${limited}[3m]))`,
  },
];

const counts: readonly RecordingRule[] = dimensions.flatMap(({ labels, by, none }) => [
  { record: 'tidegate:limited:increase3m', labels, expr: `sum${by} (increase(${limited}[3m]))` },
  { record: 'tidegate:denied:increase3m', labels, expr: `sum${by} (increase(${denied}[3m])) or ${none}` },
]);

const share = 'tidegate:denied:share3m';
const certain = 'tidegate:denied:certain3m';
const usual = 'tidegate:denied:usual_share';
const likely = 'tidegate:denied:likely_share';
const spread = 'tidegate:denied:spread';

/** From two hours to ten minutes before: a spike must not be its own baseline. */
const before = '[110m] offset 10m';
const median = `quantile_over_time(0.5, ${share}${before})`;
/** Recorded every half minute: a quarter of an hour of decisions, at least. */
const leastRecent = 30;
const leastSeasonal = 8;

/** Three minutes before and behind the same instant of another day. */
const seasonOf = (name: string, minutes: number): RecordingRule => ({
  record: 'tidegate:denied:usual_part',
  labels: { part: name },
  expr: `max_over_time(${certain}[6m] offset ${minutes - 3}m) and count_over_time(${certain}[6m] offset ${minutes - 3}m) >= ${leastSeasonal}`,
});

/** What is usual, how far it strays, and how far from it the last three minutes are: the statistic of the spike. */
export const spikeRecords: readonly RecordingRule[] = [
  ...counts,
  { record: share, expr: 'tidegate:denied:increase3m / (tidegate:limited:increase3m > 0)' },
  // Two standard deviations below what was counted, so that chance adds nothing to a season.
  {
    record: certain,
    expr: 'clamp_min(tidegate:denied:increase3m - 2 * sqrt(tidegate:denied:increase3m), 0) / (tidegate:limited:increase3m > 0)',
  },
  {
    record: 'tidegate:denied:usual_part',
    labels: { part: 'recent' },
    expr: `${median} and count_over_time(${share}${before}) >= ${leastRecent}`,
  },
  seasonOf('yesterday', 1440),
  seasonOf('last-week', 10_080),
  { record: usual, expr: 'max without (part) (tidegate:denied:usual_part)' },
  {
    record: 'tidegate:denied:spread_part',
    labels: { part: 'habit' },
    expr: `(quantile_over_time(0.75, ${share}${before}) - quantile_over_time(0.25, ${share}${before})) / 1.349 * ${usual} / (${median} > 0)`,
  },
  // Of a share that never was above nothing, one denial is what chance does.
  {
    record: likely,
    expr: `${usual} > 1 / tidegate:limited:increase3m or (1 / (tidegate:limited:increase3m > 0) and ${usual})`,
  },
  {
    record: 'tidegate:denied:spread_part',
    labels: { part: 'chance' },
    expr: `sqrt(${likely} * (1 - ${usual}) / (tidegate:limited:increase3m > 0))`,
  },
  { record: spread, expr: 'max without (part) (tidegate:denied:spread_part)' },
  // Few denials stray further above than below: powers of two thirds are about even.
  { record: 'tidegate:denied:z', expr: `1.5 * ${likely} / (${spread} > 0) * ((${share} / ${likely}) ^ (2 / 3) - 1)` },
  // Whoever evaluates the alerts by the database knows the clients, too.
  {
    record: 'tidegate:alerts:evaluated',
    expr: '(sum(tidegate_alerts_leaders) > 0) and on () (max(tidegate_alerts_blind) == 0)',
  },
];

/** Far above the usual, and over twice as much or, where that is above a half, half of what was let through until now. */
export const ownSpike = `tidegate:denied:z >= ${leastZ} and tidegate:denied:increase3m >= ${leastDenied} and (${share} >= ${leastRatio} * ${usual} or ${share} >= (1 + ${usual}) / 2)`;

const windowsOf = (pairs: readonly BurnWindows[]): readonly number[] =>
  [...new Set(pairs.flatMap(({ longSeconds, shortSeconds }) => [longSeconds, shortSeconds]))].sort((a, b) => a - b);
const shareOver = (seconds: number): string => `tidegate:denied:share${secondsIn(seconds)}`;
const slowOver = (seconds: number): string => `tidegate:slow:share${secondsIn(seconds)}`;
const rateOf = (series: string, seconds: number): string => `sum(rate(${series}[${secondsIn(seconds)}]))`;

/** What is denied, and what takes longer than the deadline, over the windows that budgets are judged by. */
export const burnRecords: readonly RecordingRule[] = [
  ...windowsOf([...fastBurn, ...slowBurn]).map((seconds) => ({
    record: shareOver(seconds),
    expr: `${rateOf(denied, seconds)} / (${rateOf(limited, seconds)} > 0)`,
  })),
  ...windowsOf(fastBurn).map((seconds) => ({
    record: slowOver(seconds),
    expr: `${rateOf('tidegate_decisions_over_deadline_total', seconds)} / (${rateOf(total, seconds)} > 0)`,
  })),
];

const both = (
  over: (seconds: number) => string,
  { longSeconds, shortSeconds, factor }: BurnWindows,
  budget: number,
) => {
  const limit = Number((factor * budget).toPrecision(6));
  return `(${over(longSeconds)} >= ${limit} and ${over(shortSeconds)} >= ${limit})`;
};

/** Fewer are no alarm, whatever share they are. */
const floorOf = (series: string, least: number, seconds: number): string =>
  `sum(increase(${series}[${secondsIn(seconds)}])) >= ${least}`;

export const deniedBurns = (pairs: readonly BurnWindows[], budget: number): string =>
  `(${pairs.map((pair) => both(shareOver, pair, budget)).join(' or ')}) and on () ${floorOf(denied, 100, pairs[0]?.longSeconds ?? 3600)}`;

export const deadlineBurns = (budget: number): string =>
  `(${fastBurn.map((pair) => both(slowOver, pair, budget)).join(' or ')}) and on () ${floorOf('tidegate_decisions_over_deadline_total', 20, 3600)}`;
