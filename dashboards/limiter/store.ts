import type { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { withAlertLine } from '../alert-bounds.ts';
import { barsBy, linesBy, untold } from '../figure-panels.ts';
import { columnLooks, linesPanel, tablePanel } from '../panels.ts';
import {
  blockListAge,
  breakers,
  countersLost,
  gates,
  gatesStoreLatency,
  leasedCounters,
  lentUnits,
  policyVersions,
  storeLatency,
} from './sql.ts';

/** The counter store as gates see it, by panel id. */
export const storePanels = (): Readonly<Record<number, PanelBuilder>> => ({
  15: withAlertLine(
    linesBy('command', {
      title: 'Breakers open',
      description: 'Gates that leave their store alone because it failed, the most within each point.',
      unit: 'short',
      sql: breakers,
      empty: untold,
    }),
    { on: 'limiter', id: 15, figure: 'breakerOpen' },
  ),
  16: linesPanel({
    title: 'Latency of the store',
    description:
      'What Redis took for one call: of the processes of tidegate all timed calls; of embedded gates the slowest gate of each point.',
    unit: 's',
    sql: storeLatency,
    also: { B: gatesStoreLatency.p50, C: gatesStoreLatency.p99 },
    empty: untold,
  }),
  18: barsBy('loss', {
    title: 'Counters lost',
    description:
      'Redis came back, or took over, without counters that it had: limits admit more until they have filled again.',
    unit: 'short',
    sql: countersLost,
    empty: untold,
  }),
  22: linesPanel({
    title: 'Leases',
    description:
      'Counters so hot that processes spend from them without asking, and units lent that are not spent yet.',
    unit: 'short',
    sql: lentUnits,
    also: { B: leasedCounters },
    empty: untold,
  }),
});

/** Whether all gates enforce the same, by panel id. */
export const gatePanels = (): Readonly<Record<number, PanelBuilder>> => ({
  19: linesPanel({
    title: 'Policy versions in force',
    description:
      '1: all gates enforce the same policies. More for longer than a roll-out takes: some gate did not follow.',
    unit: 'short',
    sql: policyVersions,
    empty: untold,
  }).decimals(0),
  20: withAlertLine(
    linesBy('gate', {
      title: 'Age of the block list',
      description:
        'Since it was last known to be complete. The ten gates with the oldest ones; of the rest, as other, the oldest.',
      unit: 's',
      sql: blockListAge,
      empty: untold,
    }),
    { on: 'limiter', id: 20, figure: 'blockListAge' },
  ),
});

export const gateTable = (): Readonly<Record<number, TableBuilder>> => ({
  31: columnLooks(
    tablePanel({
      title: 'Gates and versions',
      description: 'All that were heard within the last hour of the range, those that fell silent first.',
      unit: 'short',
      sql: gates,
      empty: untold,
    }),
    {
      region_of: { title: 'region' },
      list_age_seconds: { title: 'age of block list', unit: 's' },
      list_entries: { title: 'entries' },
      breakers_open: { title: 'breaker' },
      events_waiting: { title: 'events waiting' },
      silent_seconds: { title: 'silent for', unit: 's' },
    },
  ),
});
