import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dimensionVariables } from '../choices.ts';
import { dashboardOf, marks } from '../frame.ts';
import { blockChanges, policyChanges } from '../marks-sql.ts';
import { degradedShare } from '../overview/rate-sql.ts';
import { numberPanel, worseAbove } from '../panels.ts';
import { textVariable } from '../variables.ts';
import { clientVariable, isClient } from './client-rows.ts';
import { blockedTotal, deniedClients, deniedTotal, earlyShare, newVersions, topClientShare } from './client-sql.ts';
import * as panels from './panels.ts';

const share = 'percentunit';
const nothingDenied = 'nothing denied';

const numbers = {
  1: numberPanel({
    title: 'Denied',
    description: 'Denied by the limiter. Not narrowed by region.',
    unit: 'short',
    sql: deniedTotal,
    empty: nothingDenied,
  }),
  2: numberPanel({
    title: 'Blocked',
    description: 'Refused by the block list. Not narrowed by region.',
    unit: 'short',
    sql: blockedTotal,
    empty: nothingDenied,
  }),
  3: numberPanel({
    title: 'Clients denied',
    description: 'How many different clients the limiter denied. Few of them: look at these. Many: look at the limit.',
    unit: 'short',
    sql: deniedClients,
    empty: nothingDenied,
  }),
  4: numberPanel({
    title: 'Most denied client',
    description: 'Its share of all denials. More than half: one client is the cause.',
    unit: share,
    sql: topClientShare,
    empty: nothingDenied,
  }).thresholds(worseAbove(0.25, 0.5)),
  5: numberPanel({
    title: 'Early retries',
    description: 'Of denials, those that came before they were told to. More than half: a retry storm.',
    unit: share,
    sql: earlyShare,
    empty: nothingDenied,
  }).thresholds(worseAbove(0.25, 0.5)),
  6: numberPanel({
    title: 'Without the store',
    description:
      'Of all decisions that are chosen, those made without the primary store; not narrowed to a client. More than half of the denials: a fault of the store.',
    unit: share,
    sql: degradedShare,
  }).thresholds(worseAbove(0.001, 0.01)),
  7: numberPanel({
    title: 'New policies',
    description:
      'Versions that a gate loaded for the first time in the time on screen or the quarter of an hour before. Any: see whether a limit is lower than before.',
    unit: 'short',
    sql: newVersions,
    empty: 'none loaded',
  }).thresholds(worseAbove(1, 2)),
};

/** Why a tenant or a client is denied: from a spike to the decisions behind it. */
export const drilldownDashboard = (): DashboardBuilder =>
  dashboardOf({
    name: 'drilldown',
    description: 'Why a tenant or a client is denied: from a spike to the decisions behind it.',
    from: 'now-1h',
    variables: [
      ...dimensionVariables(),
      textVariable(
        clientVariable,
        'client',
        'kind:id as in the tables, such as ip:203.0.113.9, or the id alone; empty: everybody',
      ),
    ],
    annotations: [
      marks('Policy changes', 'blue', policyChanges),
      marks('Blocks and lifts', 'red', blockChanges(isClient)),
    ],
    rows: [
      { height: 4, panels: numbers },
      { height: 9, panels: { 11: panels.denialsByClient(), 12: panels.outcomes() } },
      { title: 'Who', height: 10, panels: { 21: panels.topClients() } },
      { title: 'Why', height: 8, panels: { 13: panels.remaining(), 14: panels.earlyRetries(), 15: panels.sources() } },
      { height: 9, panels: { 22: panels.limits(), 23: panels.blocksHeld() } },
      { title: 'One by one', height: 12, panels: { 31: panels.oneByOne() } },
    ],
  });
