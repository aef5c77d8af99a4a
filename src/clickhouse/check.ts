import { messageOf } from '../errors.ts';
import { type ClickHouseEngine, selectRows } from './engine.ts';
import { eventTables } from './event-table.ts';
import { appliedMigrations, pendingMigrations, readMigrations } from './migrate.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly ok: boolean;
  /** `version`, `migrations`, `dedup window of decisions_raw`. */
  readonly subject: string;
  /** What was found and, if it is not ok, what to do. */
  readonly message: string;
  /** Blocks that a table remembers; not of engines that keep a window of their own. */
  readonly windowBlocks?: number;
}

/** Older servers transform tokens along views differently. */
const oldestVersion = [24, 8] as const;
const leastWindow = 100;

const checkVersion = async ({ reader }: ClickHouseEngine): Promise<Finding> => {
  const version = (await selectRows<{ version: string }>(reader, 'SELECT version() AS version'))[0]?.version ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1]);
  const message = ok ? version : `${version || 'unknown'}; tidegate needs ${oldestVersion.join('.')} or newer`;
  return { ok, subject: 'version', message };
};

const checkMigrations = async (engine: ClickHouseEngine): Promise<Finding> => {
  const subject = 'migrations';
  try {
    const pending = pendingMigrations(await readMigrations(), await appliedMigrations(engine));
    const names = pending.map(({ name }) => name).join(', ');
    const message = names === '' ? 'all applied' : `missing: ${names}; run tidegate migrate`;
    return { ok: names === '', subject, message };
  } catch (error) {
    return { ok: false, subject, message: messageOf(error) };
  }
};

interface TableRow {
  readonly name: string;
  readonly engine: string;
  readonly engine_full: string;
  readonly create_table_query: string;
  /** Views that read what is inserted into it. */
  readonly dependencies_table: readonly string[];
}

/** The tables that ingest inserts into and every table that a block reaches through views, the user's own included. */
const tablesOfBlock = (tables: readonly TableRow[]): TableRow[] => {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const reached = new Set<TableRow>();
  const visit = (table: TableRow | undefined): void => {
    if (!table || reached.has(table)) return;
    if (table.engine !== 'MaterializedView') reached.add(table);
    const target = /^CREATE MATERIALIZED VIEW \S+ TO (?:`?\w+`?\.)?`?(\w+)`?/.exec(table.create_table_query)?.[1];
    for (const next of [...table.dependencies_table, ...(target ? [target] : [])]) visit(byName.get(next));
  };
  for (const table of eventTables) visit(byName.get(table));
  return [...reached].sort((a, b) => (a.name < b.name ? -1 : 1));
};

/** Whether a block that comes twice is recognised: by the table's own window, or because the engine keeps one. */
const checkWindow = ({ name, engine, engine_full: definition }: TableRow): Finding => {
  const subject = `dedup window of ${name}`;
  if (/^(Replicated|Shared)/.test(engine)) return { ok: true, subject, message: engine };
  const window = Number(/non_replicated_deduplication_window = (\d+)/.exec(definition)?.[1] ?? 0);
  const ok = window >= leastWindow;
  const advice = `ALTER TABLE ${name} MODIFY SETTING non_replicated_deduplication_window = 10000`;
  return { ok, subject, message: ok ? `${window} blocks` : `${window} blocks; ${advice}`, windowBlocks: window };
};

/** What the engine must be for totals to be exact. Rejects with TABLE_FAILED when it does not answer. */
export const checkEngine = async (engine: ClickHouseEngine): Promise<readonly Finding[]> => {
  const tables = await selectRows<TableRow>(
    engine.reader,
    `SELECT name, engine, engine_full, create_table_query, dependencies_table FROM system.tables
     WHERE database = currentDatabase() ORDER BY name LIMIT 10000`,
  );
  return [await checkVersion(engine), await checkMigrations(engine), ...tablesOfBlock(tables).map(checkWindow)];
};
