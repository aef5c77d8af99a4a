import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import { tidegate } from '../../../src/http/fastify.ts';
import type { Contest } from '../contest.ts';
import type { HttpAnswer, HttpOrder } from './http-caller.ts';
import { neverReached, openGate, openRedisStore } from './ours.ts';
import { peerRedis } from './peers.ts';

const sockets = 64;
const keyOf = (header: string | string[] | undefined): string => (typeof header === 'string' ? header : 'nobody');

const listening = async (app: FastifyInstance): Promise<number> => {
  app.get('/orders/:id', async () => ({ ok: true }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
};

/** The callers have a thread of their own: what they cost is not what the server costs. */
const openCallers = () => {
  const worker = new Worker(new URL('./http-caller.js', import.meta.url));
  const requestsPerSecond = (order: HttpOrder): Promise<number> =>
    new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', ({ perSecond, refused }: HttpAnswer) => {
        worker.removeAllListeners('error');
        if (refused > 0) reject(new Error(`${refused} requests were not answered with 200`));
        else resolve(perSecond);
      });
      worker.postMessage(order);
    });
  return { requestsPerSecond, close: () => worker.terminate() };
};

export const fastifyHttp: Contest = {
  name: 'fastify-http',
  unit: 'requests/s',
  better: 'higher',
  reference: '@fastify/rate-limit on Redis',
  aim: 1,
  about: 'Whole requests over 64 keep-alive connections to the same route, counters in the same Redis, 1,000 clients.',
  needsRedis: true,
  open: async ({ roundMs, redisUrl }) => {
    const { redis, store } = await openRedisStore(redisUrl);
    const { gate, settle } = openGate({ store });
    const ours = Fastify();
    await ours.register(tidegate, { gate, identify: ({ headers }) => ({ key: keyOf(headers['x-api-key']) }) });
    const peer = await peerRedis(redisUrl);
    const theirs = Fastify();
    await theirs.register(rateLimit, {
      max: neverReached.limit,
      timeWindow: neverReached.windowSeconds * 1000,
      redis: peer,
      enableDraftSpec: true,
      keyGenerator: ({ headers }) => keyOf(headers['x-api-key']),
    });
    const [ourPort, theirPort] = [await listening(ours), await listening(theirs)];
    const callers = openCallers();
    return {
      ours: async () => {
        const perSecond = await callers.requestsPerSecond({ port: ourPort, sockets, roundMs });
        await settle();
        return perSecond;
      },
      theirs: () => callers.requestsPerSecond({ port: theirPort, sockets, roundMs }),
      close: async () => {
        await callers.close();
        await Promise.all([ours.close(), theirs.close()]);
        redis.disconnect();
        peer.disconnect();
      },
    };
  },
};
