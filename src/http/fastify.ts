import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { type Clock, systemClock } from '../clock.ts';
import type { Decision } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
import type { Answer } from './answer.ts';
import { createAnswerer, errorFrom, type LimitOptions, nodeHeader } from './middleware.ts';
import { holdBack, settleAfter } from './node-response.ts';
import { checkRouteLimit, routeLimitOf } from './route-limit.ts';

export const tidegateHooks = ['onRequest', 'preParsing', 'preHandler'] as const;
export type TidegateHook = (typeof tidegateHooks)[number];

export interface TidegateFastifyOptions extends LimitOptions<[request: FastifyRequest]> {
  /**
   * When a request is decided on. `onRequest` (the default) is before anything was done for it. `preHandler` is for an
   * `identify` that needs what other plugins found out in their hooks; bodies have been read and parsed by then.
   */
  readonly hook?: TidegateHook;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What tidegate decided on this request; null when it was skipped. */
    tidegate: Decision | null;
  }
}

type Done = (error?: Error) => void;

/** A request whose hook has not ended. */
interface Pending {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly done: Done;
  readonly clock: Clock;
}

const hold = (holdMs: number, { reply, done, clock }: Pending): void => {
  holdBack(reply.raw, holdMs, clock).then((isWaitedFor) => {
    if (isWaitedFor) done();
    else reply.hijack();
  }, done);
};

const carryOut = (answer: Answer | null, pending: Pending): void => {
  const { request, reply, done } = pending;
  if (!answer) {
    done();
    return;
  }
  const { decision, headers, refusal, settle, holdMs } = answer;
  request.tidegate = decision;
  for (const name in headers) reply.header(name, headers[name]);
  if (settle) settleAfter(reply.raw, settle);
  if (refusal) reply.code(refusal.status).send(refusal.body);
  else if (holdMs > 0) hold(holdMs, pending);
  else done();
};

const answererFor = (options: TidegateFastifyOptions) =>
  createAnswerer<[FastifyRequest]>(options, {
    factsOf: (request) => {
      // Fastify makes this object anew each time it is asked for.
      const { url, config } = request.routeOptions;
      const route = routeLimitOf(request, config.tidegate);
      if (route === null) return null;
      return {
        method: request.method,
        path: request.url,
        peer: request.socket.remoteAddress,
        route: url,
        cost: route.cost,
        refundWhen: route.refundWhen,
      };
    },
    headerOf: nodeHeader,
    rawOf: ({ raw }) => raw,
  });

// With callbacks: a promise per request and per hook is what a request can be spared while the gate answers at once.
const limiterFor = (options: TidegateFastifyOptions) => {
  const { clock = systemClock } = options;
  const answerFor = answererFor(options);
  return (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    const pending: Pending = { request, reply, done, clock };
    let answer: ReturnType<typeof answerFor>;
    try {
      answer = answerFor(request);
    } catch (cause) {
      done(errorFrom(cause));
      return;
    }
    if (answer instanceof Promise) {
      answer.then(
        (late) => carryOut(late, pending),
        (cause: unknown) => done(errorFrom(cause)),
      );
    } else {
      carryOut(answer, pending);
    }
  };
};

// Async, so that a refused option rejects `register` instead of being thrown at nobody.
const install: FastifyPluginAsync<TidegateFastifyOptions> = async (app, options) => {
  const { hook = 'onRequest' } = options;
  if (!tidegateHooks.includes(hook)) {
    const problems = [{ path: 'hook', message: `must be one of ${tidegateHooks.join(', ')}` }];
    throw new TidegateError('CONFIG_INVALID', 'The options of the plugin are not valid', { problems });
  }
  const limit = limiterFor(options);
  // A scope around this one may have it already.
  if (!app.hasRequestDecorator('tidegate')) app.decorateRequest('tidegate', null);
  app.addHook('onRoute', checkRouteLimit);
  if (hook === 'onRequest') app.addHook('onRequest', limit);
  else if (hook === 'preHandler') app.addHook('preHandler', limit);
  else {
    app.addHook(
      'preParsing',
      (request, reply) =>
        new Promise((resolve, reject) => {
          limit(request, reply, (error) => (error ? reject(error) : resolve(undefined)));
        }),
    );
  }
};

/**
 * Fastify plugin: decides on every request of the scope that it is registered in, and of the scopes within; on the root
 * instance on unmatched paths as well. Routes say what is different for them in `config: { tidegate: … }`.
 */
export const tidegate = fastifyPlugin(install, { fastify: '5.x', name: 'tidegate' });
export type { ResponseOutcome } from './after-response.ts';
export type { BlockStatus } from './answer.ts';
export type { HeaderOptions, LegacyHeaders } from './header-fields.ts';
export type { VouchedIdentity } from './identity.ts';
export type { RouteLimitOptions } from './route-limit.ts';
export default tidegate;
