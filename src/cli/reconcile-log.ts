import type { LogPosition } from '../analytics/audit-ranges.ts';
import type { LogSide } from '../analytics/audit-reconcile.ts';
import type { EventLog } from '../event/event-log.ts';
import { ingestGroupOf } from '../ingest/ingested-topics.ts';
import { decodeIntent } from '../ingest/intent.ts';

/**
 * Where the group of ingest stands in this log. `exists` keeps a topic that nobody has written to from being created by
 * the question. Rejects with INPUT_INVALID when a later release has committed what this one cannot read.
 */
export const logSideOf = (
  log: EventLog,
  exists: (topic: string) => boolean = () => true,
  groupOf: (topic: string) => string | null = ingestGroupOf,
): LogSide => ({
  positions: async (topic) => {
    const group = groupOf(topic);
    if (group === null || !exists(topic)) return null;
    const [committed, ends] = await Promise.all([log.committedOf(topic, group), log.endPositions(topic)]);
    return new Map(
      [...ends].map(([partition, endOffset]): [number, LogPosition] => {
        const { offset, metadata } = committed.get(partition) ?? { offset: null, metadata: '' };
        const intent = decodeIntent(metadata);
        const underWay = intent && {
          topicId: intent.topicId,
          startOffset: intent.startOffset,
          endOffset: intent.endOffset,
          rows: intent.rows,
        };
        return [partition, { committedOffset: offset, underWay, endOffset }];
      }),
    );
  },
});
