import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import type { Answer } from './answer.ts';
import { checkLimitOptions, createAnswerer, errorFrom, type LimitOptions, nodeHeader } from './middleware.ts';
import { holdBack, settleAfter } from './node-response.ts';

export interface TidegateExpressOptions<R extends IncomingMessage = IncomingMessage>
  extends LimitOptions<[request: R]> {
  /**
   * Template of the route that this request is for, such as `/tenants/:id/orders`. Default: the one that Express has
   * routed to, where the middleware stands in that route of the app; elsewhere none, and one is derived from the path.
   */
  readonly route?: (request: R) => string | undefined;
}

/**
 * For Express: middleware. For node:http: resolves to whether to serve the request; if not, it has been answered. With
 * `next`, a failure of a callback or of the call itself goes to `next(error)`, without it rejects. Either way it did not pass.
 */
export type RequestLimiter<R extends IncomingMessage = IncomingMessage> = (
  request: R,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => Promise<boolean>;

// Types of Express are extended where it leaves a door open for that; without Express it is a name that nobody uses.
declare global {
  // biome-ignore lint/style/noNamespace: the one way to type `request.tidegate` and `response.locals.tidegate`
  namespace Express {
    interface Request {
      /** What tidegate decided on this request; null when it was skipped. */
      tidegate?: Decision | null;
    }
    interface Locals {
      /** What tidegate decided on this request; null when it was skipped. */
      tidegate?: Decision | null;
    }
  }
}

/** What Express adds. */
interface RoutedRequest extends IncomingMessage {
  readonly originalUrl?: string;
  readonly baseUrl?: string;
  readonly route?: { readonly path?: unknown };
  tidegate?: Decision | null;
}

interface LocalResponse extends ServerResponse {
  readonly locals?: { tidegate?: Decision | null };
}

/** `/files/*rest`, `/files{/*rest}` and the `*` of Express 4: a catch-all, whatever it calls the rest. */
const catchAll = /\/?\{?\/?\*\w*\}?$/;

const routedTemplate = ({ route, baseUrl }: RoutedRequest): string | undefined => {
  // The base of a mounted router is a piece of the path as the client spelled it, ids included: no template.
  if (typeof route?.path !== 'string' || baseUrl) return undefined;
  return route.path.replace(catchAll, '/*');
};

const remember = (request: RoutedRequest, { locals }: LocalResponse, decision: Decision | null): void => {
  request.tidegate = decision;
  if (locals) locals.tidegate = decision;
};

const tell = (response: ServerResponse, headers: Answer['headers']): void => {
  for (const name in headers) response.setHeader(name, headers[name] ?? '');
};

/** Fields of the answer that somebody meant to give instead. */
const foreign = ['content-encoding', 'content-language', 'content-range', 'etag', 'last-modified'];

const refuse = (response: ServerResponse, { status, body }: { status: number; body: string }): void => {
  for (const name of foreign) response.removeHeader(name);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.statusCode = status;
  response.end(body);
};

/**
 * Middleware for Express 4 and 5 and for plain `node:http`; it loads neither.
 *
 * ```ts
 * app.use(tidegate({ gate }));
 * createServer(async (request, response) => {
 *   if (await limit(request, response)) serve(request, response);
 * });
 * ```
 *
 * A refused request is answered here and does not reach what comes next. Where the response was begun by somebody else
 * meanwhile, it is left to them, and the request still does not pass.
 *
 * Express knows the template of a route only once it has routed. Under `app.use` there is none yet: limits and events go
 * by a route derived from the path, and policies are matched against the path. Put the middleware into the route,
 * `app.get('/orders/:id', limit, handler)`, or give `route`, to have them go by the template. Under a mounted router the
 * whole path counts (`originalUrl`), never what the router left of it. Use it once per request: each use counts.
 *
 * Throws CONFIG_INVALID.
 */
export const tidegate = <R extends IncomingMessage = IncomingMessage>(
  options: TidegateExpressOptions<R>,
): RequestLimiter<R> => {
  checkLimitOptions(options);
  const { clock = systemClock } = options;
  const routeOf = options.route ?? routedTemplate;
  const answerFor = createAnswerer<[R]>(options, {
    factsOf: (request) => ({
      method: request.method ?? '',
      path: (request as RoutedRequest).originalUrl ?? request.url ?? '/',
      peer: request.socket.remoteAddress,
      route: routeOf(request),
    }),
    headerOf: nodeHeader,
    rawOf: (request) => request,
  });

  /** Whether to serve the request. */
  const carryOut = (answer: Answer, response: ServerResponse): boolean | Promise<boolean> => {
    const { headers, refusal, settle, holdMs } = answer;
    // Begun by somebody else, or nobody is there any more.
    const isSettled = response.headersSent || response.destroyed;
    if (!isSettled) tell(response, headers);
    if (settle) settleAfter(response, settle);
    if (refusal) {
      if (!isSettled) refuse(response, refusal);
      return false;
    }
    return holdMs === 0 ? true : holdBack(response, holdMs, clock);
  };

  return async (request, response, next) => {
    let passes: boolean;
    try {
      const answer = await answerFor(request);
      remember(request, response, answer?.decision ?? null);
      passes = answer ? await carryOut(answer, response) : true;
    } catch (cause) {
      if (!next) throw cause;
      next(errorFrom(cause));
      return false;
    }
    if (passes) next?.();
    return passes;
  };
};

/** What was decided on a request of `node:http`; null when nothing was. */
export const decisionOn = (request: IncomingMessage): Decision | null => (request as RoutedRequest).tidegate ?? null;

export type { ResponseOutcome } from './after-response.ts';
export type { BlockStatus } from './answer.ts';
export type { HeaderOptions, LegacyHeaders } from './header-fields.ts';
export type { VouchedIdentity } from './identity.ts';
export default tidegate;
