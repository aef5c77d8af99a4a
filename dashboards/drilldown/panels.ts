import type { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import type { PanelBuilder as LinesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { dimensions } from '../decision-rows.ts';
import { linkTo } from '../links.ts';
import { columnLooks, linesPanel, stackedPanel, tablePanel } from '../panels.ts';
import { everybodysHours } from './client-rows.ts';
import * as sql from './client-sql.ts';
import { blocksOfClient, decisionsOneByOne, mostRows, policiesAndLimits } from './table-sql.ts';

const share = 'percentunit';
const nothingDenied = 'nothing denied';
const readsSingle = `Of everybody the newest ${everybodysHours} hours of the time on screen; of one client all of it.`;

const thisClient = (expression: string): ReturnType<typeof linkTo> =>
  linkTo({ title: 'This client', to: 'drilldown', set: { client: expression }, keep: dimensions, time: 'range' });

export const denialsByClient = (): LinesPanel =>
  stackedPanel({
    title: 'Denied, by client',
    description: `The ${sql.lines} most denied clients, and ${sql.rest} for everybody else together. One broad line: one client. Many thin ones: a limit that is too low, or a fault. Not narrowed by region.`,
    unit: 'reqps',
    sql: sql.denialsByClient,
    empty: nothingDenied,
  })
    .displayName(`\${__field.labels.who}`)
    .dataLinks([thisClient('__field.labels.who')]);

export const outcomes = (): LinesPanel =>
  columnLooks(
    stackedPanel({
      title: 'Outcomes',
      description: 'What was decided about the client that is named above, or about all that is chosen.',
      unit: 'reqps',
      sql: sql.outcomesOfClient,
    }),
    { allowed: { color: 'green' }, denied: { color: 'orange' }, blocked: { color: 'red' } },
  );

export const remaining = (): LinesPanel =>
  linesPanel({
    title: 'Least left of the limit',
    description: `By policy: the least share of its limit that a decision left. At 0 it denies. ${readsSingle}`,
    unit: share,
    sql: sql.remaining,
    empty: 'no limits decided',
  }).displayName(`\${__field.labels.policy}`);

export const earlyRetries = (): LinesPanel =>
  columnLooks(
    linesPanel({
      title: 'Early retries',
      description:
        'Denied decisions, and those of them that came back before they were told to: a client that does not honour Retry-After. A lower bound in a fleet.',
      unit: 'reqps',
      sql: sql.earlyRetries,
      empty: nothingDenied,
    }),
    { denied_per_second: { title: 'denied', color: 'orange' }, early_per_second: { title: 'early', color: 'red' } },
  );

export const sources = (): LinesPanel =>
  stackedPanel({
    title: 'What decided',
    description: `store and lease: as it should be. deny-cache: refused without asking again. fallback, fail-open and fail-closed: without the store. ${readsSingle}`,
    unit: 'reqps',
    sql: sql.bySource,
  }).displayName(`\${__field.labels.source}`);

export const topClients = (): TablePanel =>
  columnLooks(
    tablePanel({
      title: 'Most denied clients',
      description: 'Who is denied, and on which of its routes most. The link narrows this page to the client.',
      unit: 'short',
      sql: sql.topClients,
      empty: nothingDenied,
    }).dataLinks([thisClient('__data.fields.who')]),
    {
      who: { title: 'client' },
      all_denied: { title: 'denied' },
      all_blocked: { title: 'blocked' },
      early_share: { title: 'early retries', unit: share },
      route_count: { title: 'routes' },
      routes: { title: 'most denied routes' },
      last_seen: { title: 'last denied' },
    },
  );

export const limits = (): TablePanel =>
  columnLooks(
    tablePanel({
      title: 'Policies and limits',
      description: `Which policies decided, in which version, with which limit. ${readsSingle}`,
      unit: 'short',
      sql: policiesAndLimits,
    }),
    {
      policy_version: { title: 'version' },
      allowed_per_window: { title: 'limit' },
      least_left: { title: 'least left' },
      all_denied: { title: 'denied' },
      last_seen: { title: 'last decision' },
    },
  );

export const blocksHeld = (): TablePanel =>
  columnLooks(
    tablePanel({
      title: 'Blocks',
      description: 'Blocks that held or changed in the time on screen, made at most 30 days before it, as they stand.',
      unit: 'short',
      sql: blocksOfClient,
      empty: 'no blocks',
    }),
    {
      block_id: { title: 'block' },
      who: { title: 'client' },
      tenants: { title: 'tenant' },
      state_now: { title: 'state' },
      rules: { title: 'rule' },
      strikes_then: { title: 'strikes' },
      changed_by: { title: 'changed by' },
      changed_at: { title: 'changed' },
    },
  );

export const oneByOne = (): TablePanel =>
  columnLooks(
    tablePanel({
      title: 'Decisions',
      description: `As they are stored, newest first, ${mostRows} rows at most; a row stands for as many decisions as agree in everything. ${readsSingle}`,
      unit: 'short',
      sql: decisionsOneByOne,
    }),
    {
      allowed_per_window: { title: 'limit' },
      latency: { title: 'latency', unit: 'µs' },
      client_kind: { title: 'kind' },
    },
  );
