import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { defaultObjectives } from '../../src/clickhouse/alert-objectives.ts';
import { withAlertColor } from '../alert-bounds.ts';
import { untold } from '../figure-panels.ts';
import { numberPanel, worseAbove } from '../panels.ts';
import { breakersNow, degradedInAll, gatesNow, oldestListNow, overDeadlineInAll, slowestNow } from './sql.ts';

const { deadlineUs, slowShare, degradedShare } = defaultObjectives;
const deadlineS = deadlineUs / 1e6;

/** How the limiter did over the range, and how it stands at its end, by panel id. */
export const numberPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  1: numberPanel({
    title: 'Latency, p99',
    description: `Of all decisions of the range, interpolated within buckets whose bounds are powers of two. The deadline of the store is ${1000 * deadlineS} ms by default.`,
    unit: 's',
    sql: slowestNow,
  }).thresholds(worseAbove(deadlineS / 2, deadlineS)),
  2: numberPanel({
    title: 'Degraded',
    description: 'Of what the limiter decided in the range, the share that was decided without the primary store.',
    unit: 'percentunit',
    sql: degradedInAll,
  })
    .decimals(2)
    .thresholds(worseAbove(degradedShare / 10, degradedShare)),
  3: withAlertColor(
    numberPanel({
      title: 'Breakers open',
      description: 'Gates that leave their store alone because it failed, at the end of the range.',
      unit: 'short',
      sql: breakersNow,
      empty: untold,
    }),
    { on: 'limiter', id: 15, figure: 'breakerOpen' },
  ),
  4: withAlertColor(
    numberPanel({
      title: 'Oldest block list',
      description: 'Since the block list of some gate was last known to be complete. It stays in force as it is.',
      unit: 's',
      sql: oldestListNow,
      empty: untold,
    }),
    { on: 'limiter', id: 20, figure: 'blockListAge' },
  ),
  5: numberPanel({
    title: 'Over the deadline',
    description: `Share of the decisions of the range that took longer than ${1000 * deadlineS} ms. The alert promises ${100 * slowShare} %.`,
    unit: 'percentunit',
    sql: overDeadlineInAll,
  })
    .decimals(3)
    .thresholds(worseAbove(slowShare / 2, slowShare)),
  6: numberPanel({
    title: 'Gates',
    description: 'That share the limits, as they know of each other.',
    unit: 'short',
    sql: gatesNow,
    empty: untold,
  }),
});
