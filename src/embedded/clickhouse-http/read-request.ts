import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { exception } from './exception.ts';
import { fieldsOf } from './multipart.ts';

/** One request, understood as far as HTTP goes. */
export interface ReadRequest {
  readonly sql: string;
  /** Everything of the URL but the query, and the fields of a form. The last of two with one name counts. */
  readonly asked: ReadonlyMap<string, string>;
  /** Values by the name of their place in the query. */
  readonly params: ReadonlyMap<string, string>;
}

const readBody = async (request: IncomingMessage, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw exception('QUERY_IS_TOO_LARGE', `A request may have ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

const decoded = async (bytes: Buffer, encoding: string, maxOutputLength: number): Promise<Buffer> => {
  if (encoding === '' || encoding === 'identity' || bytes.length === 0) return bytes;
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (!decode) throw exception('UNKNOWN_COMPRESSION_METHOD', `Unknown compression method: ${encoding.slice(0, 32)}`);
  try {
    return await decode(bytes, { maxOutputLength });
  } catch (error) {
    if (error instanceof RangeError)
      throw exception('QUERY_IS_TOO_LARGE', `A request may have ${maxOutputLength} bytes`);
    throw exception('CANNOT_DECOMPRESS', `The body is no ${encoding}`);
  }
};

const paramName = /^param_([A-Za-z_]\w{0,63})$/;

const paramsOf = (asked: ReadonlyMap<string, string>): Map<string, string> => {
  const params = new Map<string, string>();
  for (const [key, value] of asked) {
    if (!key.startsWith('param_')) continue;
    const name = paramName.exec(key)?.[1];
    if (name === undefined) throw exception('BAD_ARGUMENTS', `${key.slice(0, 80)} is no name of a parameter`);
    params.set(name, value);
  }
  return params;
};

/** @throws Exception QUERY_IS_TOO_LARGE, UNKNOWN_COMPRESSION_METHOD, CANNOT_DECOMPRESS or BAD_ARGUMENTS. */
export const readRequest = async (
  request: IncomingMessage,
  search: URLSearchParams,
  maxBytes: number,
): Promise<ReadRequest> => {
  const asked = new Map(search);
  const encoding = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  const body = await decoded(await readBody(request, maxBytes), encoding, maxBytes);
  const form = fieldsOf(request.headers['content-type'] ?? '', body);
  if (form) for (const [name, value] of form) if (name !== 'query') asked.set(name, value);
  const sent = form ? (form.get('query') ?? '') : body.toString();
  // As a server does it: what the URL begins, the body goes on with.
  const sql = [search.get('query') ?? '', sent].filter((part) => part !== '').join('\n');
  return { sql, asked, params: paramsOf(asked) };
};
