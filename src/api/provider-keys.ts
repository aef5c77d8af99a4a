import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import type { Clock } from '../clock.ts';
import { messageOf, TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface ProviderKeysOptions {
  readonly issuer: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes keys of a key set; what jose has for it. */
  readonly keysOf: (keySet: JSONWebKeySet) => JWTVerifyGetKey;
  /** Default: that of Node. */
  readonly fetch?: typeof fetch;
}

const timeoutMs = 5000;
const maxBytes = 512 * 1024;
/** Keys older than that are asked for again, while the old ones go on. */
const freshMs = 10 * 60_000;
/** Of a provider that is away, keys go on for so long: one that was withdrawn goes on no longer than that. */
const longestAgeMs = 60 * 60_000;
/** Whoever sends made-up key ids makes nobody ask the provider more often. */
const cooldownMs = 10_000;

/** Plain HTTP shows keys to whoever is on the way, who can change them. */
const isTrustworthy = (url: URL): boolean =>
  url.protocol === 'https:' ||
  (url.protocol === 'http:' && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname));

/** @throws TidegateError CONFIG_INVALID. */
export const checkedIssuer = (issuer: string): URL => {
  const url = URL.canParse(issuer) ? new URL(issuer) : null;
  if (url && isTrustworthy(url) && url.search === '' && url.hash === '' && url.username === '') return url;
  throw new TidegateError('CONFIG_INVALID', 'The OpenID provider cannot be used', {
    problems: [{ path: 'oidcIssuer', message: 'must be an https URL without a query (http for this machine alone)' }],
  });
};

const textOf = async (answer: Response): Promise<string> => {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
};

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

interface Held {
  readonly keys: JWTVerifyGetKey;
  readonly fetchedAtMs: number;
}

/** The keys of an OpenID provider, found by its discovery document, and kept for a while. */
export class ProviderKeys {
  readonly #options: ProviderKeysOptions;
  #held: Held | null = null;
  #fetching: Promise<Held | null> | null = null;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ProviderKeysOptions) {
    checkedIssuer(options.issuer);
    this.#options = options;
  }

  /** Null: there are none, and the provider does not answer. */
  async keys(): Promise<JWTVerifyGetKey | null> {
    const held = this.#held;
    const ageMs = held === null ? Number.POSITIVE_INFINITY : this.#options.clock.nowMs() - held.fetchedAtMs;
    if (held === null || ageMs >= longestAgeMs) return (await this.#renewed())?.keys ?? null;
    // Not waited for: the keys that are there are good.
    if (ageMs >= freshMs) void this.#renewed();
    return held.keys;
  }

  /** After a key that is not among them: those that the provider has now; null: it was asked a moment ago. */
  async newKeys(): Promise<JWTVerifyGetKey | null> {
    const before = this.#held;
    const held = await this.#renewed();
    return held === before ? null : (held?.keys ?? null);
  }

  /** Asks the provider, unless that was just done. Never rejects. */
  #renewed(): Promise<Held | null> {
    const { clock, logger, issuer } = this.#options;
    if (this.#fetching) return this.#fetching;
    if (clock.nowMs() - this.#triedAtMs < cooldownMs) return Promise.resolve(this.#usable());
    this.#triedAtMs = clock.nowMs();
    this.#fetching = this.#fetch()
      .then((held) => {
        this.#held = held;
      })
      .catch((error: unknown) => {
        logger.warn({ err: messageOf(error), issuer }, 'the keys of the OpenID provider cannot be had');
      })
      .then(() => {
        this.#fetching = null;
        return this.#usable();
      });
    return this.#fetching;
  }

  #usable(): Held | null {
    const held = this.#held;
    return held && this.#options.clock.nowMs() - held.fetchedAtMs < longestAgeMs ? held : null;
  }

  async #fetch(): Promise<Held> {
    const { issuer, clock, keysOf } = this.#options;
    const about = await this.#json(new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
    if (field(about, 'issuer') !== issuer) throw new Error('the discovery document is of another issuer');
    const where = field(about, 'jwks_uri');
    const url = typeof where === 'string' && URL.canParse(where) ? new URL(where) : null;
    if (url === null || !isTrustworthy(url)) throw new Error('the discovery document names no usable jwks_uri');
    const keySet = await this.#json(url);
    return { keys: keysOf(keySet as JSONWebKeySet), fetchedAtMs: clock.nowMs() };
  }

  async #json(url: URL): Promise<unknown> {
    const { clock, fetch: get = fetch } = this.#options;
    const ending = new AbortController();
    const timer = clock.schedule(timeoutMs, () => ending.abort(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      const headers = { accept: 'application/json' };
      const answer = await get(url, { headers, redirect: 'error', signal: ending.signal });
      if (answer.status !== 200) throw new Error(`${url.href} answered ${answer.status}`);
      return JSON.parse(await textOf(answer));
    } finally {
      timer.cancel();
      ending.abort();
    }
  }
}
