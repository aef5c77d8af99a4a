import { Type } from 'typebox';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { grants } from '../review/roles.ts';
import { issueToken } from '../review/token-issue.ts';
import { mostTenants, mostTokens, type TokenStore, tokenTermMs } from '../review/tokens.ts';
import { InstantInput, instantFrom } from './fields.ts';
import { RequestFailure } from './problem.ts';
import { type Api, needs, problemResponses } from './routing.ts';
import { TokenSchema, tokenView } from './token-view.ts';

const dayMs = 86_400_000;
const terms = `Default ${tokenTermMs.usual / dayMs} days from now, at most ${tokenTermMs.longest / dayMs}.`;

const TokenBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'Of a person or a machine: who did it.' }),
    role: Type.Enum([...grants]),
    tenants: Type.Optional(
      Type.Union([Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems: mostTenants }), Type.Null()], {
        description: 'Whose data is in reach. Default: that of all tenants.',
      }),
    ),
    expiresAt: Type.Optional(InstantInput(terms)),
  },
  { additionalProperties: false },
);

const MadeSchema = Type.Object({
  token: Type.String({ description: 'The token itself. Nobody can show it again.' }),
  about: TokenSchema,
});

/** The names of the body are those of the request to make one. */
const namingBody = (error: unknown): never => {
  if (!(error instanceof TidegateError) || error.code !== 'INPUT_INVALID') throw error;
  const problems = error.problems.map(({ path, message }) => ({ path: `body.${path}`, message }));
  throw new RequestFailure('invalid-request', error.message, problems);
};

export interface TokenRoutesOptions {
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

const forAdmins = needs('admin', { allTenants: true });

/** Make, list and revoke tokens. */
export const tokenRoutes = (api: Api, { store, clock, logger }: TokenRoutesOptions): void => {
  api.get(
    '/v1/tokens',
    {
      ...forAdmins,
      schema: {
        operationId: 'listTokens',
        summary: 'Tokens that were made, newest first; those that have ended for a week',
        tags: ['access'],
        response: { 200: Type.Object({ tokens: Type.Array(TokenSchema) }), ...problemResponses(503) },
      },
    },
    async () => ({ tokens: (await store.list()).map(tokenView) }),
  );
  api.post(
    '/v1/tokens',
    {
      config: { ...forAdmins.config, isAnswerSecret: true },
      schema: {
        operationId: 'createToken',
        summary: 'Make a token',
        tags: ['access'],
        body: TokenBody,
        response: { 201: MadeSchema, ...problemResponses(409, 503) },
      },
    },
    async ({ body: { name, role, tenants = null, expiresAt }, reviewer }, reply) => {
      const end = expiresAt === undefined ? {} : { expiresAtMs: instantFrom(expiresAt, 'body.expiresAt') };
      const request = { name, role, tenants, createdBy: reviewer.name, ...end };
      const made = await issueToken(store, request, clock.nowMs()).catch(namingBody);
      if (made === null) {
        throw new RequestFailure('conflict', `There are ${mostTokens} tokens already. Revoke those that nobody uses.`);
      }
      const about = tokenView(made.token);
      logger.warn({ token: about, actor: reviewer.name }, 'a token was made');
      return reply.code(201).send({ token: made.text, about });
    },
  );
  revokeRoute(api, { store, clock, logger });
};

const revokeRoute = (api: Api, { store, logger }: TokenRoutesOptions): void => {
  api.delete(
    '/v1/tokens/:id',
    {
      ...forAdmins,
      schema: {
        operationId: 'revokeToken',
        summary: 'Revoke a token: within two seconds every process refuses it',
        tags: ['access'],
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
        response: { 200: TokenSchema, ...problemResponses(404, 503) },
      },
    },
    async ({ params: { id }, reviewer }) => {
      const revoked = await store.revoke(id);
      if (revoked === null)
        throw new RequestFailure('not-found', 'No token has this id. Perhaps it was revoked already.');
      const about = tokenView(revoked);
      logger.warn({ token: about, actor: reviewer.name }, 'a token was revoked');
      return about;
    },
  );
};
