import { type Static, Type } from 'typebox';
import { clientKinds } from '../client.ts';
import type { Fleet } from '../limiter/fleet.ts';
import { algorithms, consistencies, type Policy, type PolicySource, storeFailureModes } from '../policy/policy.ts';
import { invalidField } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const Names = Type.Optional(Type.Array(Type.String()));

const PolicySchema = Type.Object({
  name: Type.String(),
  match: Type.Object(
    {
      routes: Names,
      tenants: Names,
      plans: Names,
      services: Names,
      clientKinds: Type.Optional(Type.Array(Type.Enum([...clientKinds]))),
    },
    { description: 'Which requests it is for; a list that is absent matches all.' },
  ),
  scope: Type.Array(Type.String(), { description: 'What the limit is keyed by; empty: one counter for all.' }),
  algorithm: Type.Enum([...algorithms]),
  limit: Type.Integer({ minimum: 1 }),
  windowMs: Type.Integer({ minimum: 1 }),
  burst: Type.Integer({ minimum: 1 }),
  cost: Type.Integer({ minimum: 1 }),
  mode: Type.Enum(['enforce', 'shadow']),
  onStoreFailure: Type.Enum([...storeFailureModes]),
  consistency: Type.Enum([...consistencies]),
  group: Type.Union([Type.String(), Type.Null()]),
  priority: Type.Integer(),
  candidateFor: Type.Union([Type.String(), Type.Null()], { description: 'The live policy it is tried out for.' }),
});

const PoliciesSchema = Type.Object({
  version: Type.String({ description: 'Of what this process has loaded; equal files have equal versions.' }),
  policies: Type.Array(PolicySchema, { description: 'By name.' }),
  nextCursor: Type.Union([Type.String(), Type.Null()]),
  versions: Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
    description: 'How many gates run which version; more than one while a change is under way.',
  }),
});

const defaultLimit = 500;

const PolicyQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: defaultLimit })),
    cursor: Type.Optional(Type.String({ maxLength: 128, description: 'From a previous page of the same version.' })),
  },
  { additionalProperties: false },
);

type PolicyView = Static<typeof PolicySchema>;

/** Of a list of tenants those that this person may know of; null: the policy is for others alone. */
const seenBy = (tenants: readonly string[] | null, { match, ...policy }: Policy): PolicyView | null => {
  const { routes, plans, services, clientKinds: kinds } = match;
  const named = tenants === null ? match.tenants : match.tenants?.filter((tenant) => tenants.includes(tenant));
  if (named?.length === 0) return null;
  return {
    ...policy,
    scope: [...policy.scope],
    match: {
      ...(routes && { routes: [...routes] }),
      ...(named && { tenants: [...named] }),
      ...(plans && { plans: [...plans] }),
      ...(services && { services: [...services] }),
      ...(kinds && { clientKinds: [...kinds] }),
    },
  };
};

const byName = (left: Policy, right: Policy): number => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0);

/** `<version>.<name of the last one>`: a name may hold dots, a version does not. */
const namedBy = (cursor: string, version: string): string => {
  if (cursor.startsWith(`${version}.`)) return cursor.slice(version.length + 1);
  throw invalidField('query.cursor', 'is of other policies: they have changed, begin again without it');
};

export interface PolicyRoutesOptions {
  readonly policies: PolicySource;
  readonly gates: Fleet;
}

/** `GET /v1/policies`: what this process enforces, and which versions the other gates run. */
export const policyRoutes = (api: Api, { policies, gates }: PolicyRoutesOptions): void => {
  api.get(
    '/v1/policies',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'listPolicies',
        summary: 'The policies that this process has loaded, by name',
        tags: ['fleet'],
        security: [{ bearer: [] }],
        querystring: PolicyQuery,
        response: { 200: PoliciesSchema, ...problemResponses(400, 401, 403) },
      },
    },
    async ({ query: { limit = defaultLimit, cursor }, reviewer }) => {
      const { version, policies: loaded } = policies.current();
      const after = cursor === undefined ? null : namedBy(cursor, version);
      const seen = [...loaded]
        .sort(byName)
        .filter(({ name }) => after === null || name > after)
        .flatMap((policy) => seenBy(reviewer.tenants, policy) ?? []);
      const page = seen.slice(0, limit);
      const last = page.at(-1);
      return {
        version,
        policies: page,
        nextCursor: last === undefined || seen.length <= limit ? null : `${version}.${last.name}`,
        versions: Object.fromEntries(gates.policyVersions()),
      };
    },
  );
};
