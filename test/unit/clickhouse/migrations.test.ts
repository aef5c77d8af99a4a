import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AppliedMigration,
  type Migration,
  pendingMigrations,
  readMigrations,
} from '../../../src/clickhouse/migrate.ts';
import { splitStatements } from '../../../src/clickhouse/sql-text.ts';
import { wireNames } from '../../../src/event/decision-event.ts';

const migration = (version: number): Migration => ({
  version,
  name: `000${version}_m.sql`,
  text: '',
  checksum: `c${version}`,
});
const applied = (version: number, checksum = `c${version}`): AppliedMigration => ({
  version,
  name: `000${version}_m.sql`,
  checksum,
});

describe('what is left to apply', () => {
  const known = [1, 2, 3].map(migration);

  it('is everything on a new database, the rest on an older one, and nothing on a current one', () => {
    expect(pendingMigrations(known, [])).toEqual(known);
    expect(pendingMigrations(known, [applied(1)])).toEqual(known.slice(1));
    expect(
      pendingMigrations(
        known,
        [1, 2, 3].map((version) => applied(version)),
      ),
    ).toEqual([]);
  });

  it('is refused when a file has changed since it was applied, and the file is named', () => {
    expect(() => pendingMigrations(known, [applied(1), applied(2, 'other')])).toThrow(/0002_m\.sql/);
  });

  it('is refused when the database is newer than this release, and the version is named', () => {
    expect(() => pendingMigrations(known, [applied(1), applied(4)])).toThrow(/version 4 .*knows 3/);
  });
});

describe('reading a folder of migrations', () => {
  let folder: string;
  const write = (name: string, text = 'SELECT 1'): Promise<void> => writeFile(join(folder, name), text);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-migrations-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('goes by number and takes the content into the checksum', async () => {
    await write('0002_b.sql');
    await write('0001_a.sql', 'SELECT 2');
    const [first, second] = await readMigrations(folder);
    expect([first?.version, second?.version]).toEqual([1, 2]);
    expect(first?.checksum).not.toBe(second?.checksum);
  });

  it.each([
    [['0001_a.sql', '0003_c.sql'], 'a gap'],
    [['0001_a.sql', '0001_b.sql'], 'a number used twice'],
    [['0001_a.sql', 'b.sql'], 'a name without number'],
  ])('refuses %s: %s', async (names) => {
    for (const name of names) await write(name);
    await expect(readMigrations(folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('the shipped migrations', () => {
  it('give every column of every table a comment, and every table a dedup window', async () => {
    const statements = (await readMigrations()).flatMap(({ text }) => splitStatements(text));
    const tables = statements.filter((statement) => statement.startsWith('CREATE TABLE'));
    expect(tables.length).toBeGreaterThanOrEqual(3);
    for (const table of tables) {
      expect(table).toContain('SETTINGS {{dedupWindow}}');
      const columns = table.split('\n').filter((line) => /^ {4}(?!INDEX )\S/.test(line));
      expect(columns.filter((line) => !line.includes(" COMMENT '"))).toEqual([]);
    }
  });

  it('can each be run again after an interruption', async () => {
    const statements = (await readMigrations()).flatMap(({ text }) => splitStatements(text));
    expect(statements.filter((statement) => !/IF NOT EXISTS|^CREATE OR REPLACE VIEW/.test(statement))).toEqual([]);
  });

  it('say for every statement and engine what differs on a cluster', async () => {
    const statements = (await readMigrations()).flatMap(({ text }) => splitStatements(text));
    for (const statement of statements) {
      expect(statement).toMatch(
        /^(CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE) \w+\{\{onCluster\}\}/,
      );
      if (statement.startsWith('CREATE TABLE')) expect(statement).toContain('\nENGINE = {{replicated}}');
    }
  });

  it('give decisions_raw a column for every field of an event, under its wire name', async () => {
    const migrations = await readMigrations();
    const columns = [...(migrations[0]?.text ?? '').matchAll(/^ {4}(?!INDEX )`?(\w+)`? /gm)].map(([, name]) => name);
    const added = migrations.flatMap(({ text }) => [
      ...text.matchAll(/ADD COLUMN IF NOT EXISTS (\w+) [\s\S]*? AFTER (\w+)/g),
    ]);
    for (const [, name, before] of added) columns.splice(columns.indexOf(before) + 1, 0, name);
    expect(columns).toEqual([...Object.values(wireNames), 'ingested_at']);
  });
});
