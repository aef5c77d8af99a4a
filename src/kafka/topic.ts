import type { Admin } from 'kafkajs';
import type { Committed, TopicOptions } from '../event/event-log.ts';
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
  { partitions, compacted = false, retentionMs }: TopicOptions & { readonly partitions: number },
): Promise<number> => {
  const { admin, brokerCount } = connection;
  let isNew = false;
  // Not by asking for its metadata: a broker that creates topics by itself would do so, with one partition.
  if (!(await admin.listTopics()).includes(topic)) {
    const topics = [newTopic(topic, { partitions, brokerCount, compacted, retentionMs })];
    // kafkajs would wait for leaders only if the answering broker knows the topic at once, and fail otherwise.
    await admin.createTopics({ topics, waitForLeaders: false });
    isNew = true;
  }
  const known = await partitionsOf(connection, topic);
  // A leader that is named may not know it yet, and would refuse the first frames.
  if (isNew) await offsetRangesWhenKnown(connection, topic);
  return known;
};

const notYet = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'];

interface BrokerError {
  readonly type?: string;
  readonly cause?: BrokerError;
}

/**
 * kafkajs wraps what it has tried again. It stumbles (a TypeError of its own) over a topic whose leaders change between its
 * question for the ends and that for the beginnings.
 */
const isNotYet = (error: BrokerError): boolean =>
  error instanceof TypeError ||
  notYet.includes(error.type ?? '') ||
  (error.cause !== undefined && isNotYet(error.cause));

/** Asks until the brokers know the topic; null is an answer of one that does not know all of it. */
const whenKnown = async <T>(
  { clock }: Pick<KafkaConnection, 'clock'>,
  ask: () => Promise<T | null>,
): Promise<T | null> => {
  for (let leftMs = knownWithinMs; ; leftMs -= askAgainMs) {
    try {
      const answer = await ask();
      if (answer !== null || leftMs <= 0) return answer;
    } catch (error) {
      if (leftMs <= 0 || !isNotYet(error as BrokerError)) throw error;
    }
    await clock.sleep(askAgainMs);
  }
};

const partitionsOf = async (connection: KafkaConnection, topic: string): Promise<number> => {
  let known = 0;
  await whenKnown(connection, async () => {
    const { topics } = await connection.admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics[0]?.partitions ?? [];
    known = partitions.length;
    return known > 0 && partitions.every(({ leader }) => leader >= 0) ? known : null;
  });
  return known;
};

interface NewTopic {
  readonly partitions: number;
  readonly brokerCount: number;
  readonly compacted: boolean;
  readonly retentionMs: number | undefined;
}

const newTopic = (topic: string, { partitions, brokerCount, compacted, retentionMs }: NewTopic) => ({
  topic,
  numPartitions: partitions,
  replicationFactor: Math.min(maxReplicas, brokerCount),
  configEntries: [
    // The broker's own time: a replayed log of another year must neither be retained by its years nor lead a watermark.
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'min.insync.replicas', value: brokerCount >= maxReplicas ? '2' : '1' },
    ...(compacted ? [{ name: 'cleanup.policy', value: 'compact' }] : []),
    ...(retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }]),
  ],
});

export const offsetRanges = async (admin: Admin, topic: string): Promise<Map<number, OffsetRange>> => {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
};

/** The same of a topic that may have been created a moment ago: its partitions may have no leaders yet. */
export const offsetRangesWhenKnown = async (
  connection: KafkaConnection,
  topic: string,
): Promise<Map<number, OffsetRange>> =>
  (await whenKnown(connection, () => offsetRanges(connection.admin, topic))) ?? new Map();

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
