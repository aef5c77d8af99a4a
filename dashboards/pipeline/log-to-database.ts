import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { withAlertLine } from '../alert-bounds.ts';
import { barsBy, barsPanel, linesBy, untold } from '../figure-panels.ts';
import { linesPanel } from '../panels.ts';
import {
  deadLettersByTopic,
  dedupMargin,
  delay,
  drift,
  findings,
  freshnessByTopic,
  insertDuration,
  lagByTopic,
  ownedPartitions,
  retries,
  rowsPerSecond,
  rowsWrong,
  waitingPartitions,
} from './sql.ts';

/** Whether ingest keeps up, by panel id. */
export const delayPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  11: withAlertLine(
    linesBy('topic', {
      title: 'Lag by topic',
      description: 'Records that are not stored yet: the most within each point, over all partitions.',
      unit: 'short',
      sql: lagByTopic,
      empty: untold,
    }),
    { on: 'pipeline', id: 11, figure: 'ingestLag' },
  ),
  12: withAlertLine(
    linesBy('topic', {
      title: 'Freshness by topic',
      description: 'Age of the newest event stored. Grows while nothing happens: compare with decisions per second.',
      unit: 's',
      sql: freshnessByTopic,
      empty: untold,
    }),
    { on: 'pipeline', id: 12, figure: 'ingestFreshness' },
  ),
  13: linesPanel({
    title: 'From decision to database',
    description:
      'How long after it was taken a decision was stored. Of blocks; interpolated within the buckets of the histogram.',
    unit: 's',
    sql: delay,
    empty: untold,
  }),
});

/** What is stored, and what is not, by panel id. */
export const storedPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  14: linesBy('topic', {
    title: 'Rows stored per second',
    description: 'By topic. A row of decisions stands for several of them.',
    unit: 'rowsps',
    sql: rowsPerSecond,
    empty: untold,
  }),
  16: barsBy('topic', {
    title: 'Dead letters by topic',
    description: 'Records and rows that no retry would store: read the topic tidegate.dead-letters.',
    unit: 'short',
    sql: deadLettersByTopic,
    empty: untold,
  }),
  19: linesPanel({
    title: 'Duration of inserts',
    description: 'How long the database took for one block.',
    unit: 's',
    sql: insertDuration,
    empty: untold,
  }),
});

/** Whether the numbers agree, by panel id. */
export const proofPanels = (): Readonly<Record<number, PanelBuilder>> => ({
  17: withAlertLine(
    linesPanel({
      title: 'Drift, and what was found',
      description:
        'Of the last audit over the last day. Drift is 0, or log, ledger, rows and rollups do not agree; findings name what it is, and what is none.',
      unit: 'short',
      sql: drift,
      also: { B: findings },
      empty: 'not compared yet',
    }),
    { on: 'pipeline', id: 17, figure: 'auditDrift' },
  ),
  18: linesPanel({
    title: 'Partitions owned, and waiting',
    description: 'Owned: over all processes as many as each topic has. Waiting: for Kafka or ClickHouse to come back.',
    unit: 'short',
    sql: ownedPartitions,
    also: { B: waitingPartitions },
    empty: untold,
  }),
  24: withAlertLine(
    linesPanel({
      title: 'Deduplication margin',
      description: 'How many times the longest pause of ingest fits into what ClickHouse remembers of blocks.',
      unit: 'short',
      sql: dedupMargin,
      empty: 'no window to judge',
    }),
    { on: 'pipeline', id: 24, figure: 'dedupMargin' },
  ),
  28: barsPanel({
    title: 'Rows lost, missing, doubled, repaired',
    description:
      'Lost, missing, changed and stored twice must never happen. Doubled ones were left out, repaired ones completed after a crash: that is the protocol at work.',
    unit: 'short',
    sql: rowsWrong.lost,
    also: {
      B: rowsWrong.missing,
      C: rowsWrong.twice,
      D: rowsWrong.changed,
      E: rowsWrong.doubled,
      F: rowsWrong.repaired,
    },
    empty: untold,
  }),
  30: barsBy('topic', {
    title: 'Requests to an engine tried again',
    description: 'Kafka or ClickHouse did not answer, or refused.',
    unit: 'short',
    sql: retries,
    empty: untold,
  }),
});
