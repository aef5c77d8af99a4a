import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import { messageOf, TidegateError } from '../errors.ts';
import { asking, type ClickHouseEngine, type InsertStatement } from './engine.ts';

export interface HttpEngineOptions {
  /**
   * `https://user:password@host:8443/database?ca=/path/ca.pem`. `ca` names a PEM file that signs the server's
   * certificate; without it the system's authorities do. Default user `default`, default database `default`.
   */
  readonly url: string;
  /** How long the first contact may take, milliseconds. Default 4,000. */
  readonly connectMs?: number;
}

/**
 * The server ends an insert before this client stops waiting for it, and before the group gives the partition of a
 * silent owner away (10 s). So whoever counts what an insert of unknown outcome has stored, counts after its end.
 */
const insertSeconds = 8;
const executionSeconds = 20;
const requestMs = 25_000;
const maxConnections = 10;
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

interface Address {
  readonly options: ClickHouseClientConfigOptions;
  readonly database: string;
  readonly name: string;
}

const parseAddress = (text: string): Address => {
  if (!URL.canParse(text)) throw new TidegateError('CONFIG_INVALID', 'The ClickHouse URL cannot be read');
  const url = new URL(text);
  const caFile = url.searchParams.get('ca');
  const database = decodeURIComponent(url.pathname.slice(1)) || 'default';
  if (!namePattern.test(database)) {
    throw new TidegateError('CONFIG_INVALID', `The ClickHouse URL names no usable database: ${database}`);
  }
  const options: ClickHouseClientConfigOptions = {
    url: `${url.protocol}//${url.host}`,
    username: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
    max_open_connections: maxConnections,
    request_timeout: requestMs,
    // It would write to stderr, stack and all, what it rejects with anyway.
    log: { level: ClickHouseLogLevel.OFF },
    ...(caFile ? { tls: { ca_cert: readAuthority(caFile) } } : {}),
  };
  return { options, database, name: `${url.protocol}//${url.host}/${database}` };
};

const readAuthority = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TidegateError('CONFIG_INVALID', `Cannot read the certificate authority ${path}`, { cause });
  }
};

/** Asks once, on a connection that waits for seconds only; creates the database where it is missing. */
const firstContact = async ({ options, database, name }: Address, connectMs: number): Promise<void> => {
  const client = createClient({ ...options, request_timeout: connectMs });
  try {
    const answer = await client.ping({ select: true });
    if (!answer.success) throw answer.error;
    if (database !== 'default') await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
  } catch (cause) {
    const message = `ClickHouse at ${name} does not answer: ${messageOf(cause).slice(0, 300)}`;
    throw new TidegateError('ENGINE_UNREACHABLE', message, { cause, retryable: true });
  } finally {
    await client.close();
  }
};

const literal = (value: string | number): string =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const insertOver = async (client: ClickHouseClient, { table, rows, settings }: InsertStatement): Promise<void> => {
  const clause = Object.entries({ ...settings, max_execution_time: insertSeconds }).map(
    ([name, value]) => `${name} = ${literal(value)}`,
  );
  const query = `INSERT INTO ${table} SETTINGS ${clause.join(', ')} FORMAT JSONEachRow`;
  const result = await client.exec({ query, values: Readable.from(rows, { objectMode: false }) });
  result.stream.resume();
};

/**
 * A ClickHouse server over HTTP(S).
 *
 * @throws TidegateError ENGINE_UNREACHABLE within `connectMs`, CONFIG_INVALID for a URL that cannot be used.
 */
export const openHttpEngine = async ({ url, connectMs = 4000 }: HttpEngineOptions): Promise<ClickHouseEngine> => {
  const address = parseAddress(url);
  await firstContact(address, connectMs);
  const common = { ...address.options, database: address.database };
  const writer = createClient({ ...common, clickhouse_settings: { max_execution_time: executionSeconds } });
  const reader = createClient({
    ...common,
    clickhouse_settings: { max_execution_time: executionSeconds, readonly: '2', max_result_rows: '100000' },
  });
  return {
    name: address.name,
    writer,
    reader,
    questions: reader,
    insert: (statement) => asking('insert failed', () => insertOver(writer, statement)),
    announce: () => undefined,
    close: async () => {
      await Promise.all([writer.close(), reader.close()]);
    },
  };
};
