import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type ClickHouseEngine, execute, selectRows } from './engine.ts';
import { type StillMine, withMigrationLock } from './migration-lock.ts';
import { ttlExpressions } from './retention.ts';
import { onCluster, renderTemplate, type SchemaOptions, splitStatements } from './sql-text.ts';

/** One file of migrations/: `0002_decisions_per_minute.sql`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
}

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** The shipped migrations: beside `src/` in a checkout and beside `dist/` in a package. */
const shippedFolder = fileURLToPath(new URL('../../migrations', import.meta.url));
const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

const checksumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Reads a folder of numbered files. Throws CONFIG_INVALID for a name without a number, a gap or a number used twice. */
export const readMigrations = async (folder = shippedFolder): Promise<Migration[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name): Promise<Migration> => {
      const version = Number(fileName.exec(name)?.[1]);
      if (!version) throw new TidegateError('CONFIG_INVALID', `Migration ${name} is not named NNNN_what.sql`);
      const text = await readFile(`${folder}/${name}`, 'utf8');
      return { version, name, text, checksum: checksumOf(text) };
    }),
  );
  migrations.forEach(({ version, name }, index) => {
    if (version !== index + 1)
      throw new TidegateError('CONFIG_INVALID', `Migration ${name} should be number ${index + 1}`);
  });
  return migrations;
};

const ledger = `CREATE TABLE IF NOT EXISTS schema_migrations{{onCluster}}
(
    version UInt32 COMMENT 'number of the file, count from 1',
    name String COMMENT 'name of the file',
    checksum String COMMENT 'SHA-256 of the file, hex',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'when it was applied, milliseconds UTC'
)
ENGINE = {{replicated}}ReplacingMergeTree
ORDER BY version
SETTINGS {{dedupWindow}}
COMMENT 'migrations that this database has seen'`;

const readLedger = (engine: ClickHouseEngine): Promise<AppliedMigration[]> =>
  selectRows<AppliedMigration>(
    engine.reader,
    'SELECT version, any(m.name) AS name, any(m.checksum) AS checksum FROM schema_migrations AS m GROUP BY version ORDER BY version',
  );

/** What was applied; empty on a database that tidegate never saw. */
export const appliedMigrations = async (engine: ClickHouseEngine): Promise<AppliedMigration[]> => {
  const rows = await selectRows<{ result: number }>(engine.reader, 'EXISTS TABLE schema_migrations');
  const present = rows.some(({ result }) => Number(result) === 1);
  return present ? readLedger(engine) : [];
};

/** Throws ENGINE_UNFIT when the database is newer than this release, or was made by files that have changed since. */
export const pendingMigrations = (
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] => {
  for (const { version, name, checksum } of applied) {
    const migration = known.find((candidate) => candidate.version === version);
    if (!migration) {
      const newest = known.at(-1)?.version ?? 0;
      throw new TidegateError(
        'ENGINE_UNFIT',
        `The database is at version ${version} (${name}); this release knows ${newest} and older. Use a newer tidegate.`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new TidegateError(
        'ENGINE_UNFIT',
        `Migration ${migration.name} was applied with another content. Restore the file and add a new migration.`,
      );
    }
  }
  const seen = new Set(applied.map(({ version }) => version));
  return known.filter(({ version }) => !seen.has(version));
};

/** Nothing may make the database take a line for one that it has seen. */
const insertLine = `INSERT INTO schema_migrations (version, name, checksum) SETTINGS insert_deduplicate = 0, async_insert = 0
SELECT {version:UInt32}, {name:String}, {checksum:String}`;

interface Run {
  readonly engine: ClickHouseEngine;
  readonly options: SchemaOptions;
  readonly stillMine: StillMine;
}

const apply = async ({ engine, options, stillMine }: Run, migration: Migration): Promise<void> => {
  const { version, name, text, checksum } = migration;
  try {
    for (const statement of splitStatements(renderTemplate(text, options))) {
      await stillMine();
      await execute(engine.writer, statement);
    }
    await execute(engine.writer, insertLine, { version, name, checksum });
  } catch (cause) {
    throw new TidegateError('TABLE_FAILED', `Migration ${name} failed: ${messageOf(cause)}`, { cause });
  }
};

/** The expression behind TTL in a table's definition, '' when it keeps everything. */
const storedTtl = (definition: string): string => /\sTTL (.+?)(?: SETTINGS | COMMENT |$)/.exec(definition)?.[1] ?? '';

/** Makes the tables keep what the options say; rows that are there already are judged at their next merge. */
const applyTtl = async ({ engine, options, stillMine }: Run): Promise<void> => {
  const tables = await selectRows<{ name: string; engine_full: string }>(
    engine.reader,
    'SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()',
  );
  for (const [table, wanted] of ttlExpressions(options)) {
    const current = storedTtl(tables.find(({ name }) => name === table)?.engine_full ?? '');
    if (current === wanted) continue;
    await stillMine();
    await execute(
      engine.writer,
      `ALTER TABLE ${table}${onCluster(options)} ${wanted ? `MODIFY TTL ${wanted}` : 'REMOVE TTL'}`,
    );
  }
};

export interface MigrateOptions {
  readonly engine: ClickHouseEngine;
  readonly options: SchemaOptions;
  readonly logger: Logger;
  /** Default: the shipped ones. */
  readonly migrations?: readonly Migration[];
  /** For waiting until another run is done. Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Applies what is missing, in order, and sets how long rows are kept. A second run changes nothing; one that was
 * interrupted is continued; of several at once, one works and the others wait. Returns the names of the files applied.
 *
 * @throws TidegateError ENGINE_UNFIT (see {@link pendingMigrations}) before anything is changed, TABLE_FAILED.
 */
export const migrate = async ({
  engine,
  options,
  logger,
  migrations,
  clock,
}: MigrateOptions): Promise<readonly string[]> => {
  const known = migrations ?? (await readMigrations());
  const lock = {
    engine,
    logger,
    ...(options.cluster ? { cluster: options.cluster } : {}),
    ...(clock ? { clock } : {}),
  };
  return withMigrationLock(lock, async (stillMine) => {
    const run: Run = { engine, options, stillMine };
    for (const statement of splitStatements(renderTemplate(ledger, options))) await execute(engine.writer, statement);
    const pending = pendingMigrations(known, await readLedger(engine));
    for (const migration of pending) {
      await apply(run, migration);
      logger.info({ migration: migration.name }, 'migration applied');
    }
    await applyTtl(run);
    return pending.map(({ name }) => name);
  });
};
