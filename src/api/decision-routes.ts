import { type Static, Type } from 'typebox';
import { canonicalAddress, networkOf } from '../address.ts';
import { type Client, type ClientKind, clientKinds, clientOf } from '../client.ts';
import { type Decision, decisionSources, outcomes } from '../decision/decision.ts';
import type { Gate } from '../gate/gate.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const DecideBody = Type.Object(
  {
    clients: Type.Array(
      Type.Object(
        { kind: Type.Enum([...clientKinds]), id: Type.String({ minLength: 1, maxLength: 1024 }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 8, description: 'Every identity of the request, most specific first.' },
    ),
    method: Type.String({ minLength: 1, maxLength: 32 }),
    path: Type.String({ minLength: 1, maxLength: 4096 }),
    route: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        pattern: '^[^\\u0000-\\u001f\\u007f]+$',
        description: 'The template: `/orders/:id`.',
      }),
    ),
    tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    cost: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
    address: Type.Optional(Type.String({ maxLength: 64 })),
  },
  { additionalProperties: false },
);

const DecisionSchema = Type.Object({
  outcome: Type.Enum([...outcomes]),
  source: Type.Enum([...decisionSources]),
  route: Type.String(),
  policy: Type.Union([Type.String(), Type.Null()], { description: 'The deciding policy, or the rule of the block.' }),
  policyVersion: Type.String(),
  degraded: Type.Union([Type.String(), Type.Null()], { description: 'Why the store was not asked; null: it was.' }),
  limit: Type.Union([Type.Integer(), Type.Null()]),
  remaining: Type.Union([Type.Integer(), Type.Null()]),
  resetAfterMs: Type.Union([Type.Integer(), Type.Null()]),
  retryAfterMs: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Until this cost fits; null: now, or never.',
  }),
  blockId: Type.Union([Type.String(), Type.Null()]),
});

const decisionView = (decision: Decision): Static<typeof DecisionSchema> => {
  const limit = decision.outcome === 'blocked' ? null : decision.deciding;
  return {
    outcome: decision.outcome,
    source: decision.source,
    route: decision.route,
    policy: decision.outcome === 'blocked' ? decision.rule : (limit?.policy ?? null),
    policyVersion: decision.policyVersion,
    degraded: decision.degraded,
    limit: limit?.limit ?? null,
    remaining: limit?.remaining ?? null,
    resetAfterMs: limit?.resetAfterMs ?? null,
    retryAfterMs: decision.outcome === 'allowed' ? null : decision.retryAfterMs,
    blockId: decision.outcome === 'blocked' ? decision.blockId : null,
  };
};

/** One client per address, however it is spelt: IPv6 counts by /64, as in every gate. */
const clientFrom = ({ kind, id }: { kind: ClientKind; id: string }): Client =>
  clientOf(kind, kind === 'ip' ? (networkOf(id) ?? id) : id);

/** Whose requests are whose nobody says. */
const defaultTenant = 'default';

/** The gate over HTTP, for gateways and services that cannot embed it. The caller vouches for the clients it names. */
export const decisionRoutes = (api: Api, gate: Gate): void => {
  api.post(
    '/v1/decisions',
    {
      ...needs('gate'),
      schema: {
        operationId: 'decide',
        summary: 'Decide on one request: block list, then policies. Every outcome is an answer: 200',
        tags: ['limiter'],
        security: [{ bearer: [] }],
        body: DecideBody,
        response: { 200: DecisionSchema, ...problemResponses(400, 401, 413, 415) },
      },
    },
    async ({ body: { clients, address = '', ...request }, reviewer: { name, tenants } }) => {
      if (tenants !== null && !tenants.includes(request.tenant ?? defaultTenant)) {
        throw new RequestFailure(
          'forbidden',
          `${name} decides within ${tenants.join(', ')} alone: name it as body.tenant.`,
        );
      }
      const known = canonicalAddress(address);
      const where = known === null ? {} : { address: known };
      return decisionView(await gate.check({ ...request, ...where, clients: clients.map(clientFrom) }));
    },
  );
};
