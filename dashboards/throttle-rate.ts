import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { chosenSource } from './clickhouse-query.ts';
import { linesPanel, numberPanel, stackedPanel, steps, tablePanel } from './panels.ts';
import {
  type Dimension,
  decisionsByOutcome,
  dimensions,
  freshness,
  latency,
  mostThrottled,
  throttleRateBy,
  throttleRateInAll,
  totalOf,
  valuesOf,
} from './throttle-sql.ts';

const outcomeColors = { allowed: 'green', denied: 'orange', blocked: 'red' } as const;

const meaning = {
  rate: 'Of what the limiter decided, the share it denied. What the block list refused never reached the limiter.',
  fresh: 'Since the start of the newest minute that has decisions. Beyond three minutes under traffic: look at ingest.',
};

const sourceVariable = new DatasourceVariableBuilder('source')
  .label('ClickHouse')
  .type('grafana-clickhouse-datasource')
  .current({ text: 'Tidegate', value: 'tidegate-clickhouse' });

const variableOf = (dimension: Dimension): QueryVariableBuilder =>
  new QueryVariableBuilder(dimension)
    .label(dimension)
    .datasource(chosenSource)
    .query(valuesOf(dimension))
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] });

const numbers = [
  numberPanel({ title: 'Throttle rate', description: meaning.rate, unit: 'percentunit', sql: throttleRateInAll })
    .decimals(2)
    .thresholds(steps()),
  numberPanel({ title: 'Decisions', description: 'All decisions in range.', unit: 'short', sql: totalOf('decisions') }),
  numberPanel({ title: 'Denied', description: 'Denied by the limiter.', unit: 'short', sql: totalOf('denied') }),
  numberPanel({ title: 'Blocked', description: 'Refused by the block list.', unit: 'short', sql: totalOf('blocked') }),
  numberPanel({ title: 'Age of the data', description: meaning.fresh, unit: 's', sql: freshness }).thresholds(
    steps([
      { value: null, color: 'green' },
      { value: 180, color: 'yellow' },
      { value: 600, color: 'red' },
    ]),
  ),
];

const ratePanel = (dimension: Dimension): PanelBuilder =>
  linesPanel({
    title: `Throttle rate by ${dimension}`,
    description: `${meaning.rate} The ten with the most denied decisions.`,
    unit: 'percentunit',
    sql: throttleRateBy(dimension),
  }).displayName(`\${__field.labels.${dimension}}`);

const outcomes = stackedPanel({
  title: 'Decisions by outcome',
  description: 'Allowed, denied by the limiter, refused by the block list.',
  unit: 'reqps',
  sql: decisionsByOutcome,
});
for (const [outcome, color] of Object.entries(outcomeColors)) {
  outcomes.overrideByName(`${outcome}_per_second`, [
    { id: 'displayName', value: outcome },
    { id: 'color', value: { mode: 'fixed', fixedColor: color } },
  ]);
}

const latencies = linesPanel({
  title: 'Latency of decisions',
  description: 'Median and tails. Interpolated within buckets whose bounds are powers of two.',
  unit: 'ms',
  sql: latency,
});
for (const quantile of ['p50', 'p95', 'p99']) {
  latencies.overrideByName(`${quantile}_ms`, [{ id: 'displayName', value: quantile }]);
}

const ranking = tablePanel({
  title: 'Where requests are denied',
  description:
    'By tenant and route; the most denied first. Many routes of one tenant: its limit is too low, or it is abused.',
  unit: 'short',
  sql: mostThrottled,
}).overrideByName('rate', [{ id: 'unit', value: 'percentunit' }]);

/** Throttle rate by tenant, route and region. */
export const throttleRateDashboard = (): Dashboard => {
  const dashboard = new DashboardBuilder('Tidegate: throttle rate')
    .uid('tidegate-overview')
    .description(
      'What share of requests the limiter denies, and whose. Generated: change dashboards/, then npm run dashboards.',
    )
    .tags(['tidegate'])
    .readonly()
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(sourceVariable);
  for (const dimension of dimensions) dashboard.withVariable(variableOf(dimension));
  // Ids are fixed, so that links and alerts to a panel outlive a new order.
  numbers.forEach((panel, index) => {
    dashboard.withPanel(
      panel
        .id(index + 1)
        .height(4)
        .span(index === 0 ? 8 : 4),
    );
  });
  const charts = [outcomes, ratePanel('tenant'), ratePanel('route'), ratePanel('region'), latencies];
  charts.forEach((panel, index) => {
    dashboard.withPanel(
      panel
        .id(index + 11)
        .height(8)
        .span(12),
    );
  });
  dashboard.withPanel(ranking.id(21).height(10).span(24));
  return dashboard.build();
};
