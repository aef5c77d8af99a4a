import { DashboardLinkBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { barsBy, onTheRight } from '../figure-panels.ts';
import { linkTo } from '../links.ts';
import { columnLooks, linesPanel, tablePanel } from '../panels.ts';
import { liftsByReason, precision, reviewAge } from './blocks-sql.ts';
import { knockingHours, mostWanted, stillKnocking } from './clients-sql.ts';

/** Where the console is, for links to a block. */
export const consoleVariable = 'console';

const inConsole = new DashboardLinkBuilder('This block in the console')
  .url(`\${${consoleVariable}:raw}/#/blocks/\${__data.fields.block:percentencode}`)
  .targetBlank(true);

const behind = linkTo({
  title: 'Decisions of this client',
  to: 'drilldown',
  set: { client: '__data.fields.who' },
  time: 'range',
});

/** What people do about blocks, by panel id. */
export const reviewPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  15: barsBy('why', {
    title: 'Lifts, by reason',
    description:
      'False positive: the rule was wrong. Goodwill says nothing of the rule. Allow-list: an allow entry ended it.',
    unit: 'short',
    sql: liftsByReason,
    empty: 'no lifts',
  }),
  16: onTheRight(
    linesPanel({
      title: 'Review age',
      description:
        'Blocks of the detector that wait for their first judgement, and how long the oldest of them has, at the end of each point.',
      unit: 'short',
      sql: reviewAge,
      empty: 'none waited',
    }),
    'oldest',
    's',
  ),
});

export const precisionTable = (): Readonly<Record<number, TableBuilder>> => ({
  31: columnLooks(
    tablePanel({
      title: 'Precision of rules',
      description:
        'Of the blocks that each content of a rule made and that people judged within the range, the share that was right, with its 95 % interval. Goodwill says nothing of the rule.',
      unit: 'short',
      sql: precision,
      empty: 'no blocks',
    }),
    {
      by_rule: { title: 'rule' },
      false_positives: { title: 'false positives' },
      share: { title: 'precision', unit: 'percentunit' },
      low: { title: 'at least', unit: 'percentunit' },
      high: { title: 'at most', unit: 'percentunit' },
    },
  ),
});

export const clientTables = (): Readonly<Record<number, TableBuilder>> => ({
  32: columnLooks(
    tablePanel({
      title: 'Still knocking',
      description: `Blocked clients that keep coming, of the last ${knockingHours} hours of the range at most. Whoever knocks until the end comes back after it: extend, or look why.`,
      unit: 'short',
      sql: stillKnocking,
      empty: 'nobody',
    }).dataLinks([inConsole, behind]),
    {
      who: { title: 'blocked' },
      by_rule: { title: 'rule' },
      last_seen: { title: 'last seen' },
      state_now: { title: 'state' },
      strikes_then: { title: 'strikes' },
    },
  ),
  33: columnLooks(
    tablePanel({
      title: 'Most wanted',
      description: 'The clients that the limiter denied most within the range, blocked since or not.',
      unit: 'short',
      sql: mostWanted,
      empty: 'nobody was denied',
    }).dataLinks([behind]),
    {
      who: { title: 'client' },
      all_denied: { title: 'denied' },
      all_blocked: { title: 'blocked' },
      early_share: { title: 'came early', unit: 'percentunit' },
      last_seen: { title: 'last seen' },
    },
  ),
});
