import kafkajs, { type Admin } from 'kafkajs';
import { messageOf } from '../errors.ts';
import type { Positions } from '../event/event-log.ts';
import type { Logger } from '../logger.ts';
import type { KafkaConnection } from './client.ts';
import { offsetRanges } from './topic.ts';

/** What a topic is, as far as those who read it depend on it. */
export interface TopicFacts {
  readonly topic: string;
  readonly partitions: number;
  readonly ends: Positions;
  /** How long a record is kept, milliseconds; null: for ever, or not known. */
  readonly retentionMs: number | null;
  /** Bytes of a partition that are kept; null: any number, or not known. */
  readonly retentionBytes: number | null;
  readonly compacted: boolean;
  /** Records carry the broker's time. Null: not known. */
  readonly appendTime: boolean | null;
  /** The newest of these thresholds, milliseconds, by which a record's time is ahead of this clock at least; 0: none is. */
  readonly aheadMs: number;
}

export interface TopicFactsOptions {
  readonly connection: KafkaConnection;
  readonly topics: readonly string[];
  /** Differences of clocks that matter, milliseconds. */
  readonly thresholdsMs: readonly number[];
  readonly logger: Logger;
}

// Not by its name: of a CommonJS package Node finds only some of the names, and of this one not that.
const topicResource = kafkajs.ConfigResourceTypes.TOPIC;
const wanted = ['retention.ms', 'retention.bytes', 'cleanup.policy', 'message.timestamp.type'];

/** Settings of the topics; what a broker does not let this user ask stays unknown. */
const settingsOf = async (admin: Admin, topics: readonly string[], logger: Logger) => {
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({ type: topicResource, name, configNames: wanted })),
    });
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  } catch (error) {
    logger.debug({ cause: messageOf(error) }, 'settings of the topics could not be read');
    return new Map<string, Map<string, string>>();
  }
};

const limitOf = (value: string | undefined): number | null => {
  const limit = Number(value ?? -1);
  return limit < 0 ? null : limit;
};

/** Whether the topic holds a record of a later time: the broker finds none else, and answers with the end. */
const holdsLaterThan = async (admin: Admin, topic: string, atMs: number): Promise<boolean> => {
  // First the end: where nothing is later, the second answer is the end at that moment, which is not below this one.
  const ends = await offsetRanges(admin, topic);
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, atMs);
  return found.some(
    ({ partition, offset }) => Number(offset) >= 0 && Number(offset) < (ends.get(partition)?.high ?? 0),
  );
};

/** Looks at the topics that are there; creates none. Rejects with what kafkajs says. */
export const readTopicFacts = async (options: TopicFactsOptions): Promise<readonly TopicFacts[]> => {
  const { connection, logger, thresholdsMs } = options;
  const { admin, clock } = connection;
  const existing = new Set(await admin.listTopics());
  const topics = options.topics.filter((topic) => existing.has(topic));
  if (topics.length === 0) return [];
  const settings = await settingsOf(admin, topics, logger);
  return Promise.all(
    topics.map(async (topic) => {
      const ranges = await offsetRanges(admin, topic);
      const setting = settings.get(topic);
      let aheadMs = 0;
      for (const thresholdMs of [...thresholdsMs].sort((a, b) => a - b)) {
        if (!(await holdsLaterThan(admin, topic, clock.nowMs() + thresholdMs))) break;
        aheadMs = thresholdMs;
      }
      return {
        topic,
        partitions: ranges.size,
        ends: new Map([...ranges].map(([partition, { high }]) => [partition, high])),
        retentionMs: limitOf(setting?.get('retention.ms')),
        retentionBytes: limitOf(setting?.get('retention.bytes')),
        compacted: setting?.get('cleanup.policy')?.includes('compact') ?? false,
        appendTime: setting ? setting.get('message.timestamp.type') === 'LogAppendTime' : null,
        aheadMs,
      };
    }),
  );
};
