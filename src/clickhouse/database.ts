import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { EventTable } from '../ingest/event-table.ts';
import type { Logger } from '../logger.ts';
import { checkEngine, type Finding } from './check.ts';
import { ClickHouseDecisionReader } from './decision-reader.ts';
import type { ClickHouseEngine } from './engine.ts';
import { ClickHouseEventTable, type EventTableName } from './event-table.ts';
import { migrate } from './migrate.ts';
import type { Retention } from './sql-text.ts';

export interface DatabaseOptions extends Retention {
  /**
   * `http(s)://user:password@host:8123/database`, `chdb:<folder>`, or `chdb:` alone for a folder that is gone after
   * close().
   */
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Blocks that each table remembers, to recognise one that comes again. Default 10,000. */
  readonly dedupWindow?: number;
}

/**
 * How long rows are kept where nothing else is said. A replayed log is older than all of it, so 0 days for raw mean that
 * nothing goes.
 */
export const defaultRetention = {
  rawTtlDays: 30,
  minuteTtlDays: 100,
  hourTtlDays: 400,
  dayTtlDays: 0,
  denialsTtlDays: 30,
  ingestBlocksTtlDays: 30,
  blocksTtlDays: 0,
} as const satisfies Required<Retention>;

/** What is kept in the end: given, by default, or all of it when raw is kept for ever and nothing else is said. */
const retentionOf = (given: Retention): Required<Retention> => {
  const names = Object.keys(defaultRetention) as (keyof Retention)[];
  const fallback = (name: keyof Retention): number => (given.rawTtlDays === 0 ? 0 : defaultRetention[name]);
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? fallback(name)]),
  ) as unknown as Required<Retention>;
};

/** The analytics database. */
export interface Database {
  /** Decisions. */
  readonly table: EventTable;
  /** Every change of a block. */
  readonly blocks: EventTable;
  /** Every load of policies. */
  readonly policies: EventTable;
  readonly reader: DecisionReader;
  /** Address or folder, without credentials. */
  readonly name: string;
  /** Brings tables and retention up to date; names the files that were applied. See migrate(). */
  migrate(): Promise<readonly string[]>;
  /** For `tidegate doctor`. */
  check(): Promise<readonly Finding[]>;
  /** Tells other processes where to ask for this data while this one holds it (chDB only). */
  announce(endpoint: string): void;
  close(): Promise<void>;
}

const openEngine = async (url: string): Promise<ClickHouseEngine> => {
  const scheme = url.slice(0, url.indexOf(':') + 1).toLowerCase();
  if (scheme === 'chdb:') {
    const { openChdb } = await import('../embedded/chdb.ts');
    return openChdb({ folder: url.slice(scheme.length) });
  }
  if (scheme === 'http:' || scheme === 'https:') {
    const { openHttpEngine } = await import('./client.ts');
    return openHttpEngine({ url });
  }
  throw new TidegateError('ENGINE_UNKNOWN', 'ClickHouse URLs start with http:, https: or chdb:');
};

/**
 * Opens the database; migrates nothing.
 *
 * @throws TidegateError ENGINE_UNREACHABLE within a few seconds, ENGINE_UNKNOWN, CONFIG_INVALID, or DATA_LOCKED when
 * another process holds the folder.
 */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const { url, clock, logger, dedupWindow = 10_000 } = options;
  const engine = await openEngine(url);
  const tableOf = (table: EventTableName): EventTable =>
    new ClickHouseEventTable({ engine, table, nowMs: () => clock.nowMs() });
  return {
    table: tableOf('decisions_raw'),
    blocks: tableOf('blocks'),
    policies: tableOf('policies'),
    reader: new ClickHouseDecisionReader(engine),
    name: engine.name,
    migrate: () => migrate({ engine, logger, options: { ...retentionOf(options), dedupWindow } }),
    check: () => checkEngine(engine),
    announce: (endpoint) => engine.announce(endpoint),
    close: () => engine.close(),
  };
};
