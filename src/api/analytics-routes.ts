import { Type } from 'typebox';
import type { NearLimit, OutcomePoint, Spike } from '../analytics/decision-questions.ts';
import { clientKeyOf } from '../client.ts';
import { type AskingOptions, askingFor } from './analytics-asking.ts';
import {
  Count,
  filterFields,
  filterFrom,
  outcomeFields,
  rangeFields,
  rangeFrom,
  Share,
  stepField,
  stepFrom,
} from './analytics-fields.ts';
import { Instant, instantText } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export const OutcomePointSchema = Type.Object({
  at: Type.String({ format: 'date-time', description: 'Start of the step.' }),
  ...outcomeFields,
  degraded: Type.Integer({ minimum: 0, description: 'Of all these, decided without the primary counter store.' }),
});

export const outcomeView = ({ atMs, ...point }: OutcomePoint) => ({ at: instantText(atMs), ...point });

const OutcomesQuery = Type.Object(
  { ...filterFields, ...rangeFields('an hour'), ...stepField },
  { additionalProperties: false },
);

const OutcomesSchema = Type.Object({
  from: Instant,
  to: Instant,
  stepMinutes: Type.Integer(),
  points: Type.Array(OutcomePointSchema, { description: 'In order of time; steps without a decision are left out.' }),
});

const outcomesRoute = (api: Api, options: AskingOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/analytics/outcomes',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'outcomes',
        summary: 'Decisions by outcome over time',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: OutcomesQuery,
        response: { 200: OutcomesSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const range = rangeFrom(request.query, options.clock, { defaultMs: hourMs });
      const stepMinutes = stepFrom(request.query.stepMinutes, range);
      const filter = filterFrom(request.query);
      const points = await ask(
        { request, reply },
        { tenant: filter.tenant, ask: (questions) => questions.outcomes({ ...filter, ...range, stepMinutes }) },
      );
      return {
        from: instantText(range.fromMs),
        to: instantText(range.toMs),
        stepMinutes,
        points: points.map(outcomeView),
      };
    },
  );
};

const NearLimitQuery = Type.Object(
  {
    ...rangeFields('15 minutes'),
    usedShare: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, default: 0.8, description: 'At least so much of the limit was used.' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 20 })),
  },
  { additionalProperties: false },
);

const NearLimitSchema = Type.Array(
  Type.Object({
    client: Type.String({ description: '`ip:203.0.113.9`' }),
    route: Type.String(),
    policy: Type.String(),
    limit: Type.Integer({ description: 'Units per window.' }),
    leastRemaining: Type.Integer({ minimum: 0, description: 'Units left at the worst moment.' }),
    usedShare: Share,
    allowed: Count,
    denied: Type.Integer({ minimum: 0, description: 'Above 0: it was throttled already.' }),
    lastAt: Type.String({ format: 'date-time', description: 'When it was last let through.' }),
  }),
);

const nearLimitView = ({ client, lastAtMs, usedShare, ...near }: NearLimit) => ({
  ...near,
  client: clientKeyOf(client),
  // More than the limit may be left where a burst is larger.
  usedShare: Math.min(1, Math.max(0, usedShare)),
  lastAt: instantText(lastAtMs),
});

const nearLimitRoute = (api: Api, options: AskingOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/analytics/near-limit',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'nearLimit',
        summary: 'Who is about to be throttled, newest first',
        description:
          'Clients that a limit of their own let through with little left, over at most 6 hours. What has been refilled since is not known here, and of several limits a decision names the one with the least share left alone.',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: NearLimitQuery,
        response: { 200: NearLimitSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const { usedShare: leastUsedShare = 0.8, limit = 20 } = request.query;
      const range = rangeFrom(request.query, options.clock, { defaultMs: 15 * minuteMs, maxMs: 6 * hourMs });
      const near = await ask(
        { request, reply },
        { ask: (questions) => questions.nearLimit({ ...range, leastUsedShare, limit }) },
      );
      return near.map(nearLimitView);
    },
  );
};

const SpikesQuery = Type.Object(
  { ...rangeFields('6 hours'), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 200 })) },
  { additionalProperties: false },
);

const SpikesSchema = Type.Array(
  Type.Object({
    at: Type.String({ format: 'date-time', description: 'The newest of the three minutes that it is about.' }),
    dimension: Type.Enum(['all', 'tenant', 'route', 'region', 'policy']),
    value: Type.String({ description: "'' for all." }),
    allowed: Count,
    denied: Count,
    throttleRate: Share,
    baselineRate: Type.Number({
      description: 'What is usual of that share, by the two hours before, yesterday and a week ago.',
    }),
    spread: Type.Number({ description: 'What counts as usual.' }),
    baselineMinutes: Count,
    z: Type.Number({ description: 'Distance from the baseline, as a normal variable would stray; 4.5 is a spike.' }),
    clients: Type.Integer({ minimum: 0, description: 'That were denied; 0 by region.' }),
    topClientShare: Share,
    earlyShare: Type.Number(),
    degradedShare: Share,
    newPolicyVersions: Count,
    cause: Type.String({ description: 'store-fault, policy-change, one-client, retry-storm or real-demand.' }),
  }),
);

const spikeView = ({ minuteMs: atMs, ...spike }: Spike) => ({ at: instantText(atMs), ...spike });

const spikesRoute = (api: Api, options: AskingOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/analytics/spikes',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'spikes',
        summary: 'Minutes in which the limiter denied far more than just before, newest first',
        description: 'Over at most 24 hours. With a token of some tenants only: theirs alone, not by route or policy.',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: SpikesQuery,
        response: { 200: SpikesSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const { limit = 200 } = request.query;
      const range = rangeFrom(request.query, options.clock, { defaultMs: 6 * hourMs, maxMs: 24 * hourMs });
      const spikes = await ask({ request, reply }, { ask: (questions) => questions.spikes({ ...range, limit }) });
      return spikes.map(spikeView);
    },
  );
};

/** What the limiter did: `/v1/analytics/outcomes`, `near-limit` and `spikes`. */
export const analyticsRoutes = (api: Api, options: AskingOptions): void => {
  outcomesRoute(api, options);
  nearLimitRoute(api, options);
  spikesRoute(api, options);
};
