import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, TidegateError } from '../errors.ts';

/** How an access log is named to a person. */
export const displayNameOf = (file: string): string =>
  file === '-' ? 'standard input' : file === '' ? 'a file without a name' : file;

const refuse = (file: string, what: string, cause?: unknown): TidegateError =>
  new TidegateError('INPUT_INVALID', `${displayNameOf(file)} ${what}`, { cause });

const refuseCause = (file: string, cause: unknown): TidegateError => {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT') return refuse(file, 'does not exist', cause);
  if (code === 'EACCES' || code === 'EPERM') return refuse(file, 'may not be read by this user', cause);
  if (code === 'EISDIR') return refuse(file, 'is a directory, not an access log', cause);
  if (code === 'Z_BUF_ERROR') return refuse(file, 'ends in the middle of its gzip data', cause);
  if (code.startsWith('Z_')) return refuse(file, `holds broken gzip data: ${messageOf(cause)}`, cause);
  return refuse(file, `cannot be read: ${messageOf(cause)}`, cause);
};

const isGzip = (head: Buffer): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** Puts bytes that were read too early in front again. */
async function* withHead(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Why a file cannot even be opened; null when it can, as far as one can tell from outside. */
export const refusalOf = async (file: string): Promise<TidegateError | null> => {
  if (file === '-') return null;
  return stat(file).then(
    (facts) => (facts.isDirectory() ? refuse(file, 'is a directory, not an access log') : null),
    (cause: unknown) => refuseCause(file, cause),
  );
};

async function* plainOrGunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.length === 0) return;
  const bytes = withHead(head, chunks);
  // The callback is pipeline's way to be told; the error also ends the iteration, where it is handled.
  if (isGzip(head)) yield* pipeline(bytes, createGunzip(), () => undefined) as AsyncIterable<Buffer>;
  else yield* bytes;
}

export interface LogSource {
  /** A path, or `-` for `stdin`. */
  readonly file: string;
  readonly stdin: Readable;
}

/**
 * The bytes of one access log, gunzipped when they begin like gzip, whatever the name says. Throws INPUT_INVALID, naming
 * the file, when it is missing, a directory, unreadable, empty or broken gzip.
 */
export async function* readLogBytes({ file, stdin }: LogSource): AsyncGenerator<Buffer> {
  let isEmpty = true;
  try {
    for await (const chunk of plainOrGunzipped(file === '-' ? stdin : createReadStream(file))) {
      if (chunk.length > 0) isEmpty = false;
      yield chunk;
    }
  } catch (cause) {
    throw cause instanceof TidegateError ? cause : refuseCause(file, cause);
  }
  if (isEmpty) throw refuse(file, 'is empty');
}
