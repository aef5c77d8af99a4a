import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyReply, fastify } from 'fastify';
import type { Logger } from '../logger.ts';
import { failureOf, guardedHeaders, RequestFailure, sendProblem, unreadableRequest } from './problem.ts';
import type { Api } from './routing.ts';
import { validatorCompiler } from './validation.ts';

const bodyLimitBytes = 64 * 1024;
const requestTimeoutMs = 10_000;
/** How often slow senders are looked for; Node's own 30 s would let them hold a connection for that much longer. */
const checkingIntervalMs = 5_000;

/** An empty server in house style: problem+json for every error, bounded bodies, no guessing of types. */
export const bareApi = (logger: Logger): Api => {
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
    const fields = { method: request.method, route: request.routeOptions.url, status: failure.statusCode };
    if (error instanceof RequestFailure) logger.debug({ ...fields, detail: failure.message }, 'request refused');
    else if (failure.statusCode >= 500) logger.error({ ...fields, err: error }, 'request failed');
    return sendProblem(reply, failure);
  });
  api.addHook('onSend', async (_request, reply) => {
    const kept = reply.getHeader('cache-control');
    void reply.headers(guardedHeaders);
    if (kept !== undefined) void reply.header('cache-control', kept);
  });
  return api;
};

/** Unknown paths are 404; known ones with another method 405 and `Allow`. Call it before the routes are added. */
export const addNotFound = (api: Api): void => {
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
