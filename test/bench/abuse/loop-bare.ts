import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { parseKafkaUrl } from '../../../src/kafka/url.ts';
import type { Setting } from '../contest.ts';
import { bareChannel } from './loop-orders.ts';

/** The same engines with nothing around them: a record through Kafka, a field in Redis, a message to everybody. */
export interface BareLoop {
  /** One record; whoever reads it writes the field and tells. */
  announce(client: string): Promise<void>;
  /** Removes the field and tells. */
  withdraw(client: string): Promise<void>;
  close(): Promise<void>;
}

export const openBareLoop = async ({ redisUrl, kafkaUrl }: Setting, namespace: string): Promise<BareLoop> => {
  const topic = `${namespace}-bare`;
  const kafka = new Kafka({ brokers: [...parseKafkaUrl(kafkaUrl).brokers], logLevel: logLevel.NOTHING });
  const redis = new Redis(redisUrl);
  const key = `${namespace}:held`;
  const channel = bareChannel(namespace);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 250 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const client = message.value?.toString() ?? '';
      await redis.hset(key, client, 1);
      await redis.publish(channel, client);
    },
  });
  return {
    announce: async (client) => {
      await producer.send({ topic, messages: [{ value: client }] });
    },
    withdraw: async (client) => {
      await redis.hdel(key, client);
      await redis.publish(channel, client);
    },
    close: async () => {
      await Promise.all([producer.disconnect(), consumer.disconnect()]);
      redis.disconnect();
    },
  };
};
