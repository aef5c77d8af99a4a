import { withAlertLine } from '../alert-bounds.ts';
import { barsBy, barsPanel, linesBy, untold } from '../figure-panels.ts';
import type { PanelRow } from '../frame.ts';
import { columnLooks, linesPanel, tablePanel } from '../panels.ts';
import { detectLag, eventLoopDelay, processes, relayLag, starts, switchedOff, webhooks } from './sql.ts';

/** From the log to blocks, and to people, by panel id. */
export const toBlocksPanels = (): PanelRow['panels'] => ({
  22: withAlertLine(
    linesPanel({
      title: 'Lag of the detector',
      description: 'Records of the log that are not judged yet: abuse is found later by as much.',
      unit: 'short',
      sql: detectLag,
      empty: untold,
    }),
    { on: 'pipeline', id: 22, figure: 'detectLag' },
  ),
  23: withAlertLine(
    linesPanel({
      title: 'Lag of the relay',
      description:
        'How long the oldest change of the block list waits to be published. Nothing but the audit waits for it.',
      unit: 's',
      sql: relayLag,
      empty: untold,
    }),
    { on: 'pipeline', id: 23, figure: 'relayLag' },
  ),
  27: barsPanel({
    title: 'Webhooks',
    description: 'Notices delivered, tries that failed, notices given up after a day, and how many wait.',
    unit: 'short',
    sql: webhooks.delivered,
    also: { B: webhooks.failed, C: webhooks.givenUp, D: webhooks.waiting },
    empty: 'no webhooks',
  }),
  29: withAlertLine(
    linesBy('what', {
      title: 'Switched off',
      description: '1 while blocks or limits are switched off in every gate: `tidegate panic status` says by whom.',
      unit: 'short',
      sql: switchedOff,
      empty: untold,
    }).max(1),
    { on: 'pipeline', id: 29, figure: 'switchedOff' },
  ),
});

/** The processes themselves, by panel id. */
export const processPanels = (): PanelRow['panels'] => ({
  25: barsBy('what', {
    title: 'Processes started',
    description: 'Each start of a process: a deploy, or one that does not stay up.',
    unit: 'short',
    sql: starts,
    empty: 'none',
  }),
  26: withAlertLine(
    linesBy('command', {
      title: 'Event loop delay',
      description: 'How late the event loop was, 99th percentile, at the worst process.',
      unit: 's',
      sql: eventLoopDelay,
      empty: untold,
    }),
    { on: 'pipeline', id: 26, figure: 'eventLoopDelayP99' },
  ),
});

export const processTable = (): PanelRow['panels'] => ({
  31: columnLooks(
    tablePanel({
      title: 'Processes',
      description:
        'All that were heard within the last hour of the range; each tells of itself twice a minute. Silent for longer: it is gone.',
      unit: 'short',
      sql: processes,
      empty: untold,
    }),
    {
      command_of: { title: 'command' },
      region_of: { title: 'region' },
      up_seconds: { title: 'up', unit: 's' },
      memory_bytes: { title: 'memory', unit: 'bytes' },
      silent_seconds: { title: 'silent for', unit: 's' },
    },
  ),
});
