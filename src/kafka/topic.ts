import type { Admin } from 'kafkajs';
import type { Committed } from '../event/event-log.ts';
import type { KafkaConnection } from './client.ts';

const maxReplicas = 3;

/** What is stored of one partition: the oldest record's offset, and the next one's. */
export interface OffsetRange {
  readonly low: number;
  readonly high: number;
}

/** How long a topic that was just created, here or elsewhere, may take to be known to the brokers. */
const knownWithinMs = 10_000;
const askAgainMs = 100;

/** The partitions of a topic, which is created where it is missing. */
export const ensureTopic = async (
  connection: KafkaConnection,
  topic: string,
  { partitions, compacted = false }: { partitions: number; compacted?: boolean },
): Promise<number> => {
  const { admin, brokerCount } = connection;
  // Not by asking for its metadata: a broker that creates topics by itself would do so, with one partition.
  if (!(await admin.listTopics()).includes(topic)) {
    const topics = [newTopic(topic, { partitions, brokerCount, compacted })];
    // kafkajs would wait for leaders only if the answering broker knows the topic at once, and fail otherwise.
    await admin.createTopics({ topics, waitForLeaders: false });
  }
  return partitionsOf(connection, topic);
};

const notYet = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];

const partitionsOf = async ({ admin, clock }: KafkaConnection, topic: string): Promise<number> => {
  for (let leftMs = knownWithinMs; ; leftMs -= askAgainMs) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return partitions.length;
      if (leftMs <= 0) return partitions.length;
    } catch (error) {
      if (leftMs <= 0 || !notYet.includes((error as { type?: string }).type ?? '')) throw error;
    }
    await clock.sleep(askAgainMs);
  }
};

interface NewTopic {
  readonly partitions: number;
  readonly brokerCount: number;
  readonly compacted: boolean;
}

const newTopic = (topic: string, { partitions, brokerCount, compacted }: NewTopic) => ({
  topic,
  numPartitions: partitions,
  replicationFactor: Math.min(maxReplicas, brokerCount),
  configEntries: [
    // The broker's own time: a replayed log of another year must neither be retained by its years nor lead a watermark.
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'min.insync.replicas', value: brokerCount >= maxReplicas ? '2' : '1' },
    ...(compacted ? [{ name: 'cleanup.policy', value: 'compact' }] : []),
  ],
});

export const offsetRanges = async (admin: Admin, topic: string): Promise<Map<number, OffsetRange>> => {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
};

export const committedOffsets = async (
  admin: Admin,
  groupId: string,
  topic: string,
): Promise<Map<number, Committed>> => {
  const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return new Map(
    (answer?.partitions ?? []).map(({ partition, offset, metadata }) => [
      partition,
      // -1: nothing committed. -2: kafkajs has reset it to "oldest" by itself.
      Number(offset) < 0 ? { offset: null, metadata: '' } : { offset: Number(offset), metadata: metadata ?? '' },
    ]),
  );
};
