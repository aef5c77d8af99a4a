import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import { auditDatabase, prepareDatabase } from './audit.ts';
import type { IngestJob } from './ingest-child.ts';
import { type Ending, IngestLife } from './lives.ts';
import { patiently } from './patiently.ts';
import { type Arm, pointOf } from './points.ts';
import { countDeadLetters, deadLettersOf } from './read-topic.ts';
import type { Stage } from './stage.ts';
import { type Shipment, shipmentOf } from './truth.ts';
import { driftOf, type Problems, problemsOf } from './verdict.ts';

export interface LaneOptions {
  readonly kafkaUrl: string;
  /** An empty folder for data and logs. */
  readonly folder: string;
  /** Not used before. */
  readonly topic: string;
  /** What is done to each life; null: no more, the log is brought to its end. */
  readonly nextArms: () => readonly Arm[] | null;
  readonly onLife?: (arms: readonly Arm[], ending: Ending) => void;
  readonly shipment?: Partial<Parameters<typeof shipmentOf>[0]>;
}

/** What became of one log that was ingested by processes which died. */
export interface LaneReport {
  readonly lives: number;
  /** Kills by point. */
  readonly kills: Readonly<Record<string, number>>;
  readonly decisions: number;
  readonly settledBlocks: number;
  readonly repairedRows: number;
  readonly drift: Readonly<Record<string, number>>;
  readonly problems: Problems;
}

const partitions = 2;
const maxBlockRows = 400;
/** Of the group: a dead member holds its partitions for so long, and the next life waits for them. */
const sessionTimeoutMs = 1_500;
/** For busy machines: a life takes seconds. */
const lifeDeadlineMs = 600_000;

/** Sends a shipment; its order within a partition is kept. Returns where each partition ends. */
export const send = async (
  { kafkaUrl, topic }: Pick<Stage, 'kafkaUrl' | 'topic'>,
  { frames }: Shipment,
  count = partitions,
): Promise<Map<number, number>> => {
  const opening = { url: kafkaUrl, clock: systemClock, partitions: count };
  const log = await patiently(() => openKafkaEventLog(opening));
  const writer = await patiently(() => log.writer(topic));
  for (let at = 0; at < frames.length; at += 50) {
    await patiently(() => writer.append(frames.slice(at, at + 50)));
  }
  await writer.close();
  const ends = new Map(await patiently(() => log.endPositions(topic)));
  await log.close();
  return ends;
};

export const jobOf = (
  options: Pick<LaneOptions, 'kafkaUrl' | 'folder' | 'topic'>,
  rest: Partial<IngestJob> = {},
): IngestJob => ({
  databaseUrl: `chdb:${join(options.folder, 'data')}`,
  kafkaUrl: options.kafkaUrl,
  topic: options.topic,
  arms: [],
  until: 'end',
  sessionTimeoutMs,
  maxBlockRows,
  logPath: join(options.folder, 'ingest.log'),
  deathPath: join(options.folder, 'death.json'),
  ...rest,
});

/** The broker took longer than a process waits for it at its start: on a busy machine that is no fault of ingest. */
const isBusy = (errors: string): boolean => /does not answer|cannot (open|read|join)/.test(errors);

const checkEnding = (arms: readonly Arm[], { signal, exitCode, death, errors, isStuck }: Ending): string[] => {
  const named = arms.map((arm) => `${arm.fault} ${pointOf(arm)} ${arm.delayUs} us`).join(', ') || 'no fault';
  if (isStuck) return [`a life with ${named} did not end within ${lifeDeadlineMs / 1000} s`];
  if (death) return [];
  if (exitCode === 0 || isBusy(errors)) return [];
  return [`a life with ${named} ended with ${signal ?? exitCode}: ${errors.slice(-500)}`];
};

/** Brings one log into one database with processes that die again and again, then compares. */
export const runLane = async (options: LaneOptions): Promise<LaneReport> => {
  const { kafkaUrl, folder, topic, nextArms, onLife } = options;
  mkdirSync(folder, { recursive: true });
  const defaults = { partitions, framesPerPartition: 100, rowsPerFrame: 40, doubleEvery: 7, poisonEvery: 45 };
  const shipment = shipmentOf({ ...defaults, ...options.shipment });
  const [ends] = await Promise.all([send(options, shipment), prepareDatabase(join(folder, 'data'))]);
  const kills: Record<string, number> = {};
  const problems: string[] = [];
  const counts = { lives: 0, settledBlocks: 0, repairedRows: 0 };
  for (let isDone = false; !isDone; ) {
    const arms = nextArms();
    const life = new IngestLife(jobOf(options, { arms: arms ?? [] }));
    const ending = await life.end(lifeDeadlineMs);
    counts.lives += 1;
    counts.settledBlocks += ending.stats?.settledBlocks ?? 0;
    counts.repairedRows += ending.stats?.repairedRows ?? 0;
    problems.push(...checkEnding(arms ?? [], ending));
    onLife?.(arms ?? [], ending);
    const { death } = ending;
    if (death) kills[pointOf(death)] = (kills[pointOf(death)] ?? 0) + 1;
    isDone = arms === null || ending.exitCode === 0 || problems.length > 0;
  }
  const audit = await auditDatabase(join(folder, 'data'));
  const { truth } = shipment;
  problems.push(...problemsOf(audit, truth, ends));
  const letters = await countDeadLetters(kafkaUrl, deadLettersOf(topic));
  if (letters !== truth.deadLetters) problems.push(`dead letters: ${letters}, not ${truth.deadLetters}`);
  return { ...counts, kills, decisions: truth.decisions, drift: driftOf(audit, truth), problems };
};
