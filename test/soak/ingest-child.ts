/**
 * One life of an ingest process, for the crash matrix and the soak: takes its job from its argument, dies where it is armed
 * to, and says what it has done when it gets to its end. Its parent's end is its own.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { openDatabase } from '../../src/clickhouse/database.ts';
import { systemClock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import { createIngester, type IngestStats } from '../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../src/kafka/event-log.ts';
import type { Logger } from '../../src/logger.ts';
import { armedLog, armedTable, Trigger } from './arming.ts';
import { patiently } from './patiently.ts';
import type { Arm } from './points.ts';
import { deadLettersOf } from './read-topic.ts';

export interface IngestJob {
  /** `chdb:<folder>` or `http://…` */
  readonly databaseUrl: string;
  readonly kafkaUrl: string;
  readonly topic: string;
  readonly arms: readonly Arm[];
  /** `end`: of the log, where it is when the process starts. `told`: until its parent says so. */
  readonly until: 'end' | 'told';
  readonly sessionTimeoutMs: number;
  readonly maxBlockRows: number;
  /** What it does and what fails, a line each. */
  readonly logPath: string;
  /** Where it writes down which fault it died of. */
  readonly deathPath: string;
}

/** From the parent. */
export type IngestOrder = { readonly arm: Arm } | { readonly stop: true };

/** To the parent. */
export type IngestReport =
  | { readonly started: true }
  | { readonly stats: IngestStats }
  | { readonly done: IngestStats };

const retryPauseMs = 100;
const reportEveryMs = 500;

/** Each line is on disk before the process can be killed. */
const fileLogger = (path: string): Logger => {
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      appendFileSync(
        path,
        `${JSON.stringify({ pid: process.pid, at: systemClock.nowMs(), level, message, ...fields })}\n`,
      );
  return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') };
};

const say = (report: IngestReport): Promise<void> =>
  new Promise((resolve) => {
    if (process.send) process.send(report, () => resolve());
    else resolve();
  });

const told = (trigger: Trigger): Promise<void> =>
  new Promise((resolve) => {
    process.on('message', (order: IngestOrder) => {
      if ('arm' in order) trigger.add(order.arm);
      else resolve();
    });
  });

const live = async (job: IngestJob): Promise<void> => {
  const { databaseUrl, kafkaUrl, topic, arms, until, sessionTimeoutMs, maxBlockRows, logPath, deathPath } = job;
  const logger = fileLogger(logPath);
  const trigger = new Trigger(arms, (arm) => writeFileSync(deathPath, JSON.stringify(arm)));
  const stop = told(trigger);
  const database = await openDatabase({ url: databaseUrl, clock: systemClock, logger, rawTtlDays: 0 });
  const opening = { url: kafkaUrl, clock: systemClock, logger, sessionTimeoutMs, retryPauseMs };
  const log = await patiently(() => openKafkaEventLog(opening));
  const ingester = createIngester({
    log: armedLog(log, trigger),
    table: armedTable(database.table, trigger, databaseUrl.startsWith('chdb:')),
    clock: systemClock,
    logger,
    topic,
    group: topic,
    deadLetterTopic: deadLettersOf(topic),
    maxBlockRows,
  });
  await ingester.start();
  await say({ started: true });
  const reporting = setInterval(() => void say({ stats: ingester.stats() }), reportEveryMs);
  await (until === 'end' ? ingester.whenReached(await patiently(() => log.endPositions(topic))) : stop);
  clearInterval(reporting);
  await ingester.stop();
  await log.close();
  await database.close();
  await say({ done: ingester.stats() });
};

process.once('disconnect', () => process.exit(1));
live(JSON.parse(process.argv[2] ?? '{}') as IngestJob).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
