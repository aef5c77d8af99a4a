import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { withAlertColor } from '../alert-bounds.ts';
import { untold } from '../figure-panels.ts';
import { numberPanel } from '../panels.ts';
import { oldestUnreviewed, waitingNow } from './blocks-sql.ts';
import { bytesSpared, callsSpared, listNow, refusedInAll } from './sql.ts';

/** The block list and the queue at the end of the range, and what was spared within it, by panel id. */
export const numberPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  1: numberPanel({
    title: 'Block list',
    description: 'Entries that gates enforce: blocks, networks and imported lists.',
    unit: 'short',
    sql: listNow,
    empty: untold,
  }),
  2: numberPanel({
    title: 'Waiting for review',
    description: 'Blocks of the detector that hold, or are proposed, and that nobody has judged yet.',
    unit: 'short',
    sql: waitingNow,
    empty: 'none',
  }),
  3: withAlertColor(
    numberPanel({
      title: 'Oldest unreviewed',
      description: 'How long the oldest of them has been waiting. Every block ends by itself all the same.',
      unit: 's',
      sql: oldestUnreviewed,
      empty: 'none waits',
    }),
    { on: 'abuse', id: 3, figure: 'reviewOldestWait' },
  ),
  4: numberPanel({
    title: 'Refused',
    description: 'Requests that the block list refused within the range.',
    unit: 'short',
    sql: refusedInAll,
    empty: 'none',
  }),
  5: numberPanel({
    title: 'Store calls spared',
    description:
      'That the block list made unnecessary within the range: an upper bound, counted by the processes of tidegate. Embedded gates count refused requests alone.',
    unit: 'short',
    sql: callsSpared,
    empty: untold,
  }),
  6: numberPanel({
    title: 'Store traffic spared',
    description: 'Bytes of those calls and of their answers.',
    unit: 'bytes',
    sql: bytesSpared,
    empty: untold,
  }),
});
