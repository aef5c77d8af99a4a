import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { Decision } from '../decision/decision.ts';
import { createAnswerer, forwardedForOf, type LimitOptions } from './middleware.ts';

export type TidegateFastifyOptions = LimitOptions<[request: FastifyRequest]>;

declare module 'fastify' {
  interface FastifyRequest {
    /** What tidegate decided on this request; null when it was skipped. */
    tidegate: Decision | null;
  }
}

// Async, so that a refused option rejects `register` instead of being thrown at nobody.
const install: FastifyPluginAsync<TidegateFastifyOptions> = async (app, options) => {
  const answerFor = createAnswerer(options, (request: FastifyRequest) => ({
    method: request.method,
    path: request.url,
    peer: request.socket.remoteAddress,
    forwardedFor: forwardedForOf(request.headers),
    route: request.routeOptions.url,
  }));

  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const answer = await answerFor(request);
    if (!answer) return undefined;
    request.tidegate = answer.decision;
    reply.headers(answer.headers);
    return answer.refusal ? reply.code(answer.refusal.status).send(answer.refusal.body) : undefined;
  };

  app.decorateRequest('tidegate', null);
  app.addHook('onRequest', onRequest);
};

/** Fastify plugin: decides on every request of the instance it is registered on, unmatched paths included. */
export const tidegate = fastifyPlugin(install, { fastify: '5.x', name: 'tidegate' });
export type { HeaderOptions, LegacyHeaders } from './header-fields.ts';
export type { VouchedIdentity } from './identity.ts';
export default tidegate;
