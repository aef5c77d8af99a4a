import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { DecisionRecord } from '../../../src/event/decision-event.ts';
import type { GateRequest } from '../../../src/gate/gate.ts';
import type { Sample } from '../contest.ts';
import { askAll } from './cpu-ours.ts';
import { CpuMeter } from './cpu-stages.ts';
import { type BenchDatabase, idle } from './database.ts';
import { brokersOf } from './emit-decisions.ts';
import { partitions } from './frames.ts';
import { memoryGate } from './gate-events.ts';
import { wireRowOf } from './records.ts';

const perSend = 1000;
const rowsPerInsert = 50_000;

interface Message {
  readonly key: string;
  readonly value: string;
}

const decideAndWrite = async (meter: CpuMeter, requests: readonly GateRequest[]): Promise<readonly Message[]> => {
  let records: DecisionRecord[] = [];
  const messages: Message[] = [];
  const keeping = memoryGate({ record: (decision) => records.push(decision) });
  const bare = memoryGate();
  for (let from = 0; from < requests.length; from += 20_000) {
    const some = requests.slice(from, from + 20_000);
    await meter.during('decide', () => askAll(bare, some));
    await meter.during('merge', () => askAll(keeping, some));
    await meter.during('encode', () => {
      for (const record of records) {
        messages.push({ key: record.client, value: JSON.stringify(wireRowOf(record, messages.length + 1)) });
      }
      records = [];
    });
  }
  await Promise.all([bare.close(), keeping.close()]);
  return messages;
};

const send = async (kafka: Kafka, topic: string, messages: readonly Message[]): Promise<void> => {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  for (let at = 0; at < messages.length; at += perSend) {
    await producer.send({ topic, acks: -1, messages: messages.slice(at, at + perSend) });
  }
  await producer.disconnect();
};

/** Every message again, joined into bodies of an insert each. */
const receive = async (kafka: Kafka, topic: string, count: number): Promise<readonly Buffer[]> => {
  const consumer = kafka.consumer({ groupId: topic, allowAutoTopicCreation: false });
  const bodies: Buffer[] = [];
  const lineBreak = Buffer.from('\n');
  let lines: Buffer[] = [];
  let seen = 0;
  const cut = (): void => {
    if (lines.length > 0) bodies.push(Buffer.concat(lines));
    lines = [];
  };
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const run = consumer.run({
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) {
          if (value) lines.push(value, lineBreak);
          if (lines.length >= 2 * rowsPerInsert) cut();
        }
        seen += batch.messages.length;
        if (seen >= count) resolve();
      },
    });
    run.catch(reject);
  });
  cut();
  await consumer.disconnect();
  return bodies;
};

let runs = 0;

/** The same without tidegate's pipeline: one message and one row per decision. */
export const cpuOfTheirs = async (
  requests: readonly GateRequest[],
  store: BenchDatabase,
  kafkaUrl: string,
): Promise<Sample> => {
  runs += 1;
  await store.truncate();
  const meter = new CpuMeter();
  const messages = await decideAndWrite(meter, requests);
  const kafka = new Kafka({ brokers: brokersOf(kafkaUrl), logLevel: logLevel.ERROR });
  const topic = `one-message-per-decision-${runs}`;
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  await meter.during('send', () => send(kafka, topic, messages));
  const bodies = await meter.during('ingest', () => receive(kafka, topic, messages.length));
  await meter.during('clickhouse', async () => {
    for (const body of bodies) await store.insert('decisions_raw', body);
    await idle(store);
  });
  return meter.sample(requests.length);
};
