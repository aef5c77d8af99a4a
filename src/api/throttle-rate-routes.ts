import { Type } from 'typebox';
import { groupings } from '../analytics/decision-questions.ts';
import type { ThrottlePoint } from '../analytics/decision-reader.ts';
import { type AskingOptions, askingFor } from './analytics-asking.ts';
import { Count, filterFields, filterFrom, rangeFields, rangeFrom, stepField, stepFrom } from './analytics-fields.ts';
import { Instant, instantText } from './fields.ts';
import { type Api, needs, problemResponses } from './routing.ts';

const RateQuery = Type.Object(
  {
    by: Type.Optional(
      Type.Enum([...groupings], {
        default: 'route',
        description: '`client`: those that were denied most; kept as long as single decisions are.',
      }),
    ),
    ...filterFields,
    ...rangeFields('an hour'),
    ...stepField,
    groups: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The busiest ones only.' }),
    ),
  },
  { additionalProperties: false },
);

const counts = {
  decisions: Count,
  allowed: Count,
  denied: Count,
  blocked: Count,
  throttleRate: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Of what the limiter decided, the share it denied.',
  }),
};

const RatesSchema = Type.Object({
  by: Type.Enum([...groupings]),
  from: Instant,
  to: Instant,
  stepMinutes: Type.Integer(),
  rates: Type.Array(
    Type.Object({ key: Type.String({ description: 'Tenant, route, region, policy or client.' }), ...counts }),
    { description: 'Over the whole range, the most limited ones first.' },
  ),
  points: Type.Array(
    Type.Object({
      at: Type.String({ format: 'date-time', description: 'Start of the step.' }),
      group: Type.String({ description: 'Tenant, route, region, policy or client.' }),
      ...counts,
    }),
    { description: 'By step, in order of time, then group.' },
  ),
});

const hourMs = 3_600_000;

const pointView = ({ atMs, ...point }: ThrottlePoint) => ({ at: instantText(atMs), ...point });

/** The points of each group as one. */
const ratesOf = (points: readonly ThrottlePoint[]) => {
  const sums = new Map<string, { allowed: number; denied: number; blocked: number }>();
  for (const { group, allowed, denied, blocked } of points) {
    const sum = sums.get(group) ?? { allowed: 0, denied: 0, blocked: 0 };
    sums.set(group, {
      allowed: sum.allowed + allowed,
      denied: sum.denied + denied,
      blocked: sum.blocked + blocked,
    });
  }
  const rates = [...sums].map(([key, { allowed, denied, blocked }]) => ({
    key,
    decisions: allowed + denied + blocked,
    allowed,
    denied,
    blocked,
    throttleRate: allowed + denied === 0 ? 0 : denied / (allowed + denied),
  }));
  return rates.sort((a, b) => b.throttleRate - a.throttleRate || b.decisions - a.decisions);
};

export const throttleRateRoutes = (api: Api, options: AskingOptions): void => {
  const ask = askingFor(options);
  api.get(
    '/v1/throttle-rates',
    {
      ...needs('viewer'),
      schema: {
        operationId: 'throttleRates',
        summary: 'How much was limited, by tenant, route, region, policy or client',
        tags: ['analytics'],
        security: [{ bearer: [] }],
        querystring: RateQuery,
        response: { 200: RatesSchema, ...problemResponses(400, 401, 403, 422, 503) },
      },
    },
    async (request, reply) => {
      const { by = 'route', groups = 20, ...query } = request.query;
      const range = rangeFrom(query, options.clock, { defaultMs: hourMs });
      const stepMinutes = stepFrom(query.stepMinutes, range);
      const filter = filterFrom(query);
      const asked = { by, ...filter, ...range, stepMinutes, groups };
      const points = await ask(
        { request, reply },
        { tenant: filter.tenant, ask: (questions) => questions.throttleRates(asked) },
      );
      const [from, to] = [instantText(range.fromMs), instantText(range.toMs)];
      return { by, from, to, stepMinutes, rates: ratesOf(points), points: points.map(pointView) };
    },
  );
};
