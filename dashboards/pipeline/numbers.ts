import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { withAlertColor } from '../alert-bounds.ts';
import { untold } from '../figure-panels.ts';
import { numberPanel, steps, worseAbove } from '../panels.ts';
import { deadLettersInAll, driftNow, freshnessNow, lagNow, lostInAll, waitingNow } from './sql.ts';

const noneIsGood = steps([
  { value: null, color: 'green' },
  { value: 1, color: 'red' },
]);

/** How it stands at the end of the range, by panel id. */
export const numberPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  1: withAlertColor(
    numberPanel({
      title: 'Lag',
      description: 'Records of the log that are not stored yet, all topics together. A record holds many decisions.',
      unit: 'short',
      sql: lagNow,
      empty: untold,
    }),
    { on: 'pipeline', id: 11, figure: 'ingestLag' },
  ),
  2: numberPanel({
    title: 'Freshness',
    description: 'Age of the newest decision that is stored. Grows while nothing is decided, too.',
    unit: 's',
    sql: freshnessNow,
    empty: untold,
  }).thresholds(worseAbove(60, 300)),
  3: withAlertColor(
    numberPanel({
      title: 'Drift',
      description:
        'What does not agree between log, ledger, rows and rollups of the last day. `tidegate reconcile` names it.',
      unit: 'short',
      sql: driftNow,
      empty: 'not compared yet',
    }),
    { on: 'pipeline', id: 17, figure: 'auditDrift' },
  ),
  4: numberPanel({
    title: 'Dead letters',
    description: 'Records and rows that could not be stored within the range: see the topic tidegate.dead-letters.',
    unit: 'short',
    sql: deadLettersInAll,
    empty: untold,
  }).thresholds(noneIsGood),
  5: numberPanel({
    title: 'Partitions that wait',
    description: 'For Kafka or ClickHouse to come back. What they hold stays in the log.',
    unit: 'short',
    sql: waitingNow,
    empty: untold,
  }).thresholds(noneIsGood),
  6: numberPanel({
    title: 'Decisions lost',
    description: 'Given up within the range by processes that ended while the log was away: they are in no total.',
    unit: 'short',
    sql: lostInAll,
    empty: untold,
  }).thresholds(noneIsGood),
});
