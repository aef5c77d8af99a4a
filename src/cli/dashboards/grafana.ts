import type { Clock } from '../../clock.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { JsonObject } from './differences.ts';
import { refusalOf } from './refusals.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface GrafanaOptions {
  /** Where Grafana answers, with the path it is served under. */
  readonly url: URL;
  /** Of a service account; null: none is sent. Never part of a message. */
  readonly token: string | null;
  readonly clock: Clock;
  readonly fetch?: Fetch;
  /** How long one request may take. */
  readonly timeoutMs?: number;
}

/** What Grafana said. Only `ok` and what the caller asked to see come back: every other status is an error. */
export interface Answer {
  readonly status: number;
  readonly body: JsonObject | readonly JsonObject[];
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the URL of Grafana, without a slash before it. */
  readonly path: string;
  readonly body?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is asked for, for the error's message: `the dashboard tidegate-overview`. */
  readonly what: string;
  /** It answers with a list of things; else with one thing. */
  readonly list?: true;
  /** A status that is an answer, too. */
  readonly expected?: number;
}

const maxTries = 3;
const maxAnswerBytes = 16 * 1024 * 1024;
const busy: ReadonlySet<number> = new Set([429, 503]);
/** After these nobody knows whether it was done: asked again only where that changes nothing. */
const perhapsDone: ReadonlySet<number> = new Set([500, 502, 504]);

/** Grafana's HTTP API, as much of it as dashboards and alert rules need. */
export class Grafana {
  readonly #options: GrafanaOptions;
  readonly #fetch: Fetch;

  constructor(options: GrafanaOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Without credentials that the URL holds. */
  get name(): string {
    const { origin, pathname } = this.#options.url;
    return `${origin}${pathname.replace(/\/$/, '')}`;
  }

  /**
   * Asks, at most three times. What may have been done is asked again only by GET and PUT.
   *
   * @throws TidegateError GRAFANA_UNREACHABLE, GRAFANA_REFUSED.
   */
  async ask(request: Request): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#once(request, tries);
      if (answer !== null) return answer;
      await this.#options.clock.sleep(500 * tries);
    }
  }

  /** Null: worth another try. */
  async #once(request: Request, tries: number): Promise<Answer | null> {
    const isLast = tries === maxTries;
    const repeats = request.method !== 'POST';
    let told: { status: number; text: string };
    try {
      told = await this.#send(request);
    } catch (cause) {
      if (cause instanceof TidegateError) throw cause;
      if (repeats && !isLast) return null;
      throw this.#unreachable(request, cause);
    }
    const { status, text } = told;
    if (!isLast && (busy.has(status) || (repeats && perhapsDone.has(status)))) return null;
    // What it says of a thing that is not there is no JSON everywhere.
    if (status === request.expected) return { status, body: {} };
    if (status >= 200 && status < 300) return { status, body: this.#parsed(request, text) };
    throw refusalOf({ status, text: this.#silenced(text), what: request.what, grafana: this.name });
  }

  #unreachable({ what, method }: Request, cause: unknown): TidegateError {
    const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
    const again = method === 'POST' ? '; whether it was done is not known, the next run finds out' : '';
    return new TidegateError(
      'GRAFANA_UNREACHABLE',
      this.#silenced(`Grafana at ${this.name} did not answer about ${what}: ${messageOf(inner)}${again}`),
      { cause, retryable: true },
    );
  }

  async #send({ method, path, body, headers = {} }: Request): Promise<{ status: number; text: string }> {
    const { url, token, clock, timeoutMs = 15_000 } = this.#options;
    const giveUp = new AbortController();
    const timer = clock.schedule(timeoutMs, () => giveUp.abort(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      const response = await this.#fetch(`${this.name}/${path}`, {
        method,
        // A token goes to no other host than the one that was named.
        redirect: 'manual',
        signal: giveUp.signal,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...credentialsOf(url, token),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await boundedText(response, this.name) };
    } finally {
      timer.cancel();
    }
  }

  #parsed({ what, list }: Request, text: string): Answer['body'] {
    if (text.trim() === '' && list === undefined) return {};
    const { token } = this.#options;
    try {
      // What is shown of it, a title for one, must not hold the token that it was sent.
      const body: unknown = JSON.parse(token === null ? text : text.replaceAll(token, '***'));
      if (list === true ? Array.isArray(body) && body.every(isObject) : isObject(body)) return body as Answer['body'];
    } catch {
      // Said below: a page of HTML is what a proxy or a sign-in page answers.
    }
    throw new TidegateError(
      'GRAFANA_REFUSED',
      `What answers at ${this.name} is not Grafana's API: about ${what} it said something else. Check --url`,
    );
  }

  #silenced(text: string): string {
    const { token, url } = this.#options;
    return [token, url.password]
      .filter((secret): secret is string => secret !== null && secret !== '')
      .reduce((told, secret) => told.replaceAll(secret, '***'), text);
  }
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // The cause would name what is a password.
    throw new TidegateError('INPUT_INVALID', 'User and password in --url must be percent-encoded: % is %25');
  }
};

const credentialsOf = (url: URL, token: string | null): Record<string, string> => {
  if (token !== null) return { authorization: `Bearer ${token}` };
  if (url.username === '') return {};
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
};

const boundedText = async (response: Response, name: string): Promise<string> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString('utf8');
    bytes += value.length;
    if (bytes > maxAnswerBytes) {
      await reader.cancel();
      throw new TidegateError('GRAFANA_REFUSED', `${name} answered more than ${maxAnswerBytes / 1024 / 1024} MiB`);
    }
    chunks.push(value);
  }
};
