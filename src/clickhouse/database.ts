import type { DecisionReadings } from '../alert/definition.ts';
import type { Auditor } from '../analytics/audit.ts';
import type { ClientData } from '../analytics/client-data.ts';
import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { EvidenceReader } from '../analytics/verify-rows.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { EventTable } from '../ingest/event-table.ts';
import { PseudonymousTable } from '../ingest/pseudonymous-table.ts';
import type { Pseudonyms } from '../ingest/pseudonyms.ts';
import type { Logger } from '../logger.ts';
import type { AlertObjectives } from './alert-objectives.ts';
import { ClickHouseAlertReadings } from './alert-readings.ts';
import { ClickHouseAuditor } from './audit.ts';
import { type QuestionBounds, questionSettings } from './bounded-questions.ts';
import { checkEngine, type Finding } from './check.ts';
import { ClickHouseClientData } from './client-data.ts';
import { ClickHouseDecisionReader } from './decision-reader.ts';
import type { ClickHouseEngine } from './engine.ts';
import { ClickHouseEventTable, type EventTableName } from './event-table.ts';
import { migrate } from './migrate.ts';
import { type Retention, retentionOf } from './retention.ts';
import { ClickHouseEvidenceReader } from './verify-reader.ts';

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
  /** Tables are made on all servers of this ClickHouse cluster, replicated. Default: on the one server. */
  readonly cluster?: string;
  /** Others of this process will read over HTTP, with the rights of readers alone (chDB only). Default false. */
  readonly hasReaders?: boolean;
  /** Under which clients and addresses are stored. Default: none, they are stored as they are. */
  readonly pseudonyms?: Pseudonyms;
  /** What one question of a person may cost. Default: see {@link QuestionBounds}. */
  readonly bounds?: QuestionBounds;
}

/** The analytics database. */
export interface Database {
  /** Decisions. */
  readonly table: EventTable;
  /** Every change of a block. */
  readonly blocks: EventTable;
  /** Every load of policies. */
  readonly policies: EventTable;
  /** What processes tell of themselves. */
  readonly health: EventTable;
  readonly reader: DecisionReader;
  /** What blocks were made for. */
  readonly evidence: EvidenceReader;
  /** Whether the numbers agree. */
  readonly auditor: Auditor;
  /** What is stored of one client. */
  readonly clientData: ClientData;
  /** Answers what alerts ask about decisions. Objectives that are left out are the default ones. */
  alerts(objectives: Partial<AlertObjectives>): DecisionReadings;
  /** Address or folder, without credentials. */
  readonly name: string;
  /** Brings tables and retention up to date; names the files that were applied. See migrate(). */
  migrate(): Promise<readonly string[]>;
  /** For `tidegate doctor`. */
  check(): Promise<readonly Finding[]>;
  /** Tells other processes where to ask for this data while this one holds it (chDB only). */
  announce(endpoint: string, sqlEndpoint?: string): void;
  close(): Promise<void>;
}

const openEngine = async ({ url, hasReaders = false, bounds }: DatabaseOptions): Promise<ClickHouseEngine> => {
  const scheme = url.slice(0, url.indexOf(':') + 1).toLowerCase();
  if (scheme === 'chdb:') {
    const { openChdb } = await import('../embedded/chdb.ts');
    return openChdb({ folder: url.slice(scheme.length), hasReaders, questionSettings: questionSettings(bounds) });
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
  const { clock, logger, dedupWindow = 10_000, cluster, pseudonyms } = options;
  const engine = await openEngine(options);
  const schema = { ...retentionOf(options), dedupWindow, ...(cluster === undefined ? {} : { cluster }) };
  const tableOf = (table: EventTableName): EventTable =>
    new ClickHouseEventTable({ engine, table, nowMs: () => clock.nowMs() });
  const namelessTableOf = (table: EventTableName): EventTable =>
    pseudonyms ? new PseudonymousTable(tableOf(table), pseudonyms) : tableOf(table);
  return {
    table: namelessTableOf('decisions_raw'),
    blocks: namelessTableOf('blocks'),
    policies: tableOf('policies'),
    health: tableOf('health_samples'),
    reader: new ClickHouseDecisionReader(engine, { bounds: options.bounds, pseudonyms }),
    evidence: new ClickHouseEvidenceReader({
      engine,
      pseudonyms: pseudonyms ?? null,
      nowMs: () => clock.nowMs(),
      bounds: options.bounds,
    }),
    auditor: new ClickHouseAuditor(engine),
    clientData: new ClickHouseClientData({ engine, clock, pseudonyms: pseudonyms ?? null }),
    alerts: (objectives) => new ClickHouseAlertReadings({ engine, bounds: options.bounds, objectives }),
    name: engine.name,
    migrate: () => migrate({ engine, logger, clock, options: schema }),
    check: () => checkEngine(engine),
    announce: (endpoint, sqlEndpoint) => engine.announce(endpoint, sqlEndpoint),
    close: () => engine.close(),
  };
};
