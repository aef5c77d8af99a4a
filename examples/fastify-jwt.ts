/**
 * Limits by the verified claims of a JSON Web Token. Run it: `npx tsx examples/fastify-jwt.ts`, then
 * `curl -i localhost:3000/orders`.
 */
import { fileURLToPath } from 'node:url';
import fastifyJwt from '@fastify/jwt';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { createGate, definePolicies, MemoryLimitStore } from 'tidegate';
import { tidegate, type VouchedIdentity } from 'tidegate/fastify';

interface Claims {
  readonly sub: string;
  readonly tenant: string;
  readonly plan: string;
}

const policies = definePolicies([
  // Who has no token, or a bad one, is an address: it has little.
  { name: 'strangers', match: { clientKinds: ['ip'] }, limit: 5, window: '1m' },
  { name: 'free', match: { clientKinds: ['user'], plans: ['free'] }, limit: 10, window: '1m' },
  { name: 'pro', match: { clientKinds: ['user'], plans: ['pro'] }, limit: 600, window: '1m', burst: 100 },
  { name: 'per-tenant', scope: ['tenant'], match: { clientKinds: ['user'] }, limit: 1000, window: '1m' },
]);

/** Only what the signature proves: a claim that is merely decoded could be anybody's. */
const identify = async (request: FastifyRequest): Promise<VouchedIdentity> => {
  if (!request.headers.authorization) return {};
  try {
    const { sub, tenant, plan } = await request.jwtVerify<Claims>();
    // Two tenants may have a user of the same name.
    return { user: `${tenant}/${sub}`, tenant, plan };
  } catch {
    // Expired, forged or garbage: it vouches for nobody, and its sender counts as the address it comes from.
    return {};
  }
};

export const appWith = async (secret: string): Promise<FastifyInstance> => {
  const gate = createGate({ policies, store: new MemoryLimitStore() });
  const app = fastify();
  await app.register(fastifyJwt, { secret });
  await app.register(tidegate, { gate, identify });
  app.get('/orders', (request) => ({ limitedAs: request.tidegate?.client }));
  app.addHook('onClose', () => gate.close());
  return app;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await (await appWith('change me')).listen({ port: 3000 });
