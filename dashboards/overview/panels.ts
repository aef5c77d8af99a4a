import type { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import type { PanelBuilder as LinesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { type Dimension, dimensions } from '../decision-rows.ts';
import { linkTo } from '../links.ts';
import { columnLooks, linesPanel, stackedPanel, tablePanel } from '../panels.ts';
import { latency } from './latency-sql.ts';
import { decisionsByOutcome, maxLines, rest, throttleRateBy, usualRate } from './rate-sql.ts';
import { judgedHours, spikesFound } from './spike-sql.ts';
import { mostThrottled } from './where-sql.ts';

const share = 'percentunit';

export const meaning =
  'Of what the limiter decided, the share it denied. What the block list refused never reached the limiter.';

/** From a line to what is behind the point, an hour around it; the other choices stay. */
const behind = (dimension: Dimension): ReturnType<typeof linkTo> =>
  linkTo({
    title: `Decisions of this ${dimension} in the hour around this point`,
    to: 'drilldown',
    set: { [dimension]: `__field.labels.${dimension}` },
    keep: dimensions.filter((name) => name !== dimension),
    time: 'point',
  });

/** The line of all that is chosen, in the time before each point: what is usual. */
const bandLooks = {
  lower: [
    { id: 'displayName', value: 'usual: quartiles' },
    { id: 'custom.lineWidth', value: 0 },
    { id: 'custom.fillOpacity', value: 0 },
  ],
  median: [
    { id: 'displayName', value: 'usual: median' },
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } },
    { id: 'custom.lineWidth', value: 1 },
    { id: 'custom.fillOpacity', value: 0 },
  ],
  upper: [
    { id: 'displayName', value: 'usual: upper quartile' },
    { id: 'custom.lineWidth', value: 0 },
    { id: 'custom.fillBelowTo', value: 'usual: quartiles' },
    { id: 'custom.fillOpacity', value: 18 },
    { id: 'custom.hideFrom', value: { legend: true, tooltip: false, viz: false } },
  ],
} as const;

export const ratePanel = (dimension: Dimension): LinesPanel => {
  const panel = linesPanel({
    title: `Throttle rate by ${dimension}`,
    description: `${meaning} The ${maxLines} with the most denied decisions; ${rest} is everybody else together. The band is what is usual of all that is chosen: median and middle half of the two hours before each point (of the seven days before, beyond two days), without the last ten minutes.`,
    unit: share,
    sql: throttleRateBy(dimension),
    also: { B: usualRate },
  })
    .displayName(`\${__field.labels.${dimension}}`)
    .dataLinks([behind(dimension)]);
  for (const [line, look] of Object.entries(bandLooks)) {
    panel.overrideByName(line, [...look, { id: 'color', value: { mode: 'fixed', fixedColor: 'text' } }]);
    panel.overrideByName(line, [{ id: 'links', value: [] }]);
  }
  return panel;
};

export const outcomes = (): LinesPanel =>
  columnLooks(
    stackedPanel({
      title: 'Decisions by outcome',
      description:
        'Allowed, denied by the limiter, refused by the block list. Where a line breaks nothing was stored: either nobody asked, or the pipeline stood still; the dashboard of the pipeline tells.',
      unit: 'reqps',
      sql: decisionsByOutcome,
    }).dataLinks([
      linkTo({
        title: 'Decisions in the hour around this point',
        to: 'drilldown',
        set: {},
        keep: dimensions,
        time: 'point',
      }),
    ]),
    { allowed: { color: 'green' }, denied: { color: 'orange' }, blocked: { color: 'red' } },
  );

export const latencies = (): LinesPanel =>
  columnLooks(
    linesPanel({
      title: 'Latency of decisions',
      description: 'Median and tails. Interpolated within buckets whose bounds are powers of two.',
      unit: 'ms',
      sql: latency,
    }),
    { p50_ms: { title: 'p50' }, p95_ms: { title: 'p95' }, p99_ms: { title: 'p99' } },
  );

const choicesOf = (column: string): Record<Dimension, string> =>
  Object.fromEntries(dimensions.map((name) => [name, `__data.fields.${column}${name}`])) as Record<Dimension, string>;

export const spikeTable = (): TablePanel => {
  const panel = tablePanel({
    title: 'Spikes',
    description: `Where far more is denied than is usual, as the alert sees it, each with its probable cause and the numbers that say so. Of a long range the newest ${judgedHours} hours are judged. The link leads to the decisions behind it.`,
    unit: 'short',
    sql: spikesFound,
    empty: 'no spikes',
  }).dataLinks([
    linkTo({ title: 'The decisions behind this spike', to: 'drilldown', set: choicesOf('to_'), time: 'row' }),
  ]);
  return columnLooks(panel, {
    first_minute: { title: 'began' },
    last_minute: { title: 'last seen' },
    dimension: { title: 'of' },
    worst_rate: { title: 'denied at worst', unit: share },
    usual_rate: { title: 'usual', unit: share },
    worst_z: { title: 'standard deviations above' },
    most_denied: { title: 'denied in three minutes' },
    most_clients: { title: 'clients' },
    probable_cause: { title: 'probable cause' },
    one_client: { title: 'most denied client', unit: share },
    early: { title: 'early retries', unit: share },
    degraded: { title: 'without store', unit: share },
    new_versions: { title: 'new policies' },
    ...Object.fromEntries(
      ['from_ms', 'to_ms', ...dimensions.map((name) => `to_${name}`)].map((column) => [
        column,
        { isHidden: true as const },
      ]),
    ),
  });
};

export const ranking = (): TablePanel =>
  columnLooks(
    tablePanel({
      title: 'Where requests are denied',
      description:
        'By tenant and route; the most denied first. Many routes of one tenant: its limit is too low, or it is abused. Whole hours beyond two days of range, whole days beyond two months.',
      unit: 'short',
      sql: mostThrottled,
      empty: 'nothing denied',
    }).dataLinks([
      linkTo({
        title: 'Decisions of this tenant and route',
        to: 'drilldown',
        set: { tenant: '__data.fields.to_tenant', route: '__data.fields.to_route' },
        time: 'range',
      }),
    ]),
    {
      all_decisions: { title: 'decisions' },
      all_denied: { title: 'denied' },
      all_blocked: { title: 'blocked' },
      rate: { title: 'throttle rate', unit: share },
      to_tenant: { isHidden: true },
      to_route: { isHidden: true },
    },
  );
