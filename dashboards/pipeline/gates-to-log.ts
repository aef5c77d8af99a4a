import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { withAlertLine } from '../alert-bounds.ts';
import { barsPanel, onTheRight, untold } from '../figure-panels.ts';
import { linesPanel } from '../panels.ts';
import { coarsened, eventsWaiting, lost, mergeRatio, oldestWait } from './sql.ts';

/** From gates to the log, by panel id. */
export const gatePanels = (): Readonly<Record<number, PanelBuilder>> => ({
  15: linesPanel({
    title: 'Decisions per row',
    description:
      'How many decisions a stored row stands for: what merging saves. Falls with many clients, rises in a flood.',
    unit: 'short',
    sql: mergeRatio,
  }),
  20: withAlertLine(
    onTheRight(
      linesPanel({
        title: 'Events that wait',
        description:
          'Decisions that are not in the log yet, and how long the oldest has been waiting. Both grow while Kafka is away; nothing is lost by it.',
        unit: 'short',
        sql: eventsWaiting,
        also: { B: oldestWait },
        empty: untold,
      }),
      'oldest',
      's',
    ),
    { on: 'pipeline', id: 20, figure: 'eventsOldestWait' },
  ),
  21: barsPanel({
    title: 'Events made coarser, and lost',
    description:
      'Coarser: told less apart for lack of room (interval, then client, then tenant); totals hold. Lost: given up when a process ended.',
    unit: 'short',
    sql: coarsened,
    also: { B: lost },
    empty: untold,
  }),
});
