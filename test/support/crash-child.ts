/**
 * One life of an ingest process on chDB, for the crash tests: reads a job from its arguments, kills itself with SIGKILL
 * at the named moment, or prints what the database holds when it gets to the end of the log.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import type { OutgoingFrame } from '../../src/event/event-log.ts';
import type { EventTable } from '../../src/ingest/event-table.ts';
import { createIngester, type IngestStats } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { baseTimeMs, FrameSource } from './decision-frames.ts';
import { ScriptedLog } from './scripted-log.ts';

export const crashPoints = [
  'before-intent',
  'after-intent',
  'before-insert',
  'during-insert',
  'after-insert',
  'before-next-intent',
  'after-count',
  'during-repair',
  'never',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

export interface CrashJob {
  readonly folder: string;
  readonly point: CrashPoint;
  /** How far into the insert or the repair, microseconds. */
  readonly delayUs: number;
  readonly frames: number;
  /** Reads this topic of a real broker instead of frames of its own. */
  readonly kafka?: { readonly url: string; readonly topic: string };
}

/** The same frames in every life: three emitters, some frames doubled, rows over four months and many minutes. */
export const framesOfJob = ({
  frames,
}: Pick<CrashJob, 'frames'>): { readonly sent: OutgoingFrame[]; readonly rows: number } => {
  const sources = [0, 1, 2].map((index) => new FrameSource({ emitter: `emitter-${index}` }));
  const sent: OutgoingFrame[] = [];
  let rows = 0;
  for (let index = 0; index < frames; index += 1) {
    const facts = Array.from({ length: 100 }, (_, row) => ({
      timeMs: baseTimeMs + row * 97_000 + (row % 4) * 30 * 86_400_000 + index,
      client: `client-${(index * 31 + row) % 57}`,
      outcome: row % 3 === 0 ? ('denied' as const) : ('allowed' as const),
    }));
    const frame = sources[index % 3]?.frame(...facts);
    if (!frame) continue;
    rows += facts.length;
    sent.push(...(index % 5 === 0 ? [frame, frame] : [frame]));
  }
  return { sent, rows };
};

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

/** The library works on another thread meanwhile. */
const dieIn = (delayUs: number): void => {
  const end = systemClock.monotonicUs() + delayUs;
  while (systemClock.monotonicUs() < end);
  die();
};

/** Committed offsets that survive: written beside, then renamed. */
const persist = (log: ScriptedLog, folder: string): void => {
  const path = join(folder, 'committed.json');
  if (existsSync(path)) log.committed = JSON.parse(readFileSync(path, 'utf8'));
  log.onCommit = (moment) => {
    if (moment === 'before') return;
    writeFileSync(`${path}.draft`, JSON.stringify(log.committed));
    renameSync(`${path}.draft`, path);
  };
};

const armCommits = (log: ScriptedLog, point: CrashPoint): void => {
  const store = log.onCommit;
  let commits = 0;
  log.onCommit = (moment) => {
    store(moment);
    if (moment === 'before') {
      commits += 1;
      if (commits === 1 && point === 'before-intent') die();
      if (commits === 2 && point === 'before-next-intent') die();
    } else if (commits === 1 && point === 'after-intent') die();
  };
};

const armed = (table: EventTable, { point, delayUs }: CrashJob): EventTable => ({
  insert: async (runs, token) => {
    if (point === 'before-insert') die();
    const work = table.insert(runs, token);
    if (point === 'during-insert') dieIn(delayUs);
    await work;
    if (point === 'after-insert') die();
  },
  storedRows: async (block) => {
    const stored = await table.storedRows(block);
    if (point === 'after-count') die();
    return stored;
  },
  repair: async (block) => {
    const work = table.repair(block);
    if (point === 'during-repair') dieIn(delayUs);
    await work;
  },
  marks: (partition) => table.marks(partition),
  keepAccount: (block) => table.keepAccount(block),
  ledgerEnd: (topic, partition) => table.ledgerEnd(topic, partition),
  keepsSince: () => table.keepsSince(),
});

const ingestScripted = async (table: EventTable, job: CrashJob): Promise<IngestStats> => {
  const log = new ScriptedLog();
  log.add(...framesOfJob(job).sent);
  persist(log, job.folder);
  armCommits(log, job.point);
  const ingester = createIngester({ log, table, clock: systemClock, logger: silentLogger, maxBlockRows: 600 });
  await ingester.start();
  for (let offset = log.committed.offset ?? 0; offset < log.records.length; offset += 3) {
    await log.deliver(offset, Math.min(log.records.length, offset + 3));
  }
  await ingester.stop();
  return ingester.stats();
};

const ingestKafka = async (table: EventTable, { url, topic }: NonNullable<CrashJob['kafka']>): Promise<IngestStats> => {
  const log = await openKafkaEventLog({ url, clock: systemClock, sessionTimeoutMs: 6_000 });
  const options = { log, table, clock: systemClock, logger: silentLogger, maxBlockRows: 600 };
  const ingester = createIngester({ ...options, topic, group: topic, deadLetterTopic: `${topic}-dead` });
  await ingester.start();
  await ingester.whenReached(await log.endPositions(topic));
  await ingester.stop();
  await log.close();
  return ingester.stats();
};

const live = async (job: CrashJob): Promise<void> => {
  const url = `chdb:${join(job.folder, 'data')}`;
  const database = await openDatabase({ url, clock: systemClock, logger: silentLogger, rawTtlDays: 0 });
  await database.migrate();
  const table = armed(database.table, job);
  const stats = await (job.kafka ? ingestKafka(table, job.kafka) : ingestScripted(table, job));
  const result = {
    totals: await database.reader.totals(),
    partitions: await database.auditor.partitionTotals(),
    stats,
  };
  await database.close();
  process.stdout.write(`${JSON.stringify(result)}\n`);
};

const [, script, job] = process.argv;
if (script?.endsWith('crash-child.ts') && job) await live(JSON.parse(job) as CrashJob);
