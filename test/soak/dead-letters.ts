import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/clock.ts';
import { patiently } from './patiently.ts';

/** Where the dead letters of a topic under test go. */
export const deadLettersOf = (topic: string): string => `${topic}-dead`;

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const brokersOf = (kafkaUrl: string): string[] => [kafkaUrl.replace('kafka://', '')];

/** Every record of a topic, read with nothing but kafkajs. Empty when there is no such topic. */
export const readTopic = async (kafkaUrl: string, topic: string): Promise<ReadRecord[]> => {
  const kafka = new Kafka({ brokers: brokersOf(kafkaUrl), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await patiently(() => admin.connect());
  try {
    if (!(await admin.listTopics()).includes(topic)) return [];
    const left = new Map(
      (await patiently(() => admin.fetchTopicOffsets(topic)))
        .filter(({ low, high }) => Number(high) > Number(low))
        .map(({ partition, high }) => [partition, Number(high)]),
    );
    if (left.size === 0) return [];
    return await readUntil(kafka, topic, left);
  } finally {
    await admin.disconnect();
  }
};

const readUntil = async (kafka: Kafka, topic: string, left: Map<number, number>): Promise<ReadRecord[]> => {
  const groupId = `read-${topic}-${systemClock.nowMs()}-${process.pid}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  const records: ReadRecord[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message }) => {
            const headers = Object.fromEntries(
              Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
            );
            const offset = Number(message.offset);
            records.push({ partition, offset, headers, body: message.value ?? Buffer.alloc(0) });
            if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
            if (left.size === 0) resolve();
          },
        })
        .catch(reject);
    });
    return records;
  } finally {
    await consumer.disconnect();
  }
};

/** Distinct letters: after a crash one may be there twice. */
export const countDeadLetters = async (kafkaUrl: string, topic: string): Promise<number> => {
  const letters = await readTopic(kafkaUrl, topic);
  const names = letters.map(({ body }) => {
    const end = body.indexOf(10);
    const { partition, offset, index } = JSON.parse(body.subarray(0, end === -1 ? body.length : end).toString());
    return `${partition}:${offset}:${index ?? -1}`;
  });
  return new Set(names).size;
};
