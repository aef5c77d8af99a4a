import { systemClock } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import { callback } from '../option-checks.ts';
import type { Answer, Refusal } from './answer.ts';
import type { HeaderFields } from './header-fields.ts';
import { checkLimitOptions, createAnswerer, type LimitOptions } from './middleware.ts';
import { holdBackUnlessAborted, settledByBody } from './response-body.ts';

/** `Context` is whatever the host hands on beside the request: Hono's context, connection information, nothing. */
export interface LimitFetchOptions<Context extends readonly unknown[] = []>
  extends LimitOptions<[request: Request, ...context: Context]> {
  /**
   * Address of the connection's other end, which a `Request` does not tell: from the host, or from a field that it always
   * sets itself. Behind proxies give theirs, and name them in `trustedProxies`. Without an address, clients that nobody
   * vouches for share one counter.
   */
  readonly address: (request: Request, ...context: Context) => string | null | undefined;
  /** Template of the route that this request is for, such as `/orders/:id`. Default: one is derived from the path. */
  readonly route?: (request: Request, ...context: Context) => string | undefined;
}

/** What to do with a request. */
export interface FetchAnswer {
  /** Null when the request was skipped. */
  readonly decision: Decision | null;
  /** What to answer instead of serving; null: the request may pass. */
  readonly refusal: Response | null;
  /** For the response of a request that passes; the refusal has them already. */
  readonly headers: Headers;
  /**
   * Gives the response to send in place of the one that was made, so that it is known when its body has been read. Needed
   * where a policy limits requests in flight, and for `refundWhen`; where it is not called, places end with their window.
   */
  readonly conclude: (response: Response) => Response;
}

export interface FetchLimiter<Context extends readonly unknown[] = []> {
  /**
   * Decides, and holds back what has to queue. Rejects when a callback fails, when what it gives makes no sense, and with
   * the reason of the request's signal when its client goes while it is held.
   */
  (request: Request, ...context: Context): Promise<FetchAnswer>;
  /** The handler behind the limit: it sees what may pass, and its responses tell where the client stands. */
  handler(
    serve: (request: Request, ...context: Context) => Response | Promise<Response>,
  ): (request: Request, ...context: Context) => Promise<Response>;
}

const refusalFor = ({ method }: Request, { status, body }: Refusal, headers: HeaderFields): Response =>
  new Response(method === 'HEAD' ? null : body, { status, headers });

const setAll = (response: Response, headers: Headers): Response => {
  for (const [name, value] of headers) response.headers.set(name, value);
  return response;
};

const withHeaders = (response: Response, headers: Headers): Response => {
  // Upgrades and network errors cannot be copied, and have no use for the fields.
  if (response.status < 200 || headers.keys().next().done) return response;
  // Without a body it may be a constant that the next client gets too; with one, a copy would lose its length.
  if (response.body === null) return setAll(new Response(null, response), headers);
  try {
    return setAll(response, headers);
  } catch (error) {
    // Only a response of `fetch` refuses: its fields are read-only.
    if (!(error instanceof TypeError)) throw error;
    return setAll(new Response(response.body, response), headers);
  }
};

const unchanged = (response: Response): Response => response;

/**
 * Limits for hosts that speak the fetch API: Request → Response. Needs `node:crypto` of its host and nothing else of Node.
 * Use it once per request: each use counts. Throws CONFIG_INVALID.
 *
 * ```ts
 * const limit = limitFetch<[info: ConnectionInfo]>({ gate, address: (_request, info) => info.remoteAddress });
 * export default { fetch: limit.handler((request) => serve(request)) };
 * ```
 */
export const limitFetch = <Context extends readonly unknown[] = []>(
  options: LimitFetchOptions<Context>,
): FetchLimiter<Context> => {
  checkLimitOptions(options, { address: callback });
  const { address, route, clock = systemClock } = options;
  const answerFor = createAnswerer<[request: Request, ...context: Context]>(options, {
    factsOf: (request, ...context) => ({
      method: request.method,
      path: request.url,
      peer: address(request, ...context),
      route: route?.(request, ...context),
    }),
    headerOf: (name, request) => request.headers.get(name) ?? undefined,
    rawOf: (request) => request,
  });

  /** What is to be done, once the request may go on or must not. */
  const decideOn = async (request: Request, context: Context): Promise<Answer | null> => {
    const answer = await answerFor(request, ...context);
    if (!answer) return null;
    const { refusal, settle, holdMs } = answer;
    // Nothing is in flight for what is refused.
    if (refusal) settle?.({ status: refusal.status, whole: true });
    if (holdMs === 0) return answer;
    try {
      await holdBackUnlessAborted(request, holdMs, clock);
      return answer;
    } catch (gone) {
      settle?.({ status: 0, whole: false });
      throw gone;
    }
  };

  const limit = async (request: Request, ...context: Context): Promise<FetchAnswer> => {
    const answer = await decideOn(request, context);
    if (!answer) return { decision: null, refusal: null, headers: new Headers(), conclude: unchanged };
    const { decision, refusal, headers, settle } = answer;
    return {
      decision,
      refusal: refusal && refusalFor(request, refusal, headers),
      headers: new Headers(refusal ? {} : headers),
      conclude: settle && !refusal ? (response) => settledByBody(request, response, settle) : unchanged,
    };
  };

  const handler: FetchLimiter<Context>['handler'] =
    (serve) =>
    async (request, ...context) => {
      const answer = await decideOn(request, context);
      if (!answer) return serve(request, ...context);
      const { refusal, headers, settle } = answer;
      if (refusal) return refusalFor(request, refusal, headers);
      try {
        const response = withHeaders(await serve(request, ...context), new Headers(headers));
        return settle ? settledByBody(request, response, settle) : response;
      } catch (error) {
        settle?.({ status: 500, whole: false });
        throw error;
      }
    };

  return Object.assign(limit, { handler });
};

export type { ResponseOutcome } from './after-response.ts';
export type { BlockStatus } from './answer.ts';
export type { HeaderOptions, LegacyHeaders } from './header-fields.ts';
export type { VouchedIdentity } from './identity.ts';
export default limitFetch;
