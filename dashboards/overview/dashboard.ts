import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dimensionVariables } from '../choices.ts';
import { dimensions } from '../decision-rows.ts';
import { dashboardOf, marks } from '../frame.ts';
import { blockChanges, policyChanges } from '../marks-sql.ts';
import { numberPanel, steps, worseAbove } from '../panels.ts';
import { latencies, meaning, outcomes, ranking, ratePanel, spikeTable } from './panels.ts';
import { degradedShare, earlyShare, freshness, sparedShare, throttleRate, totalOf } from './rate-sql.ts';
import { spikeMarks, spikesNow } from './spike-sql.ts';

const fresh =
  'Since the start of the newest minute that has decisions. Beyond three minutes under traffic: look at the pipeline.';
const share = 'percentunit';

const numbers = {
  1: numberPanel({ title: 'Throttle rate', description: meaning, unit: share, sql: throttleRate })
    .decimals(2)
    .thresholds(steps()),
  2: numberPanel({
    title: 'Decisions',
    description: 'All decisions in range.',
    unit: 'short',
    sql: totalOf('decisions'),
  }),
  3: numberPanel({ title: 'Denied', description: 'Denied by the limiter.', unit: 'short', sql: totalOf('denied') }),
  4: numberPanel({
    title: 'Blocked',
    description: 'Refused by the block list.',
    unit: 'short',
    sql: totalOf('blocked'),
  }),
  5: numberPanel({
    title: 'Age of the data',
    description: fresh,
    unit: 's',
    sql: freshness,
    empty: 'none of a day',
  }).thresholds(worseAbove(180, 600)),
  6: numberPanel({
    title: 'Spikes now',
    description: 'Series of which far more is denied than is usual, in the newest three minutes.',
    unit: 'short',
    sql: spikesNow,
    empty: 'none',
  }).thresholds(worseAbove(1, 2)),
  7: numberPanel({
    title: 'Without the store',
    description: 'Of all decisions, those made without the primary store: by a fallback, or by failing open or closed.',
    unit: share,
    sql: degradedShare,
  }).thresholds(worseAbove(0.001, 0.01)),
  8: numberPanel({
    title: 'Early retries',
    description: 'Of denied decisions, those that came back before they were told to. A lower bound in a fleet.',
    unit: share,
    sql: earlyShare,
    empty: 'nothing denied',
  }).thresholds(worseAbove(0.3, 0.5)),
  9: numberPanel({
    title: 'Spared by the block list',
    description: 'Of all decisions, those that the block list refused: each of them asked no store.',
    unit: share,
    sql: sparedShare,
  }),
};

/** What is denied, to whom, and whether that is more than usual. */
export const overviewDashboard = (): DashboardBuilder => {
  const [tenant, route, region, policy] = dimensions;
  return dashboardOf({
    name: 'overview',
    description: 'What share of requests the limiter denies, whose, and whether that is more than usual.',
    variables: dimensionVariables(),
    annotations: [
      // They cost what the table of spikes costs, a second time.
      marks('Spikes', { color: 'orange', isOn: false }, spikeMarks),
      marks('Policy changes', 'blue', policyChanges),
      marks('Blocks and lifts', 'red', blockChanges()),
    ],
    rows: [
      {
        height: 4,
        panels: { 1: [numbers[1], 6], 6: [numbers[6], 4], 7: [numbers[7], 4], 8: [numbers[8], 5], 5: [numbers[5], 5] },
      },
      { height: 4, panels: { 2: numbers[2], 3: numbers[3], 4: numbers[4], 9: numbers[9] } },
      { height: 9, panels: { 11: outcomes(), 15: latencies() } },
      { title: 'Spikes', height: 8, panels: { 22: spikeTable() } },
      { title: 'Throttle rate', height: 9, panels: { 12: ratePanel(tenant), 13: ratePanel(route) } },
      { height: 9, panels: { 14: ratePanel(region), 16: ratePanel(policy) } },
      { title: 'Where', height: 10, panels: { 21: ranking() } },
    ],
  });
};
