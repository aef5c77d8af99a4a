import { decodeBlockChange } from '../event/block-change.ts';
import { decodeEvent } from '../event/event-codec.ts';
import { healthTopic, type TopicOptions, topics } from '../event/event-log.ts';
import { decodeHealthSample } from '../event/health-sample.ts';
import { decodePolicyLoad } from '../event/policy-load.ts';
import type { RowDecoder } from './block.ts';

/** What differs from topic to topic. */
export interface IngestedTopic {
  readonly topic: string;
  /** One group for one topic: members that read different topics would be given each other's partitions. */
  readonly group: string;
  readonly decodeRow: RowDecoder;
  readonly compacted: boolean;
  /** As which it is created where it is missing. Default: as the log makes topics. */
  readonly as?: TopicOptions;
}

/** What ingest moves into the database. */
export const ingestedTopics = {
  decisions: { topic: topics.decisions, group: 'tidegate-ingest', decodeRow: decodeEvent, compacted: false },
  blocks: { topic: topics.blocks, group: 'tidegate-ingest-blocks', decodeRow: decodeBlockChange, compacted: false },
  policies: { topic: topics.policies, group: 'tidegate-ingest-policies', decodeRow: decodePolicyLoad, compacted: true },
  health: {
    topic: topics.health,
    group: 'tidegate-ingest-health',
    decodeRow: decodeHealthSample,
    compacted: false,
    as: healthTopic,
  },
} as const satisfies Record<string, IngestedTopic>;

/** The group that moves a topic into the database; null: none does. */
export const ingestGroupOf = (topic: string): string | null =>
  Object.values(ingestedTopics).find((of) => of.topic === topic)?.group ?? null;
