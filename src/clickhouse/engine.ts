import type { ClickHouseClient } from '@clickhouse/client';
import { messageOf, TidegateError } from '../errors.ts';

/** A ClickHouse that answers: a server over HTTP, or chDB in this process. */
export interface ClickHouseEngine {
  /** For the log: `http://host:8123/default` without credentials, or the folder. */
  readonly name: string;
  /** Nobody but this process can reach the data. Default false. */
  readonly soleProcess?: boolean;
  /** Statements that change something. Never given settings: chDB would keep them for every later statement. */
  readonly writer: ClickHouseClient;
  /** Cannot write. Never given settings either. */
  readonly reader: ClickHouseClient;
  /** Cannot write either. Takes the bounds of questions in the text of a statement, and on chDB no others. */
  readonly questions: ClickHouseClient;
  /** Runs `INSERT … FORMAT JSONEachRow` with these bytes as its data, untouched. */
  insert(statement: InsertStatement): Promise<void>;
  /** Where to ask while this process holds the data. Does nothing on a server. */
  announce(endpoint: string, sqlEndpoint?: string): void;
  close(): Promise<void>;
}

export type SettingValue = string | number;

export interface InsertStatement {
  readonly table: string;
  /** NDJSON. */
  readonly rows: readonly Buffer[];
  /** Of this statement alone. */
  readonly settings: Readonly<Record<string, SettingValue>>;
}

/** Codes with which ClickHouse says that it cannot read the rows: no retry helps. */
const refusals = new Set([6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 131, 306, 349, 467, 691]);

/** The engine's own error number, null when the failure came from elsewhere. */
export const engineCodeOf = (thrown: unknown): number | null => {
  if (typeof thrown !== 'object' || thrown === null) return null;
  if ('clickhouseCode' in thrown && typeof thrown.clickhouseCode === 'number') return thrown.clickhouseCode;
  const code = 'code' in thrown ? Number(thrown.code) : Number.NaN;
  return Number.isInteger(code) ? code : null;
};

const maxMessageLength = 500;

/**
 * Runs one request to the engine. Failures become TidegateError FRAME_CORRUPT when the engine cannot read the rows it was
 * given, else TABLE_FAILED (retryable).
 */
export const asking = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    const code = engineCodeOf(cause);
    const message = `${what}: ${messageOf(cause).slice(0, maxMessageLength)}`;
    if (code !== null && refusals.has(code)) throw new TidegateError('FRAME_CORRUPT', message, { cause });
    throw new TidegateError('TABLE_FAILED', message, { cause, retryable: true });
  }
};

export type QueryParams = Readonly<Record<string, unknown>>;

/** Rows of a query, with values bound as parameters. */
export const selectRows = async <Row>(
  client: ClickHouseClient,
  query: string,
  params: QueryParams = {},
): Promise<Row[]> =>
  asking('query failed', async () => {
    const result = await client.query({ query, query_params: { ...params }, format: 'JSONEachRow' });
    return result.json<Row>();
  });

/** One statement that changes something. */
export const execute = (client: ClickHouseClient, query: string, params: QueryParams = {}): Promise<void> =>
  asking('statement failed', async () => {
    await client.command({ query, query_params: { ...params } });
  });
