import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../src/errors.ts';

/** Test-only: the part of ClickHouse's HTTP interface that @clickhouse/client uses, answered by chDB in this process. */
export interface ClickHouseHttp {
  /** `http://default:secret@127.0.0.1:…/default` */
  readonly url: string;
  /** Answers nothing at all while true: the connection hangs. */
  hang: boolean;
  /** Refuses everything while true. */
  fail: boolean;
  /** Called when an insert has begun and its answer is not known. */
  onInsert: () => void;
  close(): Promise<void>;
}

interface Chdb {
  queryAsync(sql: string, options: { format: string }): Promise<{ bytes(): Uint8Array }>;
  queryBindAsync(sql: string, params: object, options: { format: string }): Promise<{ bytes(): Uint8Array }>;
  insert(params: object): Promise<unknown>;
  close(): void;
}

export interface FrontOptions {
  readonly folder: string;
  readonly password: string;
  /** Default: a free one. */
  readonly port?: number;
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const insertPattern = /^INSERT INTO (\w+) SETTINGS (.+) FORMAT JSONEachRow$/;

const settingsOf = (clause: string): Record<string, string | number> =>
  Object.fromEntries(
    [...clause.matchAll(/(\w+) = (?:'((?:[^'\\]|\\.)*)'|(\d+))/g)].map(([, name = '', text, number]) => [
      name,
      number === undefined ? (text ?? '').replace(/\\(.)/g, '$1') : Number(number),
    ]),
  );

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', 0: '\0' };

/** A server reads the text of a parameter as it reads a field of a TSV file. */
const unescaped = (text: string): string =>
  text.replace(/\\([\s\S])/g, (_, escaped: string) => escapes[escaped] ?? escaped);

/** Parameters travel as text: what they are is in the query. */
const paramsOf = (search: URLSearchParams, sql: string): Record<string, unknown> => {
  const params: Record<string, unknown> = {};
  for (const [key, text] of search) {
    if (!key.startsWith('param_')) continue;
    const name = key.slice('param_'.length);
    const isArray = sql.includes(`{${name}:Array(`);
    const items = [...text.matchAll(/'((?:[^'\\]|\\[\s\S])*)'/g)].map(([, item = '']) => unescaped(item));
    params[name] = isArray ? items : unescaped(text);
  }
  return params;
};

interface Question {
  readonly search: URLSearchParams;
  readonly body: Buffer;
  readonly onInsert: () => void;
}

const answer = async (chdb: Chdb, { search, body, onInsert }: Question): Promise<Buffer> => {
  const query = search.get('query');
  const insert = insertPattern.exec(query ?? '');
  if (insert) {
    const [, table = '', clause = ''] = insert;
    const running = chdb.insert({ table, settings: settingsOf(clause), format: 'JSONEachRow', values: body });
    onInsert();
    await running;
    return Buffer.alloc(0);
  }
  const sql = body.toString();
  const format = { format: 'CSV' };
  const params = paramsOf(search, sql);
  const result =
    Object.keys(params).length > 0 ? chdb.queryBindAsync(sql, params, format) : chdb.queryAsync(sql, format);
  return Buffer.from((await result).bytes());
};

const isWrite = (sql: string): boolean => !/^\s*(SELECT|EXISTS|SHOW|EXPLAIN)\b/i.test(sql);

const refuse = (response: ServerResponse, status: number, error: unknown): void => {
  const message = messageOf(error);
  const code = /Code: (\d+)/.exec(message)?.[1] ?? '1000';
  response.writeHead(status, { 'x-clickhouse-exception-code': code });
  response.end(message.startsWith('Code:') ? message : `Code: ${code}. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`);
};

/** Opens chDB on the folder and serves it on a free port of 127.0.0.1. */
export const startClickHouseHttp = async ({
  folder,
  password,
  port: wanted = 0,
}: FrontOptions): Promise<ClickHouseHttp> => {
  const { Session } = (await import('chdb')) as unknown as { Session: new (path: string) => Chdb };
  const chdb = new Session(folder);
  const front = { hang: false, fail: false, onInsert: (): void => undefined };
  const server = createServer((request, response) => {
    if (front.hang) return;
    const search = new URL(request.url ?? '/', 'http://front').searchParams;
    const given = Buffer.from(String(request.headers.authorization).replace('Basic ', ''), 'base64').toString();
    bodyOf(request)
      .then((body) => {
        if (given !== `default:${password}`)
          throw new Error('Code: 516. DB::Exception: Authentication failed (AUTHENTICATION_FAILED)');
        if (front.fail)
          throw new Error('Code: 202. DB::Exception: Too many simultaneous queries (TOO_MANY_SIMULTANEOUS_QUERIES)');
        const sql = search.get('query') ?? body.toString();
        if (search.get('readonly') && isWrite(sql))
          throw new Error('Code: 164. DB::Exception: Cannot write (READONLY)');
        return answer(chdb, { search, body, onInsert: front.onInsert });
      })
      .then(
        (bytes) => response.end(bytes),
        (error: unknown) => refuse(response, 500, error),
      );
  });
  await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(front, {
    url: `http://default:${password}@127.0.0.1:${port}/default`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      chdb.close();
    },
  });
};
