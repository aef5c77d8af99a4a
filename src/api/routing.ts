import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { type TSchema, Type } from 'typebox';
import type { Grant, Reviewer } from '../review/roles.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route answers only to the holder of a token with this role, or one that may do what it may. */
    readonly needs?: Grant;
    /** It tells or changes what all tenants share: a token of some tenants only is refused, whatever its role. */
    readonly allTenants?: boolean;
  }
  interface FastifyRequest {
    /** Who asks; on routes that need no token {@link nobody}. */
    reviewer: Reviewer;
  }
}

/** Fastify with request types taken from the TypeBox schemas of the routes. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RouteConfig {
  readonly config: { readonly needs: Grant; readonly allTenants: boolean };
}

/** Spread into the options of a route that needs a token. `allTenants`: see {@link FastifyContextConfig}. Default false. */
export const needs = (grant: Grant, { allTenants = false } = {}): RouteConfig => ({
  config: { needs: grant, allTenants },
});

/** Who asks where nobody had to say. */
export const nobody: Reviewer = { name: '', role: 'viewer', tenants: null };

const ProblemSchema = Type.Object(
  {
    type: Type.String({ format: 'uri' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    problems: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { description: 'RFC 9457 problem details; `problems` names each field.' },
);

const problemNames: Readonly<Record<number, string>> = {
  400: 'A field is not valid',
  401: 'No or a wrong token',
  403: 'The token may not do this',
  404: 'There is no such thing',
  409: 'The state does not allow this',
  410: 'What this continues is no longer kept',
  412: 'It changed since it was read',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'It contradicts an earlier request, or asks for too much at once',
  503: 'A part that this needs is away',
};

/** The error answers of a route, for its documentation. */
export const problemResponses = (...statuses: readonly number[]): Record<number, TSchema> =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: problemNames[status] ?? 'Problem',
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  );
