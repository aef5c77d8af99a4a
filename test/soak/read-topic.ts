import { type EachMessagePayload, Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/clock.ts';
import { patiently } from './patiently.ts';

/** Where the dead letters of a topic under test go. */
export const deadLettersOf = (topic: string): string => `${topic}-dead`;

interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const brokersOf = (kafkaUrl: string): string[] => [kafkaUrl.replace('kafka://', '')];

/** Every record of a topic, one after the other, read with nothing but kafkajs. None when there is no such topic. */
const readTopic = async (kafkaUrl: string, topic: string, take: (record: ReadRecord) => void): Promise<void> => {
  const kafka = new Kafka({ brokers: brokersOf(kafkaUrl), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await patiently(() => admin.connect());
  try {
    if (!(await patiently(() => admin.listTopics())).includes(topic)) return;
    const left = new Map(
      (await patiently(() => admin.fetchTopicOffsets(topic)))
        .filter(({ low, high }) => Number(high) > Number(low))
        .map(({ partition, high }) => [partition, Number(high)]),
    );
    if (left.size > 0) await readUntil({ kafka, topic, left, take });
  } finally {
    await admin.disconnect();
  }
};

interface Reading {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Where each partition ends. */
  readonly left: Map<number, number>;
  readonly take: (record: ReadRecord) => void;
}

const readUntil = async ({ kafka, topic, left, take }: Reading): Promise<void> => {
  const groupId = `read-${topic}-${systemClock.nowMs()}-${process.pid}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await patiently(() => consumer.connect());
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition, message }: EachMessagePayload): Promise<void> => {
        const headers = Object.fromEntries(
          Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
        );
        const offset = Number(message.offset);
        take({ partition, offset, headers, body: message.value ?? Buffer.alloc(0) });
        if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
        if (left.size === 0) resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
};

/** The headers of every record. */
export const readHeaders = (
  kafkaUrl: string,
  topic: string,
  take: (partition: number, headers: Readonly<Record<string, string>>) => void,
): Promise<void> => readTopic(kafkaUrl, topic, ({ partition, headers }) => take(partition, headers));

/** Distinct letters: after a crash one may be there twice. */
export const countDeadLetters = async (kafkaUrl: string, topic: string): Promise<number> => {
  const names = new Set<string>();
  await readTopic(kafkaUrl, topic, ({ body }) => {
    const end = body.indexOf(10);
    const { partition, offset, index } = JSON.parse(body.subarray(0, end === -1 ? body.length : end).toString());
    names.add(`${partition}:${offset}:${index ?? -1}`);
  });
  return names.size;
};
