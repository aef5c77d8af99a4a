import { createChdbConnection } from 'chdb/connection';
import { type Database, openDatabase } from '../../../src/clickhouse/database.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';

/** The real tables in chDB, and a second connection to them for what a bench does beside tidegate. */
export interface BenchDatabase {
  readonly database: Database;
  run(sql: string): Promise<void>;
  ask<Row>(sql: string): Promise<Row[]>;
  /** NDJSON, with the engine's own settings. */
  insert(table: string, rows: Buffer): Promise<void>;
  /** Empties every table of data, and with it what the engine remembers of blocks. */
  truncate(): Promise<void>;
  /** Merges the parts of every table. */
  optimize(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a folder and migrates it. Rows are kept for ever: the data of benches is of fixed dates. */
export const openBenchDatabase = async (folder: string): Promise<BenchDatabase> => {
  const logger = silentLogger;
  const database = await openDatabase({ url: `chdb:${folder}`, clock: systemClock, logger, rawTtlDays: 0 });
  await database.migrate().catch(async (error: unknown) => {
    // Whoever makes the folder anew opens it again in this process.
    await database.close();
    throw error;
  });
  const connection = createChdbConnection({ path: folder });
  const run = async (sql: string): Promise<void> => {
    await connection.chdb.queryAsync(sql);
  };
  const ask = async <Row>(sql: string): Promise<Row[]> => {
    const answer = await connection.chdb.queryAsync(`${sql} FORMAT JSONEachRow`);
    return answer
      .text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  };
  const each = async (before: string, after = ''): Promise<void> => {
    const tables = await ask<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT LIKE 'schema%'",
    );
    for (const { name } of tables) await run(`${before} ${name} ${after}`);
  };
  return {
    database,
    run,
    ask,
    insert: async (table, rows) => {
      await connection.chdb.rawInsert({ table, format: 'JSONEachRow', values: rows });
    },
    truncate: () => each('TRUNCATE TABLE'),
    optimize: () => each('OPTIMIZE TABLE', 'FINAL'),
    close: async () => {
      await connection.close();
      await database.close();
    },
  };
};

/** Resolves when the engine merges nothing any more. */
export const idle = async ({ ask }: BenchDatabase): Promise<void> => {
  for (let quiet = 0; quiet < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [merges] = await ask<{ running: string | number }>('SELECT count() AS running FROM system.merges');
    quiet = Number(merges?.running) === 0 ? quiet + 1 : 0;
  }
};
