import type { FastifyReply } from 'fastify';
import { type ErrorCode, type Problem, TidegateError } from '../errors.ts';

/** What can go wrong with a request, and how RFC 9457 says it. */
const kinds = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'A bearer token is needed' },
  'token-expired': { status: 401, title: 'The token has expired' },
  forbidden: { status: 403, title: 'The token may not do this' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This method does not work here' },
  conflict: { status: 409, title: 'The state does not allow this' },
  gone: { status: 410, title: 'What this continues is no longer kept' },
  'precondition-failed': { status: 412, title: 'It changed since it was read' },
  'too-large': { status: 413, title: 'The request is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  unprocessable: { status: 422, title: 'The request contradicts an earlier one' },
  'too-expensive': { status: 422, title: 'The question asks for too much at once' },
  'too-many-requests': { status: 429, title: 'Too many tokens that nobody knows' },
  internal: { status: 500, title: 'Something failed inside' },
  unavailable: { status: 503, title: 'A part that this needs is away' },
} as const;

export type ProblemKind = keyof typeof kinds;

/** A request that ends in an error answer. */
export class RequestFailure extends Error {
  readonly kind: ProblemKind;
  readonly problems: readonly Problem[];
  /** Fastify writes to it, too. */
  readonly statusCode: number;

  constructor(kind: ProblemKind, detail: string, problems: readonly Problem[] = []) {
    super(detail);
    this.kind = kind;
    this.problems = problems;
    this.statusCode = kinds[kind].status;
  }
}

/** What was asked to go on from is not kept any more; `links` say where to begin again. */
export class GoneFailure extends RequestFailure {
  readonly links: Readonly<Record<string, string>>;

  constructor(detail: string, links: Readonly<Record<string, string>>) {
    super('gone', detail);
    this.links = links;
  }
}

/** One field of the request is wrong. */
export const invalidField = (path: string, message: string): RequestFailure =>
  new RequestFailure('invalid-request', `${path} ${message}`, [{ path, message }]);

const kindOfCode: Partial<Record<ErrorCode, ProblemKind>> = {
  INPUT_INVALID: 'invalid-request',
  BLOCK_NOT_FOUND: 'not-found',
  BLOCK_CONFLICT: 'conflict',
  STORE_TIMEOUT: 'unavailable',
  STORE_FAILED: 'unavailable',
  LOG_FAILED: 'unavailable',
  TABLE_FAILED: 'unavailable',
  TABLE_BUSY: 'unavailable',
  QUERY_TOO_EXPENSIVE: 'too-expensive',
  ENGINE_UNREACHABLE: 'unavailable',
};

/** Fastify's own refusals, before a route is reached. */
const kindOfStatus: Readonly<Record<number, ProblemKind>> = {
  400: 'invalid-request',
  // Of a file outside of those that are served.
  403: 'not-found',
  404: 'not-found',
  413: 'too-large',
  414: 'invalid-request',
  415: 'unsupported-media-type',
};

/** Whatever was thrown, as an answer. What is not meant for the caller's eyes becomes `internal` without a word of it. */
export const failureOf = (thrown: unknown): RequestFailure => {
  if (thrown instanceof RequestFailure) return thrown;
  if (thrown instanceof TidegateError) {
    const kind = kindOfCode[thrown.code] ?? 'internal';
    // The text of a store's failure names addresses and commands: it is for the log.
    const detail = kind === 'unavailable' ? thrown.next : kind === 'internal' ? 'The log says more.' : thrown.message;
    return new RequestFailure(kind, detail, kind === 'invalid-request' ? thrown.problems : []);
  }
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
  const kind = typeof status === 'number' ? kindOfStatus[status] : undefined;
  return kind && thrown instanceof Error
    ? new RequestFailure(kind, thrown.message)
    : new RequestFailure('internal', 'The log says more.');
};

const retryAfterS = 1;
const expiredChallenge = 'Bearer realm="tidegate", error="invalid_token", error_description="expired"';

/** On every answer: nothing guesses a type, nothing keeps a copy. */
export const guardedHeaders = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' } as const;

const unreadable: Readonly<Record<string, readonly [number, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large.'],
};

/** The answer, as bytes of HTTP, to what is no readable request; '' when nobody is there to read it. */
export const unreadableRequest = (error: { readonly code?: string }): string => {
  if (error.code === 'ECONNRESET') return '';
  const [status, title, detail] = unreadable[error.code ?? ''] ?? [400, 'Bad Request', 'This is not HTTP.'];
  const body = JSON.stringify({ type: 'urn:tidegate:problem:invalid-request', title, status, detail });
  const headers = { ...guardedHeaders, 'content-type': 'application/problem+json', connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${title}`, ...lines, `content-length: ${body.length}`, '', body].join('\r\n');
};

/** Answers with `application/problem+json`. */
export const sendProblem = (reply: FastifyReply, failure: RequestFailure): FastifyReply => {
  const { status, title } = kinds[failure.kind];
  if (failure.kind === 'unauthorized') void reply.header('www-authenticate', 'Bearer realm="tidegate"');
  if (failure.kind === 'token-expired') void reply.header('www-authenticate', expiredChallenge);
  if (failure.kind === 'unavailable' || status === 429) void reply.header('retry-after', retryAfterS);
  const body = {
    type: `urn:tidegate:problem:${failure.kind}`,
    title,
    status,
    detail: failure.message,
    ...(failure.problems.length > 0 ? { problems: failure.problems } : {}),
    ...(failure instanceof GoneFailure ? failure.links : {}),
  };
  // Serialised here: a route's response schema is for its own answers.
  return reply
    .code(status)
    .headers(guardedHeaders)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(body);
};
