import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { withAlertLine } from '../alert-bounds.ts';
import { barsBy, barsPanel, linesBy, untold } from '../figure-panels.ts';
import { linesPanel } from '../panels.ts';
import { madeByRule, madeByState } from './blocks-sql.ts';
import {
  breakers,
  callsSparedPerSecond,
  heldBack,
  list,
  refusedPerSecond,
  suppressedByReason,
  verdictsByResult,
} from './sql.ts';

const noBlocks = 'no blocks';

/** The list, and what it keeps away, by panel id. */
export const listPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  11: linesPanel({
    title: 'Block list over time',
    description:
      'Entries at the gate with the most, at the one with the fewest, and networks. The first two differ: a gate does not follow.',
    unit: 'short',
    sql: list.largest,
    also: { B: list.smallest, C: list.networks },
    empty: untold,
  }),
  17: linesPanel({
    title: 'Refused, and store calls spared',
    description:
      'Requests that the block list refused, per second, of all gates; and store calls that this spared the processes of tidegate.',
    unit: 'reqps',
    sql: refusedPerSecond,
    also: { B: callsSparedPerSecond },
    empty: 'nobody refused',
  }),
});

/** What became of verdicts, by panel id. */
export const promotionPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  12: barsBy('which', {
    title: 'Blocks made, by rule',
    description: 'By the detector, and by hand (manual). The ten rules with the most; the rest as other.',
    unit: 'short',
    sql: madeByRule,
    empty: noBlocks,
  }),
  13: barsBy('result', {
    title: 'Verdicts, by result',
    description: 'What became of what the detector concluded.',
    unit: 'short',
    sql: verdictsByResult,
    empty: untold,
  }),
  14: barsBy('which', {
    title: 'Blocks made, by mode',
    description:
      'As they began: active of a rule that enforces, proposed of one under review or over its budget, shadow of one that only records.',
    unit: 'short',
    sql: madeByState,
    empty: noBlocks,
  }),
});

/** Why there are no blocks where a rule concluded one, by panel id. */
export const restraintPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  18: barsBy('why', {
    title: 'Verdicts suppressed, by why',
    description: 'Because of a tombstone of a lift, an allow entry, identities behind an address, and so on.',
    unit: 'short',
    sql: suppressedByReason,
    empty: untold,
  }),
  19: withAlertLine(
    linesBy('which', {
      title: 'Breakers of rules',
      description:
        '1: over its budget, the rule only proposes until a person resets it. 0.5: it was reset. *: all rules together.',
      unit: 'short',
      sql: breakers,
      empty: 'no rule has blocked yet',
    }).max(1),
    { on: 'abuse', id: 19, figure: 'ruleBreakerOpen' },
  ),
  20: barsPanel({
    title: 'Held back',
    description:
      'Verdicts of enforcing rules that were only proposed, verdicts that the list refuses for good, and attempts that failed.',
    unit: 'short',
    sql: heldBack.budget,
    also: { B: heldBack.refused, C: heldBack.failed },
    empty: untold,
  }),
});
