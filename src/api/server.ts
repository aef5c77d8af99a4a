import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyReply, fastify } from 'fastify';

import type { DecisionReader } from '../analytics/decision-reader.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { Clock } from '../clock.ts';
import type { Gate } from '../gate/gate.ts';
import type { EventSink } from '../gate/ports.ts';
import type { LimitStore } from '../limiter/limit-store.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { mayDo } from '../review/roles.ts';
import { blockRoutes } from './block-routes.ts';
import { type ConsolePage, consoleRoutes } from './console-routes.ts';
import { decisionRoutes } from './decision-routes.ts';
import { limiterRoutes } from './limiter-routes.ts';
import { metricsRoute } from './metrics-route.ts';
import { failureOf, guardedHeaders, RequestFailure, sendProblem, unreadableRequest } from './problem.ts';
import { type Health, probeRoutes } from './readiness.ts';
import { type AskReconciliation, reconcileRoutes } from './reconcile-routes.ts';
import { type Api, nobody } from './routing.ts';
import { type Status, statusRoutes } from './status-routes.ts';
import { throttleRateRoutes } from './throttle-rate-routes.ts';
import { TokenTable } from './tokens.ts';
import { validatorCompiler } from './validation.ts';

export interface ApiOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Of tidegate, for the OpenAPI document. */
  readonly version: string;
  /**
   * Who asks for this machine by a loopback name needs no token to read; to change something everybody does. For a page
   * on this machine alone. Default false.
   */
  readonly openReads?: boolean;
  /** `token` or `name=token`. Empty: the routes that need one refuse everybody and say how to set one. */
  readonly tokens: readonly string[];
  readonly gate: Gate;
  readonly limitStore: LimitStore;
  readonly blockList: BlockList;
  /** Takes the limiter checks. */
  readonly events: EventSink;
  /** Null: the database is not in reach of this process, and its routes answer 503. */
  readonly reader: DecisionReader | null;
  /** Null, or left out: the database is not in reach of this process, and its route answers 503. */
  readonly reconciliation?: AskReconciliation | null;
  readonly health: Health;
  readonly status: () => Promise<Status>;
  /** The text of `GET /metrics`. Null: this process cannot tell. Default: there is no such route. */
  readonly scrape?: (() => Promise<string>) | null;
  /** The status page, served at `/`. Default: none. */
  readonly console?: ConsolePage;
}

const bodyLimitBytes = 64 * 1024;
const requestTimeoutMs = 10_000;
/** How often slow senders are looked for; Node's own 30 s would let them hold a connection for that much longer. */
const checkingIntervalMs = 5_000;

/** An empty server in house style: problem+json for every error, bounded bodies, no guessing of types. */
const bareApi = (logger: Logger): Api => {
  const api = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    http: { connectionsCheckingInterval: checkingIntervalMs },
    routerOptions: { maxParamLength: 128 },
    // A path that cannot be decoded or is too long reaches no route, and no error handler of one.
    frameworkErrors: (error, _request, reply) => sendProblem(reply as unknown as FastifyReply, failureOf(error)),
    clientErrorHandler: (error, socket) => void socket.end(unreadableRequest(error), () => socket.destroy()),
    // A request that arrives while the last ones are answered is still served: `connection: close` tells its client.
    return503OnClosing: false,
    logger: false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  api.removeContentTypeParser('text/plain');
  api.setValidatorCompiler(validatorCompiler);
  api.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    const fields = { err: error, method: request.method, route: request.routeOptions.url, status: failure.statusCode };
    if (failure.statusCode >= 500) logger.error(fields, 'request failed');
    return sendProblem(reply, failure);
  });
  api.addHook('onSend', async (_request, reply) => {
    void reply.headers(guardedHeaders);
  });
  return api;
};

/** Unknown paths are 404; known ones with another method 405 and `Allow`. Call it before the routes are added. */
const addNotFound = (api: Api): void => {
  const routes: { method: string; pattern: RegExp }[] = [];
  api.addHook('onRoute', ({ method, url }) => {
    const pattern = new RegExp(`^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:\w+/g, '[^/]+')}/?$`);
    for (const each of [method].flat()) routes.push({ method: each, pattern });
  });
  api.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (allowed.length === 0) return sendProblem(reply, new RequestFailure('not-found', `There is no ${path}.`));
    const allow = [...new Set(allowed)].sort().join(', ');
    void reply.header('allow', allow);
    return sendProblem(reply, new RequestFailure('method-not-allowed', `${path} answers to ${allow}.`));
  });
};

/** A page of elsewhere that has its own name resolve to this machine sends that name. */
const isLoopbackName = (hostname: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);

/** Routes that are marked as secured answer to the holder of a token alone. */
const addSecurity = (api: Api, tokens: TokenTable, openReads: boolean): void => {
  api.decorateRequest('reviewer', { getter: () => nobody });
  api.addHook('onRequest', async (request) => {
    const { needs } = request.routeOptions.config;
    if (needs === undefined) return;
    if (openReads && mayDo('viewer', needs) && request.method === 'GET' && isLoopbackName(request.hostname)) return;
    const reviewer = tokens.reviewerOf(request.headers.authorization);
    if (reviewer === null) {
      const detail = tokens.isEmpty
        ? 'No token is configured. Set TIDEGATE_API_TOKENS or apiTokensFile, and send it as `Authorization: Bearer <token>`.'
        : 'Send a configured token as `Authorization: Bearer <token>`.';
      throw new RequestFailure('unauthorized', detail);
    }
    if (!mayDo(reviewer.role, needs)) {
      throw new RequestFailure('forbidden', `This needs the role ${needs}; ${reviewer.name} has ${reviewer.role}.`);
    }
    request.reviewer = reviewer;
  });
};

const documentation = (version: string) => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'tidegate',
      version,
      description: 'Check limits, decide on requests, read throttle rates, review and lift blocks.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: ['limiter', 'blocks', 'analytics', 'status', 'probes'].map((name) => ({ name })),
    components: { securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer' } } },
  },
});

/**
 * The HTTP API over the ports that are given. Listens to nothing yet: call `listen`, or `inject` in tests. Closing it
 * lets running requests end; what it was given belongs to the caller.
 */
export const createApi = async (options: ApiOptions): Promise<Api> => {
  const { logger = silentLogger, clock, gate, limitStore, events, blockList } = options;
  const api = bareApi(logger);
  addNotFound(api);
  addSecurity(api, new TokenTable(options.tokens), options.openReads ?? false);
  await api.register(swagger, documentation(options.version));
  await api.register((routes: Api, _options, done) => {
    limiterRoutes(routes, { limitStore, events, clock });
    decisionRoutes(routes, gate);
    blockRoutes(routes, blockList, logger);
    throttleRateRoutes(routes, { reader: options.reader, clock });
    reconcileRoutes(routes, options.reconciliation ?? null);
    statusRoutes(routes, options.status);
    probeRoutes(routes, options.health);
    if (options.scrape !== undefined) metricsRoute(routes, options.scrape);
    if (options.console) consoleRoutes(routes, options.console);
    routes.get('/openapi.json', { schema: { hide: true } }, () => api.swagger());
    done();
  });
  await api.ready();
  return api;
};

/** Only the probes and, unless `scrape` is left out, `/metrics`: for processes that have no API. */
export const createProbes = async (
  health: Health,
  logger: Logger = silentLogger,
  scrape?: (() => Promise<string>) | null,
): Promise<Api> => {
  const api = bareApi(logger);
  addNotFound(api);
  probeRoutes(api, health);
  if (scrape !== undefined) metricsRoute(api, scrape);
  await api.ready();
  return api;
};
