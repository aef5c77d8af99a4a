import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { systemRandom } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import type { Gate } from '../gate/gate.ts';
import { rateLimitHeaders, refusalOf } from './answer.ts';
import { clientAddress, parseTrustedProxies } from './client-address.ts';
import { clientsOf, type VouchedIdentity } from './identity.ts';

export interface TidegateFastifyOptions {
  readonly gate: Gate;
  /**
   * What the host knows of the caller, from credentials that it has checked. Default: nothing, so that clients are told
   * apart by address.
   */
  readonly identify?: (request: FastifyRequest) => VouchedIdentity | Promise<VouchedIdentity>;
  /** Proxies whose X-Forwarded-For is believed: addresses or CIDRs. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Units that this request spends. Default: each policy's own. */
  readonly cost?: (request: FastifyRequest) => number | undefined;
  /** Requests that are not decided on, such as health checks. Default: none. */
  readonly skip?: (request: FastifyRequest) => boolean;
  /** 0 ≤ random() < 1: spreads retry times. */
  readonly random?: () => number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What tidegate decided on this request; null when it was skipped. */
    tidegate: Decision | null;
  }
}

const forwardedForOf = ({ headers }: FastifyRequest): string | undefined => {
  const value = headers['x-forwarded-for'];
  return Array.isArray(value) ? value.join(',') : value;
};

// Async, so that a refused option rejects `register` instead of being thrown at nobody.
const install: FastifyPluginAsync<TidegateFastifyOptions> = async (app, options) => {
  const { gate, identify, cost, skip, random = systemRandom } = options;
  const trusted = parseTrustedProxies(options.trustedProxies ?? []);

  const decide = async (request: FastifyRequest): Promise<Decision> => {
    const address = clientAddress(request.socket.remoteAddress, forwardedForOf(request), trusted);
    const vouched = (await identify?.(request)) ?? {};
    const route = request.routeOptions.url;
    const units = cost?.(request);
    return gate.check({
      clients: clientsOf(vouched, address),
      method: request.method,
      path: request.url,
      ...(address === null ? {} : { address }),
      ...(vouched.tenant === undefined ? {} : { tenant: vouched.tenant }),
      ...(route === undefined ? {} : { route }),
      ...(units === undefined ? {} : { cost: units }),
    });
  };

  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (skip?.(request)) return undefined;
    const decision = await decide(request);
    request.tidegate = decision;
    const refusal = refusalOf(decision, random);
    if (!refusal) {
      reply.headers(rateLimitHeaders(decision.limits));
      return undefined;
    }
    return reply
      .code(refusal.status)
      .headers(refusal.headers)
      .type('application/problem+json')
      .send(JSON.stringify(refusal.problem));
  };

  app.decorateRequest('tidegate', null);
  app.addHook('onRequest', onRequest);
};

/** Fastify plugin: decides on every request of the instance it is registered on, unmatched paths included. */
export const tidegate = fastifyPlugin(install, { fastify: '5.x', name: 'tidegate' });
export type { VouchedIdentity } from './identity.ts';
export default tidegate;
