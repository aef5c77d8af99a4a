import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { EventTable } from '../ingest/event-table.ts';
import type { Logger } from '../logger.ts';
import { checkEngine, type Finding } from './check.ts';
import { ClickHouseDecisionReader } from './decision-reader.ts';
import type { ClickHouseEngine } from './engine.ts';
import { ClickHouseEventTable } from './event-table.ts';
import { migrate } from './migrate.ts';

export interface DatabaseOptions {
  /**
   * `http(s)://user:password@host:8123/database`, `chdb:<folder>`, or `chdb:` alone for a folder that is gone after
   * close().
   */
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Days that decisions are kept row by row. 0: for ever, which is what a replayed log needs. Default 30. */
  readonly rawTtlDays?: number;
  /** Days that the minutes are kept. 0: for ever. Default 400, or 0 when the rows are kept for ever. */
  readonly minuteTtlDays?: number;
  /** Blocks that each table remembers, to recognise one that comes again. Default 10,000. */
  readonly dedupWindow?: number;
}

/** The analytics database. */
export interface Database {
  readonly table: EventTable;
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
  const { url, clock, logger, rawTtlDays = 30, dedupWindow = 10_000 } = options;
  const minuteTtlDays = options.minuteTtlDays ?? (rawTtlDays === 0 ? 0 : 400);
  const engine = await openEngine(url);
  return {
    table: new ClickHouseEventTable(engine, () => clock.nowMs()),
    reader: new ClickHouseDecisionReader(engine),
    name: engine.name,
    migrate: () => migrate({ engine, logger, options: { rawTtlDays, minuteTtlDays, dedupWindow } }),
    check: () => checkEngine(engine),
    announce: (endpoint) => engine.announce(endpoint),
    close: () => engine.close(),
  };
};
