import swagger from '@fastify/swagger';
import type { FastifyContextConfig, FastifySchema } from 'fastify';
import type { Grant } from '../review/roles.ts';
import { IdempotencyHeader, isChange } from './idempotency.ts';
import { type Api, problemResponses } from './routing.ts';

const tags = [
  { name: 'limiter', description: 'Limits and decisions, for callers without a gate of their own.' },
  { name: 'blocks', description: 'Who is blocked, why, and what people do about it.' },
  { name: 'allow list', description: 'Who must not be blocked.' },
  { name: 'rules', description: 'What the detector runs, how right it is, and how much it may do.' },
  { name: 'list', description: 'The block list for those who enforce it elsewhere.' },
  { name: 'events', description: 'What happened, in order.' },
  { name: 'analytics', description: 'What was decided: rates, offenders, spikes.' },
  { name: 'alerts', description: 'What is wrong, since when, and what most probably brings it about.' },
  { name: 'fleet', description: 'Gates and the policies in force.' },
  { name: 'access', description: 'Who asks, and tokens.' },
  { name: 'status', description: 'How this process is doing.' },
  { name: 'probes', description: 'For orchestrators and Prometheus.' },
];

const description = `Check limits, decide on requests, see who is limited and who is blocked, and review blocks.

Every error is \`application/problem+json\` (RFC 9457); \`problems\` names each field that is wrong. Instants are RFC 3339 in
UTC. Lists are paged: hand \`nextCursor\` back as \`cursor\`, with everything else as it was. A change takes an
\`Idempotency-Key\`: sent again with the same key and body it gives the same answer and happens once. An ETag that is sent back as
\`If-Match\` lets one of two people win.`;

const documentation = (version: string) => ({
  openapi: '3.1.0',
  info: { title: 'tidegate', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  tags,
  components: {
    securitySchemes: {
      bearer: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'A configured token, one made by `tidegate tokens create`, or one of the OpenID provider.',
      },
    },
  },
});

const roleText = (needs: Grant, allTenants: boolean): string =>
  `Needs the role \`${needs}\`${allTenants ? ', for all tenants' : ''}.`;

/** What every route of its kind answers, so that no route has to repeat it. */
const commonStatuses = (
  schema: FastifySchema,
  route: { readonly needs: Grant | undefined; readonly changes: boolean },
) => [
  ...(schema.body || schema.querystring || schema.params || schema.headers || route.changes ? [400] : []),
  ...(route.needs ? [401, 403, 429, 503] : []),
  ...(schema.body ? [413, 415] : []),
  ...(route.changes ? [409, 422] : []),
];

/** The headers of a route, with the key that every change takes. */
const headersOf = (schema: FastifySchema, changes: boolean): Pick<FastifySchema, 'headers'> => {
  if (!changes) return schema.headers === undefined ? {} : { headers: schema.headers };
  const own = (schema.headers ?? {}) as { readonly properties?: object };
  return {
    headers: { ...own, type: 'object', properties: { ...own.properties, 'idempotency-key': IdempotencyHeader } },
  };
};

const answerNames: Readonly<Record<string, string>> = {
  200: 'The answer',
  201: 'It was made',
  202: 'It waits for a second person',
};

/** A description for every answer, where its schema has none of its own. */
const withDescriptions = (responses: object): object =>
  Object.fromEntries(
    Object.entries(responses).map(([status, schema]: [string, object]) =>
      'description' in schema
        ? [status, schema]
        : [status, { ...schema, description: answerNames[status] ?? 'Answer' }],
    ),
  );

/** Adds to a route's description what follows from how it is guarded. */
const described = (schema: FastifySchema, config: FastifyContextConfig, changes: boolean): FastifySchema => {
  const { needs, allTenants = false } = config;
  const common = problemResponses(...commonStatuses(schema, { needs, changes }));
  const own = schema.description === undefined ? [] : [schema.description];
  return {
    ...schema,
    ...headersOf(schema, changes),
    ...(needs ? { security: [{ bearer: [] }], description: [...own, roleText(needs, allTenants)].join('\n\n') } : {}),
    response: { ...common, ...withDescriptions((schema.response ?? {}) as object) },
  };
};

/** Collects the routes that follow into an OpenAPI 3.1 document: `api.swagger()`. */
export const registerOpenApi = async (api: Api, version: string): Promise<void> => {
  await api.register(swagger, {
    openapi: documentation(version),
    transform: ({ schema = {}, url, route }) => {
      const changes = [route.method].flat().some((method) => isChange(method, route.config ?? {}));
      return { url, schema: schema.hide ? schema : described(schema, route.config ?? {}, changes) };
    },
  });
};
