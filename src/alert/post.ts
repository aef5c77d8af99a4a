import { lookup } from 'node:dns';
import { type ClientRequest, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../address.ts';
import type { Clock } from '../clock.ts';

export interface PostRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether addresses that only this machine or a private network reaches may be asked, and without TLS. */
  readonly allowPrivate: boolean;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
}

export type PostResult =
  /** `retryAfterMs`: what the answer asks for; null: nothing. */
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: 'failed'; readonly why: string };

export type Post = (request: PostRequest) => Promise<PostResult>;

/** As `dns.lookup` with `all`. */
export type Resolve = (
  host: string,
  options: { readonly all: true },
  done: (error: Error | null, addresses: { address: string; family: number }[]) => void,
) => void;

export interface PostOptions {
  readonly clock: Clock;
  readonly timeoutMs?: number;
  /** Default: that of the machine. */
  readonly resolve?: Resolve;
}

/** Bytes of an answer that are read, so that its sender is not cut off; what they say is nobody's business. */
const maxAnswerBytes = 16 * 1024;

const privateAddress = 'it lies at a private address; allowPrivate in the file lets it';

/**
 * Looks a name up and refuses it when any of its addresses is private. The connection goes to an address that was looked at:
 * a name that says something else a moment later changes nothing.
 */
const guardedLookup =
  (resolve: Resolve): LookupFunction =>
  (host, options, done) => {
    resolve(host, { all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || first === undefined) return done(error ?? new Error(`${host} has no address`), '', 0);
      if (!addresses.every(({ address }) => isPublicAddress(address))) return done(new Error(privateAddress), '', 0);
      if (options.all) return done(null, addresses);
      return done(null, first.address, first.family);
    });
  };

const retryAfterOf = (header: string | undefined): number | null =>
  header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null;

const refusalOf = ({ url, allowPrivate }: PostRequest): string | null => {
  if (allowPrivate) return null;
  if (url.protocol !== 'https:') return 'it is not https';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isPublicAddress(host) ? privateAddress : null;
};

/** Sends with POST; follows no redirect, keeps no connection, and waits 10 s at most. Never rejects. */
export const createPost =
  ({ clock, timeoutMs = 10_000, resolve = lookup as Resolve }: PostOptions): Post =>
  async (post) => {
    const refusal = refusalOf(post);
    if (refusal !== null) return { kind: 'failed', why: refusal };
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...post.headers, 'content-length': String(Buffer.byteLength(post.body)) },
      agent: false,
      maxHeaderSize: 16 * 1024,
      ...(post.allowPrivate ? {} : { lookup: guardedLookup(resolve) }),
      ...(post.signal ? { signal: post.signal } : {}),
    };
    const send = post.url.protocol === 'https:' ? secureRequest : plainRequest;
    const request = send(post.url, options);
    const trouble = { why: '' };
    const timer = clock.schedule(timeoutMs, () => {
      trouble.why = `no answer within ${timeoutMs} ms`;
      request.destroy();
    });
    const done = answerTo(request, trouble);
    request.end(post.body);
    const answer = await done;
    timer.cancel();
    return answer ?? { kind: 'failed', why: trouble.why };
  };

/** Null: there was none. The first trouble is the one that counts: being ended is a trouble, too. */
const answerTo = (request: ClientRequest, trouble: { why: string }): Promise<PostResult | null> =>
  new Promise((resolve) => {
    let answer: PostResult | null = null;
    request.on('response', (response) => {
      const { statusCode: status = 0, headers } = response;
      answer = { kind: 'answered', status, retryAfterMs: retryAfterOf(headers['retry-after']) };
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxAnswerBytes) request.destroy();
      });
      // The status is known: how the rest of the answer ends does not matter.
      response.on('error', () => undefined);
    });
    request.on('error', (error) => {
      trouble.why ||= error.message;
    });
    request.on('close', () => resolve(answer));
  });
