import { Type } from 'typebox';
import { type BlockOfClient, blocksOf } from '../analytics/blocks-of-clients.ts';
import type { NamedTotals } from '../analytics/decision-questions.ts';
import type { DeniedClient } from '../analytics/decision-reader.ts';
import type { Block } from '../blocklist/block.ts';
import type { BlockReview } from '../blocklist/block-review.ts';
import { clientKeyOf } from '../client.ts';
import { isInReach } from '../review/authority.ts';
import { type AskingOptions, askingFor } from './analytics-asking.ts';
import {
  ClientText,
  Count,
  clientFrom,
  outcomeFields,
  rangeFields,
  rangeFrom,
  stepField,
  stepFrom,
} from './analytics-fields.ts';
import { OutcomePointSchema, outcomeView } from './analytics-routes.ts';
import { Instant, instantText } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const OffendersQuery = Type.Object(
  {
    ...rangeFields('an hour'),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 20 })),
  },
  { additionalProperties: false },
);

const OffendersSchema = Type.Array(
  Type.Object({
    client: Type.String({ description: '`ip:203.0.113.9`' }),
    denied: Count,
    blocked: Count,
    early: Type.Integer({ minimum: 0, description: 'Of both, how many came before their retry time.' }),
    routes: Type.Array(Type.String(), { description: 'On which it was denied; at most 20.' }),
    routeCount: Count,
    lastDeniedAt: Instant,
    block: Type.Union([Type.Object({ id: Type.String(), state: Type.String() }), Type.Null()], {
      description: 'What stands against it now, a proposal among it; null: nothing, or it is stored under a pseudonym.',
    }),
  }),
);

const offenderView = ({ clientKind, client, lastDeniedAtMs, ...rest }: DeniedClient, block: BlockOfClient | null) => ({
  ...rest,
  client: clientKeyOf({ kind: clientKind, id: client }),
  routes: [...rest.routes],
  lastDeniedAt: instantText(lastDeniedAtMs),
  block,
});

export interface ClientRoutesOptions extends AskingOptions {
  readonly blockList: BlockReview;
}

const offendersRoute = (api: Api, options: ClientRoutesOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/analytics/offenders',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'offenders',
        summary: 'Who was denied most, and what stands against them',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: OffendersQuery,
        response: { 200: OffendersSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const { limit = 20 } = request.query;
      const range = rangeFrom(request.query, options.clock, { defaultMs: hourMs });
      const offenders = await ask({ request, reply }, { ask: (questions) => questions.offenders({ ...range, limit }) });
      const clients = offenders.map(({ clientKind, client }) => ({ kind: clientKind, id: client }));
      const { tenants } = request.reviewer;
      const maySee = (block: Block): boolean => isInReach(block, tenants);
      const blocks = await blocksOf(options.blockList, clients, { tenants, maySee });
      return offenders.map((offender, index) => offenderView(offender, blocks[index] ?? null));
    },
  );
};

const ClientQuery = Type.Object(
  { client: ClientText, ...rangeFields('a day'), ...stepField },
  { additionalProperties: false },
);

const Named = (description: string) =>
  Type.Array(Type.Object({ name: Type.String(), ...outcomeFields }), { description: `${description}; at most 50.` });

const ClientSchema = Type.Object({
  client: Type.String(),
  from: Instant,
  to: Instant,
  stepMinutes: Type.Integer(),
  points: Type.Array(OutcomePointSchema, { description: 'In order of time; steps without a decision are left out.' }),
  routes: Named('Where it was, most decisions first'),
  policies: Named('What decided; of blocked decisions the rule'),
  addresses: Named('Which addresses a key or user came from'),
  tenants: Named('Within which tenants'),
  firstSeenAt: Type.Union([Instant, Type.Null()], { description: 'Within the range; null: not at all.' }),
  lastSeenAt: Type.Union([Instant, Type.Null()]),
});

const named = (totals: readonly NamedTotals[]) => totals.map((one) => ({ ...one }));
const instantOrNull = (atMs: number | null): string | null => (atMs === null ? null : instantText(atMs));

const clientRoute = (api: Api, options: ClientRoutesOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/analytics/client',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'clientHistory',
        summary: 'What one client did: over time, where, and from which addresses',
        description: 'From single decisions, so for as long as those are kept.',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: ClientQuery,
        response: { 200: ClientSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const { client, tenant } = clientFrom(request.query.client, 'query.client');
      const range = rangeFrom(request.query, options.clock, { defaultMs: dayMs });
      const stepMinutes = stepFrom(request.query.stepMinutes, range);
      const asked = { client, ...(tenant === undefined ? {} : { tenant }), ...range, stepMinutes };
      const history = await ask({ request, reply }, { tenant, ask: (questions) => questions.clientHistory(asked) });
      return {
        client: clientKeyOf(client),
        from: instantText(range.fromMs),
        to: instantText(range.toMs),
        stepMinutes,
        points: history.points.map(outcomeView),
        routes: named(history.routes),
        policies: named(history.policies),
        addresses: named(history.addresses),
        tenants: named(history.tenants),
        firstSeenAt: instantOrNull(history.firstSeenAtMs),
        lastSeenAt: instantOrNull(history.lastSeenAtMs),
      };
    },
  );
};

/** Clients one by one: `/v1/analytics/offenders` and `/v1/analytics/client`. */
export const clientRoutes = (api: Api, options: ClientRoutesOptions): void => {
  offendersRoute(api, options);
  clientRoute(api, options);
};
