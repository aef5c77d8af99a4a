import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/clock.ts';
import { auditDatabase, prepareDatabase } from './audit.ts';
import { Front } from './front.ts';
import { type Ending, IngestLife, withLives } from './lives.ts';
import { jobOf, send } from './matrix.ts';
import { type Arm, moments, type Operation, operations, pointOf } from './points.ts';
import { countDeadLetters, deadLettersOf } from './read-topic.ts';
import { dataOf, drained, type Stage, until } from './stage.ts';
import { type ShipmentOptions, shipmentOf, type Truth } from './truth.ts';
import { problemsOf } from './verdict.ts';

/** What a scenario came to. */
export interface Outcome {
  readonly problems: readonly string[];
  readonly decisions: number;
  /** What happened, for the report and for tests that want to see that it did. */
  readonly facts: Readonly<Record<string, number>>;
}

const partitions = 2;
const small: ShipmentOptions = { partitions, framesPerPartition: 40, rowsPerFrame: 40, doubleEvery: 7 };

const compare = async (
  stage: Stage,
  truth: Truth,
  ends: ReadonlyMap<number, number>,
): Promise<Pick<Outcome, 'problems' | 'decisions'>> => {
  const audit = await auditDatabase(dataOf(stage));
  const letters = await countDeadLetters(stage.kafkaUrl, deadLettersOf(stage.topic));
  const problems = [
    ...problemsOf(audit, truth, ends),
    ...(letters === truth.deadLetters ? [] : [`dead letters: ${letters}, not ${truth.deadLetters}`]),
  ];
  return { problems, decisions: truth.decisions };
};

const unlessOrderly = (name: string, { exitCode, signal, errors }: Ending): string[] =>
  exitCode === 0 ? [] : [`${name} ended with ${signal ?? exitCode}: ${errors.slice(-300)}`];

const endDeadlineMs = 600_000;

/** Every operation fails once before, half-way and after its effect, in one process that lives on. */
export const errorsInjected = async (stage: Stage): Promise<Outcome> => {
  const occurrences = { before: 1, during: 3, after: 5 } as const;
  const once: readonly Operation[] = ['marks', 'intent'];
  const arms: Arm[] = operations.flatMap((operation) =>
    moments.map((moment) => ({
      operation,
      moment,
      fault: 'reject' as const,
      // What succeeds once is not asked again: its failures come one after the other.
      occurrence: once.includes(operation) ? 1 + moments.indexOf(moment) : occurrences[moment],
      delayUs: 0,
    })),
  );
  const shipment = shipmentOf({ ...small, framesPerPartition: 60, poisonEvery: 37 });
  const [ends] = await Promise.all([send(stage, shipment), prepareDatabase(dataOf(stage))]);
  const ending = await new IngestLife(jobOf(stage, { arms })).end(endDeadlineMs);
  const compared = await compare(stage, shipment.truth, ends);
  const { settledBlocks = 0, retries = 0 } = ending.stats ?? {};
  return {
    ...compared,
    problems: [...unlessOrderly('ingest', ending), ...compared.problems],
    facts: { settledBlocks, retries },
  };
};

/**
 * A process stops (a long pause of its machine) where it is armed to, loses its partitions to another, and wakes up when
 * that one has stored everything and stores more.
 */
export const zombie =
  (arms: readonly Arm[]) =>
  (stage: Stage): Promise<Outcome> =>
    withLives(async (live) => {
      const first = shipmentOf({ ...small, label: 'first' });
      await prepareDatabase(dataOf(stage));
      const front = await Front.open(dataOf(stage));
      try {
        const ends = await send(stage, first);
        const job = { databaseUrl: front.url, until: 'told' } as const;
        const sleeper = live(jobOf(stage, { ...job, arms }));
        await until('the first owner stops', () => sleeper.struck !== null || sleeper.hasEnded);
        const successor = live(jobOf(stage, { ...job, deathPath: join(stage.folder, 'successor.json') }));
        await drained(stage, ends);
        // They race from here: the one with what it held, the other with what is new.
        const second = shipmentOf({ ...small, label: 'second' });
        const sending = send(stage, second);
        sleeper.signal('SIGCONT');
        const allEnds = await sending;
        await drained(stage, allEnds);
        for (const life of [sleeper, successor]) life.tell({ stop: true });
        const endings = await Promise.all([sleeper.end(endDeadlineMs), successor.end(endDeadlineMs)]);
        await front.stop();
        const compared = await compare(stage, first.truth.with(second.truth), allEnds);
        return {
          ...compared,
          problems: [
            ...endings.flatMap((ending, index) => unlessOrderly(`owner ${index}`, ending)),
            ...compared.problems,
          ],
          facts: { stopped: endings[0]?.death ? 1 : 0 },
        };
      } finally {
        front.kill();
      }
    });

const freeze = (operation: Operation, moment: Arm['moment'], delayUs = 0): Arm => ({
  operation,
  moment,
  fault: 'freeze',
  occurrence: 1,
  delayUs,
});
const failedInsert: Arm = { operation: 'insert', moment: 'after', fault: 'reject', occurrence: 1, delayUs: 0 };
const halfInsert: Arm = { operation: 'insert', moment: 'during', fault: 'reject', occurrence: 1, delayUs: 0 };

/** Where an owner may fall asleep. Those after a failed insert do so while they settle. */
export const zombies: Readonly<Record<string, readonly Arm[]>> = {
  'after-intent': [freeze('intent', 'after')],
  'before-insert': [freeze('insert', 'before')],
  'during-insert': [freeze('insert', 'during', 1_000)],
  'after-insert': [freeze('insert', 'after')],
  'before-ledger': [freeze('ledger', 'before')],
  'after-ledger': [freeze('ledger', 'after')],
  'before-ack': [freeze('ack', 'before')],
  'after-count': [failedInsert, freeze('count', 'after')],
  'after-count-of-half': [halfInsert, freeze('count', 'after')],
  'before-repair': [failedInsert, freeze('repair', 'before')],
  'during-repair': [failedInsert, freeze('repair', 'during', 3_000)],
  'after-repair': [halfInsert, freeze('repair', 'after')],
};

/** The database is killed within inserts and comes back on the same folder, while one ingest process lives on. */
export const databaseKilled =
  ({ kills, random }: { readonly kills: number; readonly random: () => number }) =>
  (stage: Stage): Promise<Outcome> =>
    withLives(async (live) => {
      await prepareDatabase(dataOf(stage));
      const front = await Front.open(dataOf(stage));
      try {
        const shipment = shipmentOf({ ...small, framesPerPartition: 40 + 20 * kills });
        const ends = await send(stage, shipment);
        front.tell({ dieInInsertUs: Math.floor(random() * 20_000) });
        const life = live(jobOf(stage, { databaseUrl: front.url, until: 'told' }));
        let killed = 0;
        for (; killed < kills; killed += 1) {
          await front.gone();
          await front.start();
          if (killed + 1 < kills) front.tell({ dieInInsertUs: Math.floor(random() * 20_000) });
        }
        await drained(stage, ends);
        life.tell({ stop: true });
        const ending = await life.end(endDeadlineMs);
        await front.stop();
        const compared = await compare(stage, shipment.truth, ends);
        const { settledBlocks = 0, repairedRows = 0 } = ending.stats ?? {};
        return {
          ...compared,
          problems: [...unlessOrderly('ingest', ending), ...compared.problems],
          facts: { killed, settledBlocks, repairedRows },
        };
      } finally {
        front.kill();
      }
    });

/** The database refuses everything for a while: the same path as for an hour, only shorter. */
export const databaseRefuses =
  ({ forMs }: { readonly forMs: number }) =>
  (stage: Stage): Promise<Outcome> =>
    withLives(async (live) => {
      await prepareDatabase(dataOf(stage));
      const front = await Front.open(dataOf(stage));
      try {
        const first = shipmentOf({ ...small, label: 'first' });
        const second = shipmentOf({ ...small, label: 'second' });
        const ends = await send(stage, first);
        const life = live(jobOf(stage, { databaseUrl: front.url, until: 'told' }));
        await drained(stage, ends);
        front.tell({ fail: true });
        const allEnds = await send(stage, second);
        const before = life.stats?.retries ?? 0;
        await until('ingest has noticed', () => (life.stats?.retries ?? 0) > before);
        await systemClock.sleep(forMs);
        front.tell({ fail: false });
        await drained(stage, allEnds);
        life.tell({ stop: true });
        const ending = await life.end(endDeadlineMs);
        await front.stop();
        const compared = await compare(stage, first.truth.with(second.truth), allEnds);
        const { retries = 0, settledBlocks = 0 } = ending.stats ?? {};
        return {
          ...compared,
          problems: [...unlessOrderly('ingest', ending), ...compared.problems],
          facts: { retries, settledBlocks },
        };
      } finally {
        front.kill();
      }
    });

export interface RestartableBroker {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** The broker is killed and comes back on what it had stored, while one process ingests and another goes on sending. */
export const brokerKilled =
  ({ broker, kills }: { readonly broker: RestartableBroker; readonly kills: number }) =>
  (stage: Stage): Promise<Outcome> =>
    withLives(async (live) => {
      await prepareDatabase(dataOf(stage));
      const shipments = Array.from({ length: kills + 1 }, (_, index) =>
        shipmentOf({ ...small, label: `part-${index}` }),
      );
      let ends = new Map<number, number>();
      const [head, ...rest] = shipments;
      if (head) ends = await send(stage, head);
      const life = live(jobOf(stage, { until: 'told' }));
      await life.started();
      await until('something is stored', () => (life.stats?.rows ?? 0) > 0 || life.hasEnded);
      for (const shipment of rest) {
        const sending = send(stage, shipment);
        await broker.kill();
        await broker.restart();
        ends = await sending;
      }
      await drained(stage, ends);
      life.tell({ stop: true });
      const ending = await life.end(endDeadlineMs);
      const truth = shipments.map((shipment) => shipment.truth).reduce((sum, part) => sum.with(part));
      const compared = await compare(stage, truth, ends);
      return {
        ...compared,
        problems: [...unlessOrderly('ingest', ending), ...compared.problems],
        facts: { killed: kills, retries: ending.stats?.retries ?? 0, doubledRows: ending.stats?.doubledRows ?? 0 },
      };
    });

/**
 * Retention takes records that were not stored yet, some of them announced: they cannot be stored any more, so what is
 * missing must be counted, and all else be exact.
 */
export const topicTruncated = async (stage: Stage): Promise<Outcome> => {
  const { kafkaUrl, topic } = stage;
  // One partition: nothing else is under way when the process dies.
  const shipment = shipmentOf({ ...small, partitions: 1, framesPerPartition: 80, doubleEvery: 0 });
  const [ends] = await Promise.all([send(stage, shipment, 1), prepareDatabase(dataOf(stage))]);
  const kill: Arm = { operation: 'ack', moment: 'after', fault: 'kill', occurrence: 4, delayUs: 0 };
  const died = await new IngestLife(jobOf(stage, { arms: [kill] })).end(endDeadlineMs);
  const before = await auditDatabase(dataOf(stage));
  const admin = new Kafka({ brokers: [kafkaUrl.replace('kafka://', '')], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  // Loads the topic's metadata, which the next call needs and does not ask for.
  await admin.fetchTopicOffsets(topic);
  // Within the block that was announced.
  const low = Math.max(...before.ledger.map(({ endOffset }) => endOffset)) + 5;
  await admin.deleteTopicRecords({
    topic,
    partitions: [...ends.keys()].map((partition) => ({ partition, offset: String(low) })),
  });
  await admin.disconnect();
  const ending = await new IngestLife(jobOf(stage)).end(endDeadlineMs);
  const audit = await auditDatabase(dataOf(stage));
  const stored = audit.sums['decisions_raw']?.reduce((sum, { events = 0 }) => sum + events, 0) ?? 0;
  const storedBefore = before.sums['decisions_raw']?.reduce((sum, { events = 0 }) => sum + events, 0) ?? 0;
  const sent = [...shipment.truth.byPartition.values()].reduce((sum, { events }) => sum + events, 0);
  const missing = audit.accounts.reduce((sum, { missingRows }) => sum + missingRows, 0);
  const derived = Object.values(audit.wrongCells).reduce((sum, cells) => sum + cells, 0);
  return {
    decisions: shipment.truth.decisions,
    problems: [
      ...(died.death ? [] : ['the first life did not die']),
      ...unlessOrderly('ingest', ending),
      ...(derived > 0 ? [`${derived} cells of derived tables are wrong`] : []),
      ...(audit.doubledEvents > 0 ? [`${audit.doubledEvents} rows are stored twice`] : []),
      ...(stored + missing === sent ? [] : [`${stored} rows stored + ${missing} missing are not ${sent} sent`]),
      ...(stored > storedBefore ? [] : ['nothing was stored after the truncation']),
    ],
    facts: { stored, missing, died: died.death ? pointOf(died.death).length : 0 },
  };
};
