import { type FastifyInstance, fastify } from 'fastify';
import type { Gate } from '../gate/gate.ts';
import { tidegate } from '../http/fastify.ts';

export interface SampleApiOptions {
  readonly gate: Gate;
  /** Keys that the API knows, and whose they are. */
  readonly keys: ReadonlyMap<string, { readonly tenant: string }>;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

const orderOf = (id: string): object => ({ id, state: 'shipped', items: 3 });

/** A small web shop behind tidegate: what a service with the Fastify plugin looks like. */
export const createSampleApi = async ({ gate, keys, random }: SampleApiOptions): Promise<FastifyInstance> => {
  const api = fastify({ bodyLimit: 16 * 1024, forceCloseConnections: true });
  await api.register(tidegate, {
    gate,
    random,
    // Every visitor of the demo comes from this machine, through a proxy so to speak.
    trustedProxies: ['127.0.0.0/8'],
    identify: ({ headers }) => {
      const key = headers['x-api-key'];
      const holder = typeof key === 'string' ? keys.get(key) : undefined;
      return typeof key === 'string' && holder ? { key, tenant: holder.tenant } : {};
    },
  });
  api.post('/login', async (_request, reply) => reply.code(401).send({ error: 'unknown user or wrong password' }));
  api.get('/orders', async () => ['1', '2', '3'].map(orderOf));
  api.get<{ Params: { id: string } }>('/orders/:id', async ({ params }) => orderOf(params.id));
  api.get('/search', async () => ({ hits: [] }));
  api.get('/reports', async () => ({ reports: ['daily', 'weekly'] }));
  api.get<{ Params: { id: string } }>('/reports/:id', async ({ params }) => ({ id: params.id, rows: 120 }));
  return api;
};
