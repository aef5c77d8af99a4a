import { setImmediate as nextTurn } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { systemClock } from '../../../src/clock.ts';
import { createEmitter } from '../../../src/event/emitter.ts';
import type { GateRequest } from '../../../src/gate/gate.ts';
import { openKafkaEventLog } from '../../../src/kafka/event-log.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { mixAbout, skewedRequests } from './mix.ts';
import { recordOf, wireRowOf } from './records.ts';

export const brokersOf = (url: string): string[] => new URL(url).host.split(',');

/** Decisions between two turns of the event loop. */
const perTurn = 256;

/** Decisions that ours may have on their way. */
const mostWaiting = 20_000;

interface Side {
  /** Takes so many decisions, from a running number on. May wait. */
  readonly take: (from: number, count: number) => unknown;
  /** Resolves when Kafka has acknowledged all of them. */
  readonly settle: () => Promise<unknown>;
}

const perSecond = async ({ take, settle }: Side, count: number, roundMs: number): Promise<number> => {
  const startMs = performance.now();
  let decisions = 0;
  for (; performance.now() - startMs < roundMs; decisions += count) {
    await take(decisions, count);
    await nextTurn();
  }
  await settle();
  return decisions / ((performance.now() - startMs) / 1000);
};

const openOurs = async (requests: readonly GateRequest[], kafkaUrl: string) => {
  const log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock });
  const writer = await log.writer('bench.emit');
  const emitter = createEmitter({ writer, clock: systemClock, emitterId: 'bench', region: 'local' });
  const take = async (from: number, count: number): Promise<void> => {
    // At full resolution: more than this on their way, and clients would be folded.
    if (emitter.stats().waiting > mostWaiting) await emitter.flush();
    const end = from + count;
    for (let at = from; at < end; at += 1) {
      emitter.record(recordOf(requests[at & (requests.length - 1)] as GateRequest, systemClock.nowMs()));
    }
  };
  const settle = async (): Promise<void> => {
    await emitter.flush();
    const { recorded, sent, folded, failures } = emitter.stats();
    if (recorded === sent && folded === 0 && failures === 0) return;
    throw new Error(`${recorded} recorded, ${sent} sent, ${folded} folded, ${failures} failures`);
  };
  const close = async (): Promise<void> => {
    await emitter.close();
    await log.close();
  };
  return { take, settle, close };
};

/** Messages of one send, and sends under way: large batches and no waiting for one another, which suits kafkajs. */
const perSend = 1000;
const inFlight = 4;
const peerTopic = 'one-message-per-decision';

const openTheirs = async (requests: readonly GateRequest[], kafkaUrl: string) => {
  const kafka = new Kafka({ brokers: brokersOf(kafkaUrl), logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: peerTopic, numPartitions: 12 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const sends = new Set<Promise<unknown>>();
  const take = async (from: number, count: number): Promise<void> => {
    const messages = Array.from({ length: count }, (_, index) => {
      const record = recordOf(requests[(from + index) & (requests.length - 1)] as GateRequest, systemClock.nowMs());
      return { key: record.client, value: JSON.stringify(wireRowOf(record, from + index + 1)) };
    });
    const send = producer.send({ topic: peerTopic, acks: -1, messages }).finally(() => sends.delete(send));
    sends.add(send);
    if (sends.size >= inFlight) await Promise.race(sends);
  };
  return { take, settle: () => Promise.all(sends), close: () => producer.disconnect() };
};

const open = async ({ kafkaUrl, roundMs }: Setting): Promise<Duel> => {
  const requests = skewedRequests();
  const ours = await openOurs(requests, kafkaUrl);
  const theirs = await openTheirs(requests, kafkaUrl);
  return {
    ours: () => perSecond(ours, perTurn, roundMs),
    theirs: () => perSecond(theirs, perSend, roundMs),
    close: async () => {
      await ours.close();
      await theirs.close();
    },
  };
};

export const emitDecisions: Contest = {
  name: 'emit-decisions',
  unit: 'decisions/s',
  better: 'higher',
  reference: 'kafkajs, one message per decision',
  aim: 5,
  about: `Decisions of ${mixAbout}, recorded as fast as one process can, until a Kafka of this run has acknowledged all of them (acks -1, 12 partitions). Beside it each decision is a JSON text and a message of its own, ${perSend} to a send, ${inFlight} sends under way.`,
  needsKafka: true,
  open,
};
