import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { type EventLog, type Positions, topics } from '../../../src/event/event-log.ts';
import { createIngester } from '../../../src/ingest/ingester.ts';
import { openKafkaEventLog } from '../../../src/kafka/event-log.ts';
import { silentLogger } from '../../../src/logger.ts';
import { openRunFolder, removeFolder } from '../../services/folders.ts';
import type { Contest, Duel, Setting } from '../contest.ts';
import { type BenchDatabase, openBenchDatabase } from './database.ts';
import { type MadeFrames, makeFrames } from './frames.ts';

const leastRows = 300_000;
/** Rows of one insert of the side without a log: the largest block that the ingester makes. */
const rowsPerInsert = 50_000;

const writeAll = async (log: EventLog, { frames }: MadeFrames): Promise<Positions> => {
  const writer = await log.writer(topics.decisions);
  for (let at = 0; at < frames.length; at += 64) await writer.append(frames.slice(at, at + 64));
  return log.endPositions(topics.decisions);
};

const mustHold = async ({ database }: BenchDatabase, decisions: number): Promise<void> => {
  const totals = await database.reader.totals();
  if (totals.decisions !== decisions) throw new Error(`${totals.decisions} decisions stored of ${decisions}`);
};

/** A new group begins at the beginning. */
let groups = 0;

/** Rows per second from the first fetch to the last row that is visible. */
const ingestAll = async (log: EventLog, { database: { table } }: BenchDatabase, ends: Positions): Promise<number> => {
  groups += 1;
  const group = `bench-${groups}`;
  const ingester = createIngester({ log, table, clock: systemClock, logger: silentLogger, group });
  await ingester.start();
  const startMs = performance.now();
  await ingester.whenReached(ends);
  const seconds = (performance.now() - startMs) / 1000;
  const { rows } = ingester.stats();
  await ingester.stop();
  return rows / seconds;
};

const insertsOf = ({ frames }: MadeFrames): readonly Buffer[] => {
  const inserts: Buffer[] = [];
  let bodies: Buffer[] = [];
  let rows = 0;
  for (const { body, headers } of frames) {
    bodies.push(body);
    rows += headers.rows;
    if (rows < rowsPerInsert) continue;
    inserts.push(Buffer.concat(bodies));
    bodies = [];
    rows = 0;
  }
  return [...inserts, Buffer.concat(bodies)].filter(({ length }) => length > 0);
};

const open = async ({ kafkaUrl }: Setting): Promise<Duel> => {
  const folder = openRunFolder('ingest-rows');
  const store = await openBenchDatabase(join(folder, 'chdb'));
  const made = await makeFrames({ emitterId: 'bench', perFlush: 20_000, rows: leastRows });
  const log = await openKafkaEventLog({ url: kafkaUrl, clock: systemClock });
  const ends = await writeAll(log, made);
  const inserts = insertsOf(made);
  return {
    ours: async () => {
      await store.truncate();
      const perSecond = await ingestAll(log, store, ends);
      await mustHold(store, made.decisions);
      return perSecond;
    },
    theirs: async () => {
      await store.truncate();
      const startMs = performance.now();
      for (const rows of inserts) await store.insert('decisions_raw', rows);
      const perSecond = made.rows / ((performance.now() - startMs) / 1000);
      await mustHold(store, made.decisions);
      return perSecond;
    },
    close: async () => {
      await log.close();
      await store.close();
      removeFolder(folder);
    },
  };
};

export const ingestRows: Contest = {
  name: 'ingest-rows',
  unit: 'rows/s',
  better: 'higher',
  reference: 'INSERT of the same bytes into the same tables',
  aim: 0.8,
  about: `${leastRows.toLocaleString('en-US')} rows that wait in Kafka, in 12 partitions, through the ingester into chDB, with intents, checksums and the ledger. Beside it their bytes lie in memory and are inserted ${rowsPerInsert.toLocaleString('en-US')} at a time into the same empty tables, with the same materialized views behind them.`,
  needsKafka: true,
  timeoutMs: 600_000,
  open,
};
