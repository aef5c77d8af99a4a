/** Makes a database ready, or asks one what it holds: in a process of its own, since chDB holds a folder per process. */
import { openDatabase } from '../../src/clickhouse/database.ts';
import { type ClickHouseEngine, selectRows } from '../../src/clickhouse/engine.ts';
import { systemClock } from '../../src/clock.ts';
import { openChdb } from '../../src/embedded/chdb.ts';
import { messageOf } from '../../src/errors.ts';
import { silentLogger } from '../../src/logger.ts';
import type { Audit, DatabaseJob } from './audit.ts';
import {
  denialSums,
  denialsTable,
  dimensionSums,
  dimensionsTable,
  emitterSums,
  ledgerEmitters,
  ledgerLines,
  ledgerTable,
  namedDimensions,
  rawSums,
  rollupSums,
  rollups,
  tableNames,
  wrongCells,
  wrongDenials,
  wrongDimensions,
  wrongMarks,
} from './audit-sql.ts';

/** 64-bit numbers come as text. */
type Row = Readonly<Record<string, string | number | boolean>>;

const prepare = async (folder: string): Promise<void> => {
  const options = { url: `chdb:${folder}`, clock: systemClock, logger: silentLogger, rawTtlDays: 0 };
  const database = await openDatabase(options);
  await database.migrate();
  await database.close();
};

const sumsOf = ({ number, ...sums }: Row) => ({
  partition: Number(number),
  ...Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value)])),
});

const ask = async (engine: ClickHouseEngine): Promise<Audit> => {
  const select = (query: string): Promise<Row[]> => selectRows<Row>(engine.reader, query);
  const count = async (query: string): Promise<number> =>
    (await select(query)).reduce((sum, { wrong }) => sum + Number(wrong ?? 1), 0);
  const known = new Set((await select(tableNames)).map(({ name }) => String(name)));
  const sums: Record<string, ReturnType<typeof sumsOf>[]> = {};
  const wrong: Record<string, number> = { emitter_marks: await count(wrongMarks) };
  const raw = (await select(rawSums)).map(sumsOf);
  sums['decisions_raw'] = raw;
  for (const rollup of rollups) {
    if (!known.has(rollup.table)) continue;
    sums[rollup.table] = (await select(rollupSums(rollup.table))).map(sumsOf);
    wrong[rollup.table] = await count(wrongCells(rollup));
  }
  if (known.has(dimensionsTable)) {
    for (const name of namedDimensions) {
      sums[`${dimensionsTable}:${name}`] = (await select(dimensionSums(name))).map(sumsOf);
    }
    wrong[dimensionsTable] = await count(wrongDimensions);
  }
  if (known.has(denialsTable)) {
    sums[denialsTable] = (await select(denialSums)).map(sumsOf);
    wrong[denialsTable] = await count(wrongDenials);
  }
  const hasLedger = known.has(ledgerTable);
  const events = (row: Readonly<Record<string, number>>): number =>
    (row['events'] ?? 0) - (row['distinct_events'] ?? 0);
  return {
    sums,
    wrongCells: wrong,
    doubledEvents: raw.reduce((sum, row) => sum + events(row), 0),
    emitters: (await select(emitterSums)).map((row) => ({
      name: String(row['name']),
      partition: Number(row['number']),
      events: Number(row['events']),
      decisions: Number(row['decisions']),
      lastSeq: Number(row['last_seq']),
    })),
    ledger: (hasLedger ? await select(ledgerLines) : []).map((row) => ({
      partition: Number(row['number']),
      startOffset: Number(row['start_offset']),
      endOffset: Number(row['end_offset']),
      rows: Number(row['rows']),
      doubledRows: Number(row['doubled_rows']),
      deadLetters: Number(row['dead_letters']),
      settled: Boolean(Number(row['settled'])),
    })),
    accounts: (hasLedger ? await select(ledgerEmitters) : []).map((row) => ({
      name: String(row['name']),
      partition: Number(row['number']),
      lastSeq: Number(row['last_seq']),
      total: Number(row['total']),
      ended: Boolean(Number(row['ended'])),
      missingRows: Number(row['missing_rows']),
    })),
  };
};

const audit = async (folder: string): Promise<void> => {
  const engine = await openChdb({ folder });
  const answer = await ask(engine);
  await engine.close();
  await new Promise((resolve) => process.send?.(answer, resolve));
};

const obey = ({ folder, task }: DatabaseJob): Promise<void> => (task === 'prepare' ? prepare(folder) : audit(folder));

process.once('disconnect', () => process.exit(1));
obey(JSON.parse(process.argv[2] ?? '{}') as DatabaseJob).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
