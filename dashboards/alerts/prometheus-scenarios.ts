import { stringify } from 'yaml';

/** One check: at this time exactly these alerts of the area fire. */
interface Check {
  readonly at: string;
  readonly firing: readonly string[];
}

interface Scenario {
  readonly name: string;
  readonly area: string;
  /** Series in the notation of promtool: `0+60x30` begins at 0 and grows by 60, thirty times. */
  readonly series: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
}

const step = '30s';
const perHour = 120;
const hours = (count: number): number => count * perHour;

/** As long as it takes until there is something to compare with, and a little more. */
const quietSteps = 90;

const decided = (outcome: string, policy = 'per-client'): string =>
  `tidegate_decisions_total{job="tidegate", instance="gate:8080", tidegate_outcome="${outcome}", tidegate_policy="${policy}"}`;

/** A counter that grows by these amounts each half minute, for so many half minutes each. */
const growing = (...phases: readonly (readonly [perStep: number, steps: number])[]): string => {
  let total = 0;
  return phases
    .map(([perStep, steps]) => {
      const from = total;
      total += perStep * (steps + 1);
      return `${from}+${perStep}x${steps}`;
    })
    .join(' ');
};

const quiet = { [decided('allowed')]: growing([600, hours(1.5)]), [decided('denied')]: growing([6, hours(1.5)]) };

/** From three quarters of an hour on, for ten minutes, denials are so many each half minute instead of 6. */
const spikeOf = (perStep: number, allowed = 600) => ({
  [decided('allowed')]: growing([allowed, hours(1.5)]),
  [decided('denied')]: growing([allowed / 100, quietSteps], [perStep, 20], [allowed / 100, hours(0.5)]),
});

const evaluatedElsewhere = (firing: number) => ({
  tidegate_alerts_leaders: `1x${hours(1.5)}`,
  tidegate_alerts_blind: `0x${hours(1.5)}`,
  'tidegate_alerts_firing{tidegate_alert="throttle-spike", tidegate_severity="page"}': `${firing}x${hours(1.5)}`,
});

const spike = ['TidegateThrottleSpike'];

const throttling: readonly Scenario[] = [
  {
    name: 'one percent is denied, as ever',
    area: 'throttling',
    series: quiet,
    checks: [
      { at: '30m', firing: [] },
      { at: '47m', firing: [] },
      { at: '1h', firing: [] },
    ],
  },
  {
    name: 'ten times as much is denied: found within two minutes, over some minutes after its end',
    area: 'throttling',
    series: spikeOf(60),
    checks: [
      { at: '44m', firing: [] },
      { at: '47m', firing: spike },
      { at: '55m', firing: spike },
      { at: '1h5m', firing: [] },
    ],
  },
  {
    name: 'three times as much is denied',
    area: 'throttling',
    series: spikeOf(18),
    checks: [
      { at: '49m', firing: spike },
      { at: '1h5m', firing: [] },
    ],
  },
  {
    name: 'fewer than 30 denials in three minutes are no spike, whatever their share',
    area: 'throttling',
    series: spikeOf(4, 20),
    checks: [
      { at: '48m', firing: [] },
      { at: '55m', firing: [] },
    ],
  },
  {
    name: 'half an hour after the first decision there is nothing to compare with',
    area: 'throttling',
    series: { [decided('allowed')]: growing([600, hours(1)]), [decided('denied')]: growing([6, 20], [60, hours(1)]) },
    checks: [{ at: '12m', firing: [] }],
  },
  {
    name: 'a policy of its own is a spike although all together hide it',
    area: 'throttling',
    series: {
      ...quiet,
      [decided('allowed', 'login')]: growing([60, hours(1.5)]),
      [decided('denied', 'login')]: growing([0, quietSteps], [10, 20], [0, hours(0.5)]),
    },
    checks: [
      { at: '49m', firing: spike },
      { at: '1h5m', firing: [] },
    ],
  },
  {
    name: 'where a process evaluates by the database, its answer counts: one client is no spike',
    area: 'throttling',
    series: { ...spikeOf(60), ...evaluatedElsewhere(0) },
    checks: [{ at: '48m', firing: [] }],
  },
  {
    name: 'where a process evaluates by the database, what it finds is told',
    area: 'throttling',
    series: { ...quiet, ...evaluatedElsewhere(1) },
    checks: [{ at: '1h', firing: spike }],
  },
  {
    name: 'three of four are denied for half an hour: the budget of a new installation burns, and slower when they are let through',
    area: 'throttling',
    series: {
      [decided('allowed')]: growing([100, hours(0.5)], [600, hours(0.5)]),
      [decided('denied')]: growing([300, hours(0.5)], [6, hours(0.5)]),
    },
    // What it has seen is all there is: longer windows say the same.
    checks: [
      { at: '25m', firing: ['TidegateThrottleBurnFast', 'TidegateThrottleBurnSlow'] },
      { at: '58m', firing: ['TidegateThrottleBurnSlow'] },
    ],
  },
];

const gate = (figure: string, labels = ''): string => `${figure}{job="tidegate", instance="gate:8080"${labels}}`;
const bucket = (le: string): string => gate('tidegate_store_duration_seconds_bucket', `, le="${le}"`);

const limiting: readonly Scenario[] = [
  {
    name: 'the store is away for ten minutes',
    area: 'limiter',
    series: {
      ...quiet,
      [gate('tidegate_degraded_total', ', tidegate_reason="timeout"')]: growing([0, 40], [300, 20], [0, 60]),
      [gate('tidegate_store_breaker_open')]: '0x40 1x20 0x60',
    },
    checks: [
      { at: '20m', firing: [] },
      { at: '26m', firing: ['TidegateDegradedDecisions', 'TidegateStoreBreakerOpen'] },
      { at: '50m', firing: [] },
    ],
  },
  {
    name: 'the store is slow; with few calls nobody can say',
    area: 'limiter',
    series: {
      [bucket('0.01')]: growing([20, 40], [15, 40], [0, 40]),
      [gate('tidegate_store_duration_seconds_count')]: growing([20, 40], [20, 40], [1, 40]),
    },
    checks: [
      { at: '19m', firing: [] },
      { at: '30m', firing: ['TidegateStoreLatency'] },
      { at: '59m', firing: [] },
    ],
  },
  {
    name: 'counters are lost once, and told for a quarter of an hour',
    area: 'limiter',
    series: { [gate('tidegate_counters_lost_total', ', tidegate_loss="flushed"')]: '0x20 1x100' },
    checks: [
      { at: '9m', firing: [] },
      { at: '12m', firing: ['TidegateCountersLost'] },
      { at: '30m', firing: [] },
    ],
  },
];

const ingest = (figure: string, labels = ''): string =>
  `${figure}{job="tidegate", instance="ingest:8081", tidegate_topic="tidegate.decisions"${labels}}`;
const info = { 'tidegate_info{job="tidegate", instance="gate:8080"}': '1x240' };

const pipeline: readonly Scenario[] = [
  {
    name: 'ingest ends: a gap is told as a gap, and freshness of nobody is no alert of its own',
    area: 'pipeline',
    series: {
      ...info,
      [ingest('tidegate_ingest_partitions')]: '12x40 _x200',
      [ingest('tidegate_ingest_freshness_seconds')]: '2x40 _x200',
      [gate('tidegate_events_partitions')]: '12x240',
      [gate('tidegate_events_sent_total')]: growing([100, 240]),
    },
    checks: [
      { at: '20m', firing: [] },
      { at: '25m', firing: ['TidegateIngestDown'] },
    ],
  },
  {
    name: 'a partition that two processes tell of while it changes hands counts once',
    area: 'pipeline',
    series: {
      ...info,
      [ingest('tidegate_ingest_partitions')]: '12x240',
      [gate('tidegate_events_partitions')]: '12x240',
      [ingest('tidegate_ingest_lag', ', tidegate_partition="3"')]: '3000x100 6000x140',
      [ingest('tidegate_ingest_lag', ', tidegate_partition="3"').replace('ingest:8081', 'other:8081')]: '3000x240',
    },
    checks: [
      { at: '30m', firing: [] },
      { at: '65m', firing: ['TidegateIngestLag'] },
    ],
  },
  {
    name: 'decisions are sent and not stored; at night, when none is sent, nothing is told',
    area: 'pipeline',
    series: {
      ...info,
      [ingest('tidegate_ingest_partitions')]: '12x240',
      [gate('tidegate_events_partitions')]: '12x240',
      [ingest('tidegate_ingest_freshness_seconds')]: '2x20 600x220',
      [gate('tidegate_events_sent_total')]: growing([100, 60], [0, 180]),
    },
    checks: [
      { at: '20m', firing: ['TidegatePipelineNotFresh'] },
      { at: '60m', firing: [] },
    ],
  },
];

const fired = (alert: string) => ({ labels: `{alertname="${alert}"}`, value: 1 });

const testOf = ({ name, area, series, checks }: Scenario) => ({
  name,
  interval: step,
  input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
  promql_expr_test: checks.map(({ at, firing }) => ({
    expr: `max by (alertname) (ALERTS{alertstate="firing", area="${area}"})`,
    eval_time: at,
    exp_samples: firing.map(fired),
  })),
});

/** dashboards/prometheus/rules.test.yml, whole: for `promtool test rules`. */
export const prometheusScenarios = (): string => {
  const tests = [...throttling, ...limiting, ...pipeline].map(testOf);
  return `# What the rules say of days that were made up: promtool test rules rules.test.yml
# Generated by npm run dashboards.
${stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
};
