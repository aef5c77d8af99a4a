import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { isOff, type ReadLimits } from './asked-settings.ts';
import { type Exception, exception, exceptionOf } from './exception.ts';
import { canStreamFormat, contentTypeOf } from './formats.ts';
import { nativeBlocksFor } from './native-blocks.ts';
import type { ReadEngine, Reading, WholeResult } from './read-engine.ts';
import { type Encoding, Sink } from './sink.ts';

/** What an answer needs to know of its question. */
export interface Question {
  readonly sql: string;
  readonly format: string;
  readonly asked: ReadonlyMap<string, string>;
  /** Of the protocol, for the Native format. */
  readonly revision: number;
  readonly encoding: Encoding | null;
  readonly limits: ReadLimits;
}

export interface AnswerTo {
  readonly response: ServerResponse;
  /** Aborted when nobody takes the answer any more. */
  readonly gone: AbortSignal;
}

/** Whether a result can be sent before its end is known. */
export const canSendPieces = (canStream: boolean, format: string): boolean => canStream && canStreamFormat(format);

const tagLetters = 16;

/** Drawn anew for every answer: no row of a result can look like the end that it announces. */
const drawTag = (): string =>
  Array.from({ length: tagLetters }, () => String.fromCharCode(97 + randomInt(26))).join('');

/** Tells in the middle of an answer that no more comes, in the way that clients look for since ClickHouse 25.11. */
const lateException = ({ message }: Exception, tag: string): Buffer => {
  const line = `${message}\n`;
  return Buffer.from(`\r\n__exception__\r\n${tag}\r\n${line}${Buffer.byteLength(line)} ${tag}\r\n__exception__\r\n`);
};

const summaryOf = ({ rows, bytes, elapsedSeconds }: WholeResult): string =>
  JSON.stringify({
    read_rows: '0',
    read_bytes: '0',
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: String(rows),
    result_bytes: String(bytes.length),
    elapsed_ns: String(Math.round(elapsedSeconds * 1e9)),
  });

const writeHead = (response: ServerResponse, { format, encoding }: Question, headers: Record<string, string>): void => {
  response.writeHead(200, {
    'Content-Type': contentTypeOf(format),
    'X-ClickHouse-Format': format,
    ...(encoding === null ? {} : { 'Content-Encoding': encoding, Vary: 'Accept-Encoding' }),
    ...headers,
  });
};

const encoded = (question: Question, bytes: Uint8Array): Uint8Array =>
  question.format === 'Native' ? nativeBlocksFor(question.revision, bytes) : bytes;

const sendBytes = async (question: Question, { response, gone }: AnswerTo, result: WholeResult): Promise<void> => {
  // Nothing has no packing: an empty gzip file would be a result of twenty bytes.
  const encoding = result.bytes.length === 0 ? null : question.encoding;
  writeHead(
    response,
    { ...question, encoding },
    {
      'X-ClickHouse-Summary': summaryOf(result),
      ...(encoding === null ? { 'Content-Length': String(result.bytes.length) } : {}),
    },
  );
  const sink = new Sink({ response, encoding, gone });
  if (result.bytes.length > 0) await sink.write(result.bytes);
  await sink.end();
};

const sendWhole = async (question: Question, to: AnswerTo, reading: Reading): Promise<void> => {
  const result = await reading.whole(question.sql, question.format);
  await sendBytes(question, to, { ...result, bytes: encoded(question, result.bytes) });
};

/** Everything before the first byte, so that a failure is told by its status. */
const sendCollected = async (question: Question, to: AnswerTo, reading: Reading): Promise<void> => {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of reading.pieces(question.sql, question.format)) {
    length += piece.length;
    if (to.gone.aborted) return;
    if (length > question.limits.maxWholeBytes)
      throw exception(
        'TOO_MANY_ROWS_OR_BYTES',
        `A result that is waited for may have ${question.limits.maxWholeBytes} bytes`,
      );
    parts.push(encoded(question, piece));
  }
  await sendBytes(question, to, { bytes: Buffer.concat(parts), rows: 0, elapsedSeconds: 0 });
};

const sendPieces = async (question: Question, { response, gone }: AnswerTo, reading: Reading): Promise<void> => {
  const pieces = reading.pieces(question.sql, question.format);
  // What fails at once fails before this.
  const first = await pieces.next();
  if (first.done)
    return sendBytes(question, { response, gone }, { bytes: Buffer.alloc(0), rows: 0, elapsedSeconds: 0 });
  const start = encoded(question, first.value);
  const tag = drawTag();
  writeHead(response, question, { 'X-ClickHouse-Exception-Tag': tag });
  const sink = new Sink({ response, encoding: question.encoding, gone });
  try {
    let isTaken = await sink.write(start);
    while (isTaken) {
      const next = await pieces.next();
      if (next.done) return await sink.end();
      isTaken = await sink.write(encoded(question, next.value));
    }
  } catch (error) {
    await sink.write(lateException(exceptionOf(error), tag));
    await sink.breakOff();
  } finally {
    await pieces.return(undefined);
  }
};

/** Runs the query and sends its result. @throws Exception as long as nothing was sent. */
export const answer = async (
  question: Question,
  to: AnswerTo & { readonly reading: Reading; readonly inPieces: boolean },
) => {
  if (!to.inPieces) return sendWhole(question, to, to.reading);
  return isOff(question.asked.get('wait_end_of_query'))
    ? sendPieces(question, to, to.reading)
    : sendCollected(question, to, to.reading);
};

/** Headers of every answer, also of one that tells a failure. */
export const commonHeaders = (engine: ReadEngine, queryId: string): Record<string, string> => ({
  'X-ClickHouse-Query-Id': queryId,
  'X-ClickHouse-Server-Display-Name': engine.displayName,
  'X-ClickHouse-Timezone': engine.timezone,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
});

/** Tells a failure, unless an answer has begun. */
export const refuse = (response: ServerResponse, thrown: unknown): Exception => {
  const failure = exceptionOf(thrown);
  if (response.headersSent || response.destroyed) response.destroy();
  else {
    response.writeHead(failure.status, {
      'Content-Type': 'text/plain; charset=UTF-8',
      'X-ClickHouse-Exception-Code': String(failure.code),
    });
    response.end(`${failure.message}\n`);
  }
  return failure;
};
