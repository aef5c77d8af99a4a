import { Type } from 'typebox';
import { limitsOf, roleLimits } from '../review/limits.ts';
import { grants } from '../review/roles.ts';
import { Instant, instantText } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const limitTypes = { number: Type.Integer(), boolean: Type.Boolean() } as const;
const LimitsSchema = Type.Object(
  Object.fromEntries(
    Object.entries(roleLimits.viewer).map(([name, value]) => [name, limitTypes[typeof value as 'number' | 'boolean']]),
  ),
  { description: 'What the role may do beyond reading.' },
);

export const TenantsSchema = Type.Union([Type.Array(Type.String()), Type.Null()], {
  description: 'Whose data is in reach; null: that of all tenants.',
});

const SessionSchema = Type.Object({
  name: Type.String({ description: "Recorded as who did it; '' where nobody had to sign in." }),
  role: Type.Enum([...grants]),
  tenants: TenantsSchema,
  expiresAt: Type.Union([Instant, Type.Null()], { description: 'When the token ends; null: it does not.' }),
  limits: LimitsSchema,
});

/** Who asks. */
export const sessionRoutes = (api: Api): void => {
  api.get(
    '/v1/session',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'getSession',
        summary: 'Whose the token is, and what it may do',
        tags: ['access'],
        response: { 200: SessionSchema, ...problemResponses(503) },
      },
    },
    ({ reviewer: { name, role, tenants }, tokenExpiresAtMs }) => ({
      name,
      role,
      tenants: tenants && [...tenants],
      expiresAt: tokenExpiresAtMs === null ? null : instantText(tokenExpiresAtMs),
      limits: { ...limitsOf(role) },
    }),
  );
};
