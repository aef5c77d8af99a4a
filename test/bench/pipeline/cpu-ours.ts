import { systemClock } from '../../../src/clock.ts';
import type { OutgoingFrame } from '../../../src/event/event-log.ts';
import { topics } from '../../../src/event/event-log.ts';
import { FrameBuilder } from '../../../src/event/frame-builder.ts';
import { MergeBuffer } from '../../../src/event/merge-buffer.ts';
import type { Gate, GateRequest } from '../../../src/gate/gate.ts';
import type { EventTable, RowRun, StoredBlock } from '../../../src/ingest/event-table.ts';
import { createIngester } from '../../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../../src/kafka/event-log.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { Sample } from '../contest.ts';
import { CpuMeter } from './cpu-stages.ts';
import { type BenchDatabase, idle } from './database.ts';
import { partitions } from './frames.ts';
import { memoryGate } from './gate-events.ts';

/** Decisions that are merged together: a gate that takes 80,000 a second, in a quarter of one. */
const perFlush = 20_000;

export const askAll = async (gate: Gate, requests: readonly GateRequest[]): Promise<void> => {
  for (const request of requests) {
    const answer = gate.check(request);
    if (answer instanceof Promise) await answer;
  }
};

interface Inserted {
  readonly runs: readonly RowRun[];
  readonly token: string;
}

/** Remembers what the ingester stores, and stores nothing. */
const hollowTable = () => {
  const inserts: Inserted[] = [];
  const accounts: StoredBlock[] = [];
  const table: EventTable = {
    insert: async (runs, token) => {
      inserts.push({ runs, token });
    },
    keepAccount: async (account) => {
      accounts.push(account);
    },
    storedRows: () => Promise.reject(new Error('nothing is settled here')),
    repair: () => Promise.resolve(),
    marks: () => Promise.resolve(new Map()),
    ledgerEnd: () => Promise.resolve(null),
    keepsSince: () => Promise.resolve(0),
  };
  return { table, inserts, accounts };
};

const decideAndMake = async (
  meter: CpuMeter,
  requests: readonly GateRequest[],
  emitterId: string,
): Promise<readonly OutgoingFrame[]> => {
  const buffer = new MergeBuffer({ intervalMs: 250, maxRows: 2 * perFlush, every: false });
  const builder = new FrameBuilder({ emitterId, region: 'local', partitions });
  const merging = memoryGate({ record: (decision) => buffer.add(decision) });
  const bare = memoryGate();
  const frames: OutgoingFrame[] = [];
  for (let from = 0; from < requests.length; from += perFlush) {
    const some = requests.slice(from, from + perFlush);
    await meter.during('decide', () => askAll(bare, some));
    await meter.during('merge', () => askAll(merging, some));
    await meter.during('encode', () => {
      const rows = buffer.take();
      for (const frame of builder.build(rows)) if (frame) frames.push(frame);
      buffer.giveBack(rows);
    });
  }
  await Promise.all([bare.close(), merging.close()]);
  return frames;
};

let runs = 0;

/** A million decisions, as tidegate handles them. */
export const cpuOfOurs = async (
  requests: readonly GateRequest[],
  store: BenchDatabase,
  kafkaUrl: string,
): Promise<Sample> => {
  runs += 1;
  await store.truncate();
  const meter = new CpuMeter();
  const frames = await decideAndMake(meter, requests, `bench-${runs}`);
  const log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock, partitions });
  const topic = `${topics.decisions}-${runs}`;
  const writer = await log.writer(topic);
  await meter.during('send', async () => {
    for (let at = 0; at < frames.length; at += 64) await writer.append(frames.slice(at, at + 64));
  });
  const ends = await log.endPositions(topic);
  const hollow = hollowTable();
  const ingester = createIngester({ log, table: hollow.table, topic, clock: systemClock, logger: silentLogger });
  await meter.during('ingest', async () => {
    await ingester.start();
    await ingester.whenReached(ends);
    await ingester.stop();
  });
  await log.close();
  await meter.during('clickhouse', async () => {
    const { table } = store.database;
    for (const { runs: rows, token } of hollow.inserts) await table.insert(rows, token);
    for (const account of hollow.accounts) await table.keepAccount(account);
    await idle(store);
  });
  const { decisions } = await store.database.reader.totals();
  if (decisions !== requests.length) throw new Error(`${decisions} decisions stored of ${requests.length}`);
  return meter.sample(requests.length);
};
