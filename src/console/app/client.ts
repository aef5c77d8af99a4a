import { Problem, type ProblemBody, Unreachable } from './problem.ts';

/** An answer of the API, with what stands beside its body. */
export interface Answer<T> {
  readonly body: T;
  readonly status: number;
  /** As it stands in the header, for `If-Match`; null: it has none. */
  readonly etag: string | null;
  /** Answered before, under the same key. */
  readonly isReplay: boolean;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Question {
  readonly method?: Method;
  readonly body?: unknown;
  /** Sent as `If-Match`: refused with 412 when it has changed since. */
  readonly etag?: string | null;
  /** Sent as `Idempotency-Key`. Default for everything but GET: a new one. */
  readonly key?: string;
  /** Instead of the session's token: to try one out. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Default 15 s. */
  readonly timeoutMs?: number;
}

export interface ClientParts {
  readonly fetch: typeof globalThis.fetch;
  readonly token: () => string;
  /** Told of each answer and of each silence. */
  readonly heard: (isThere: boolean) => void;
  /**
   * Told that a token is refused. Resolves when the same person has signed in again, and the question is asked once more;
   * null: give up.
   */
  readonly refused: (method: Method) => Promise<void> | null;
}

const answerTimeoutMs = 15_000;
const awayStatuses: readonly number[] = [502, 503, 504];

/** 128 random bits as text; `crypto.randomUUID` is missing where the page is not served securely. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

const isAborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

const headersOf = (question: Question, token: string, key: string | null): Record<string, string> => ({
  ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
  ...(question.body === undefined ? {} : { 'content-type': 'application/json' }),
  ...(question.etag == null ? {} : { 'if-match': question.etag }),
  ...(key === null ? {} : { 'idempotency-key': key }),
});

const isJson = (response: Response): boolean => /\bjson\b/.test(response.headers.get('content-type') ?? '');

/** A proxy in front of an API that is gone answers too, but in no words of the API. */
const isSilence = (response: Response): boolean => awayStatuses.includes(response.status) && !isJson(response);

export type Ask = <T>(path: string, question?: Question) => Promise<Answer<T>>;

/**
 * Asks the API of the process that served the page. A path is relative (`v1/blocks`), so that the page also works behind
 * a prefix. Throws Problem for what the API refuses and Unreachable for silence; a question that was given up throws the
 * browser's AbortError.
 */
export const createClient = ({ fetch, token, heard, refused }: ClientParts): Ask => {
  const once = async (path: string, question: Question, key: string | null): Promise<Response> => {
    const timeout = AbortSignal.timeout(question.timeoutMs ?? answerTimeoutMs);
    const signal = question.signal ? AbortSignal.any([question.signal, timeout]) : timeout;
    const method = question.method ?? 'GET';
    const headers = headersOf(question, question.token ?? token(), key);
    const body = question.body === undefined ? null : JSON.stringify(question.body);
    try {
      const response = await fetch(path, { method, headers, body, signal, cache: 'no-store' });
      if (isSilence(response)) throw new Error(`A proxy answers ${response.status}.`);
      return response;
    } catch (error) {
      if (isAborted(error)) throw error;
      heard(false);
      throw new Unreachable(error);
    }
  };
  return async <T>(path: string, question: Question = {}): Promise<Answer<T>> => {
    const method = question.method ?? 'GET';
    // The same key for the second attempt: what the first one did is not done again.
    const key = question.key ?? (method === 'GET' ? null : newKey());
    let response = await once(path, question, key);
    heard(true);
    if (response.status === 401 && question.token === undefined) {
      const renewed = refused(method);
      if (renewed !== null) {
        await renewed;
        response = await once(path, question, key);
      }
    }
    const body: unknown = isJson(response) ? await response.json().catch(() => ({})) : {};
    if (!response.ok) throw new Problem(response.status, body as ProblemBody);
    const isReplay = response.headers.get('idempotent-replayed') === 'true';
    return { body: body as T, status: response.status, etag: response.headers.get('etag'), isReplay };
  };
};

/** `?a=1&b=2` of what is given; '' of nothing. */
export const queryText = (values: Readonly<Record<string, string | number | boolean | null | undefined>>): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
};
