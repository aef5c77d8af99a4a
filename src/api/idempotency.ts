import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { digestOf } from '../client.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { IdempotencyStore, KeptAnswer } from '../review/idempotency.ts';
import type { Grant } from '../review/roles.ts';
import { invalidField, RequestFailure } from './problem.ts';
import type { Api } from './routing.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer holds a secret: it is never kept, and so never repeated. */
    readonly isAnswerSecret?: boolean;
  }
  interface FastifyRequest {
    /** Under what the answer to this request is to be kept; null: it is not. */
    idempotencyKey: string | null;
  }
}

const keyPattern = '^[\\x21-\\x7e]{1,128}$';
const keyText = new RegExp(keyPattern);

export const IdempotencyHeader = Type.String({
  pattern: keyPattern,
  description:
    'Chosen by the caller, anew for each change. A request that is sent again with it happens once, for a day: the same one is ' +
    'answered alike, with `idempotent-replayed: true`; another one is 422; one that is not done yet is 409.',
  examples: ['1b2f6f8e-6f0e-4a51-9a55-8f3c1f0a6a11'],
});

const whatPeopleDo: readonly Grant[] = ['reviewer', 'lead', 'admin'];

/** Whether the route changes something that people answer for. Decisions and checks are made anew each time. */
export const isChange = (method: string, { needs }: FastifyContextConfig): boolean =>
  method !== 'GET' && method !== 'HEAD' && needs !== undefined && whatPeopleDo.includes(needs);

/** Headers that belong to an answer. */
const keptHeaders = ['content-type', 'etag', 'location'] as const;

/** Names of two token kinds may be alike: what somebody may see is part of who they are. */
const storeKeyOf = ({ reviewer }: FastifyRequest, key: string): string =>
  JSON.stringify([reviewer.name, reviewer.role, reviewer.tenants, key]);

const fingerprintOf = ({ method, url, body, headers }: FastifyRequest): string =>
  digestOf(JSON.stringify([method, url, headers['if-match'] ?? null, body ?? null]));

const answerOf = (reply: FastifyReply, payload: unknown): KeptAnswer => {
  const isSecret = reply.request.routeOptions.config.isAnswerSecret === true;
  const headers = keptHeaders.flatMap((name) => {
    const value = reply.getHeader(name);
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const text = typeof payload === 'string' ? payload : '';
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body: isSecret ? null : text };
};

const replayed = (reply: FastifyReply, { status, headers, body }: KeptAnswer): FastifyReply => {
  if (body === null) {
    throw new RequestFailure(
      'conflict',
      'This was done already with this Idempotency-Key, and its answer is not kept.',
    );
  }
  void reply.code(status).headers(headers).header('idempotent-replayed', 'true');
  return body === '' ? reply.send() : reply.serializer(String).send(body);
};

const begun = async (store: IdempotencyStore | null, request: FastifyRequest, reply: FastifyReply) => {
  const given = request.headers['idempotency-key'];
  if (given === undefined || !isChange(request.method, request.routeOptions.config)) return;
  if (typeof given !== 'string' || !keyText.test(given)) {
    throw invalidField('header.idempotency-key', 'must be 1 to 128 visible ASCII characters, once');
  }
  if (store === null) {
    throw new RequestFailure(
      'unavailable',
      'This process keeps no answers: send the request without an Idempotency-Key.',
    );
  }
  const key = storeKeyOf(request, given);
  const beginning = await store.begin(key, fingerprintOf(request));
  if (beginning === 'mismatch') {
    throw new RequestFailure('unprocessable', 'This Idempotency-Key was used for another request: choose a new one.');
  }
  if (beginning === 'running') {
    throw new RequestFailure('conflict', 'A request with this Idempotency-Key is under way: ask again in a moment.');
  }
  if (beginning === 'started') request.idempotencyKey = key;
  else return replayed(reply, beginning.replay);
};

/**
 * A change that is sent twice with the same `Idempotency-Key` happens once. What was refused changed nothing and leaves its key
 * free, and so does what failed. Call it after the access is checked and before the routes are added.
 */
export const addIdempotency = (api: Api, store: IdempotencyStore | null, logger: Logger): void => {
  api.decorateRequest('idempotencyKey', null);
  api.addHook('preHandler', (request, reply) => begun(store, request, reply));
  api.addHook('onSend', async (request, reply, payload) => {
    const key = request.idempotencyKey;
    if (key === null || store === null) return;
    request.idempotencyKey = null;
    try {
      await (reply.statusCode < 400 ? store.finish(key, answerOf(reply, payload)) : store.abandon(key));
    } catch (error) {
      // It was done, and its answer must not be lost for that; a second try finds it under way until the key is free again.
      logger.warn({ err: messageOf(error), route: request.routeOptions.url }, 'an answer could not be kept');
    }
  });
};
