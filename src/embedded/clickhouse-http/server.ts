import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { availableParallelism, totalmem } from 'node:os';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { answer, canSendPieces, commonHeaders, refuse } from './answer.ts';
import { isOff, type ReadLimits, settingsOf } from './asked-settings.ts';
import { checkLocalName, checkNoOtherSite, passwordCheck } from './credentials.ts';
import { exception } from './exception.ts';
import { isFormatName } from './formats.ts';
import { checkRevision } from './native-blocks.ts';
import { QuerySlots } from './query-slots.ts';
import { openReadEngine, type ReadEngine } from './read-engine.ts';
import { type ReadRequest, readRequest } from './read-request.ts';
import { encodingFor } from './sink.ts';

export interface ClickHouseHttpOptions {
  /** The folder that chDB has open in this process. */
  readonly folder: string;
  /** Role that every connection takes; null: the engine was opened without roles, and only its read-only mode holds. */
  readonly role: string | null;
  /** Of the user `default`. '': none, and then only local names are answered to. */
  readonly password: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: 30 s, a quarter of the memory up to 1 GiB, half of the cores, and 64 MiB of a result made as a whole. */
  readonly limits?: Partial<ReadLimits>;
  /** Default 2 at a time, 128 that wait up to 30 s: Grafana asks for all alert rules of a minute at once. */
  readonly queries?: { readonly running?: number; readonly waiting?: number; readonly waitMs?: number };
}

/** ClickHouse's HTTP interface in front of the engine in this process, for readers. */
export interface ClickHouseHttp {
  /** Gives the URL. */
  listen(options: { readonly host: string; readonly port: number }): Promise<string>;
  stats(): { readonly running: number; readonly waiting: number; readonly refused: number };
  /** Ends the connections, and resolves when no query runs any more. */
  close(): Promise<void>;
}

/** Text and values of a query. */
const maxRequestBytes = 1024 * 1024;
const maxHeaderBytes = 128 * 1024;
const maxConnections = 256;
const graceMs = 5000;
const gibibyte = 2 ** 30;

const defaultLimits = (): ReadLimits => ({
  maxSeconds: 30,
  maxMemoryBytes: Math.min(gibibyte, Math.floor(totalmem() / 4)),
  maxThreads: Math.max(1, Math.floor(availableParallelism() / 2)),
  maxWholeRows: 1_000_000,
  maxWholeBytes: 64 * 1024 * 1024,
});

interface Parts {
  readonly engine: ReadEngine;
  readonly slots: QuerySlots;
  readonly limits: ReadLimits;
  readonly clock: Clock;
  readonly check: ReturnType<typeof passwordCheck>;
  readonly isOpen: boolean;
}

const idPattern = /^[\x21-\x7e]{1,128}$/;

const queryIdOf = (search: URLSearchParams): string => {
  const id = search.get('query_id') ?? '';
  return idPattern.test(id) ? id : randomUUID();
};

const headerOf = (request: IncomingMessage, name: string): string => {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
};

const revisionOf = (asked: ReadonlyMap<string, string>): number => {
  const revision = Number(asked.get('client_protocol_version') ?? 0);
  if (!Number.isSafeInteger(revision) || revision < 0)
    throw exception('BAD_ARGUMENTS', 'client_protocol_version is no number');
  return revision;
};

const checkDatabase = (request: IncomingMessage, asked: ReadonlyMap<string, string>): void => {
  const database = asked.get('database') || headerOf(request, 'x-clickhouse-database') || 'default';
  if (database !== 'default')
    throw exception('UNKNOWN_DATABASE', `Database ${database.slice(0, 64)} does not exist; the only one is default`);
};

const formatOf = (named: string | null, request: IncomingMessage, asked: ReadonlyMap<string, string>): string => {
  const format = named ?? (headerOf(request, 'x-clickhouse-format') || asked.get('default_format') || 'TabSeparated');
  if (!isFormatName(format)) throw exception('UNKNOWN_FORMAT', 'Unknown format');
  return format;
};

interface Asking {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
}

const run = async (parts: Parts, asking: Asking, { sql, asked, params }: ReadRequest): Promise<void> => {
  const { engine, limits } = parts;
  const { request, response, gone } = asking;
  const statement = await engine.statementOf(sql, params);
  const format = formatOf(statement.format, request, asked);
  const inPieces = canSendPieces(statement.canStream, format);
  const settings = settingsOf(asked, limits, !inPieces);
  const revision = revisionOf(asked);
  if (format === 'Native') checkRevision(revision);
  const encoding = isOff(asked.get('enable_http_compression'))
    ? null
    : encodingFor(headerOf(request, 'accept-encoding'));
  const reading = await engine.open({ settings, params });
  try {
    const question = { sql: statement.sql, format, asked, revision, encoding, limits };
    await answer(question, { response, gone, reading, inPieces });
  } finally {
    reading.close();
  }
};

const query = async (parts: Parts, asking: Asking, search: URLSearchParams): Promise<void> => {
  const { request, response, gone } = asking;
  parts.check(request.headers, search);
  const asked = await readRequest(request, search, maxRequestBytes);
  checkDatabase(request, asked.asked);
  if (asked.sql.trim() === '') {
    if (request.method !== 'POST') return void response.end('Ok.\n');
    throw exception('SYNTAX_ERROR', 'Syntax error: Empty query');
  }
  const free = await parts.slots.take();
  // Whoever takes an answer so slowly that its query is long over holds a connection of the engine.
  const deadline = parts.clock.schedule(parts.limits.maxSeconds * 1000 + graceMs, () => response.destroy());
  try {
    if (!gone.aborted) await run(parts, asking, asked);
  } finally {
    deadline.cancel();
    free();
  }
};

const methods: readonly (string | undefined)[] = ['GET', 'HEAD', 'POST'];
const alive = new Set(['/ping', '/replicas_status']);

const respond = async (parts: Parts, asking: Asking): Promise<void> => {
  const { request, response } = asking;
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://front');
  if (!methods.includes(request.method)) return void response.writeHead(405, { Allow: 'GET, HEAD, POST' }).end();
  if (alive.has(pathname)) return void response.end('Ok.\n');
  if (pathname !== '/' && pathname !== '/query')
    return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end(`There is nothing at ${pathname}\n`);
  if (parts.isOpen) {
    checkLocalName(request.headers.host);
    checkNoOtherSite(request.headers);
  }
  for (const [name, value] of Object.entries(commonHeaders(parts.engine, queryIdOf(searchParams))))
    response.setHeader(name, value);
  await query(parts, asking, searchParams);
};

const urlOf = (server: Server, host: string): string => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
};

/** Opens the interface; nobody is listened to before `listen`. */
export const openClickHouseHttp = async (options: ClickHouseHttpOptions): Promise<ClickHouseHttp> => {
  const { folder, role, password, clock, logger, queries = {} } = options;
  const engine = await openReadEngine({ folder, role });
  const slots = new QuerySlots({ clock, running: 2, waiting: 128, waitMs: 30_000, ...queries });
  const limits = { ...defaultLimits(), ...options.limits };
  const parts: Parts = { engine, slots, limits, clock, check: passwordCheck(password), isOpen: password === '' };
  const underWay = new Set<Promise<void>>();
  const server = createServer({ maxHeaderSize: maxHeaderBytes, keepAliveTimeout: 10_000 }, (request, response) => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    response.on('error', (error) => logger.debug({ err: error }, 'an answer could not be sent'));
    const task = respond(parts, { request, response, gone: left.signal }).catch((error: unknown) => {
      const { code, message } = refuse(response, error);
      logger.debug({ code, reason: messageOf(message).slice(0, 300) }, 'a query over HTTP was refused');
    });
    underWay.add(task);
    void task.finally(() => underWay.delete(task));
  });
  server.maxConnections = maxConnections;
  return {
    listen: async ({ host, port }) => {
      server.listen({ host, port });
      await once(server, 'listening');
      return urlOf(server, host);
    },
    stats: () => slots.stats(),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await Promise.allSettled(underWay);
      engine.close();
    },
  };
};
