import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { defaultObjectives } from '../../src/clickhouse/alert-objectives.ts';
import { linesBy, onTheRight, stackedBy } from '../figure-panels.ts';
import { linesPanel } from '../panels.ts';
import { decisionsBySource, degradedByReason, slowestBySource, spared } from './by-source-sql.ts';
import { degradedOverTime, latency, overDeadline } from './sql.ts';

const beyondSixHours =
  'Up to six hours from single rows, every decision; beyond, from what processes and gates count, in health_samples.';

/** How long decisions take, by panel id. */
export const latencyPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  11: linesPanel({
    title: 'Latency of decisions',
    description: 'Median and tails of all decisions, interpolated within buckets whose bounds are powers of two.',
    unit: 's',
    sql: latency,
  }),
  12: linesBy('source', {
    title: 'Latency by source, p99',
    description: `What the store takes, and what is decided without asking it. ${beyondSixHours} Embedded gates do not count latency by source.`,
    unit: 's',
    sql: slowestBySource,
  }),
  21: linesPanel({
    title: 'Over the deadline',
    description: `Share of decisions that took longer than ${defaultObjectives.deadlineUs / 1000} ms. Within a bucket they are spread evenly over the logarithm, as the alert about this budget has it.`,
    unit: 'percentunit',
    sql: overDeadline,
  }),
});

/** Who decides, by panel id. */
export const sourcePanels = (): Readonly<Record<number, PanelBuilder>> => ({
  13: stackedBy('source', {
    title: 'Decisions by source',
    description: `Who decided: the store, what is remembered of it (lease, deny-cache), or what stands in for it (fallback, fail-open, fail-closed). ${beyondSixHours}`,
    unit: 'reqps',
    sql: decisionsBySource,
  }),
  14: onTheRight(
    stackedBy('why', {
      title: 'Degraded decisions by reason',
      description: `Decided without the primary store, and why; to the right their share of what the limiter decided. ${beyondSixHours} Embedded gates count no reasons: not told.`,
      unit: 'reqps',
      sql: degradedByReason,
      also: { B: degradedOverTime },
      empty: 'none',
    }),
    'share',
    'percentunit',
  ),
  17: linesPanel({
    title: 'Leases and deny cache',
    description:
      'Of what the limiter decided, the share that was spent from a lease or denied from memory: no call of the store.',
    unit: 'percentunit',
    sql: spared,
  }),
});
