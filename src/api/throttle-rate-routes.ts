import { Type } from 'typebox';
import {
  type DecisionReader,
  type ThrottlePoint,
  throttleDimensions,
  wholeStep,
} from '../analytics/decision-reader.ts';
import type { Clock } from '../clock.ts';
import { invalidField, RequestFailure } from './problem.ts';
import { type Api, problemResponses } from './routing.ts';

const RateQuery = Type.Object(
  {
    by: Type.Optional(Type.Enum([...throttleDimensions], { default: 'route' })),
    from: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; default: an hour before `to`.' })),
    to: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339, exclusive; default: now.' })),
    stepMinutes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1440,
        default: 1,
        description: 'Width of a step; more than an hour is rounded up to whole hours.',
      }),
    ),
    groups: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The busiest ones only.' }),
    ),
  },
  { additionalProperties: false },
);

const Count = Type.Integer({ minimum: 0 });
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
  by: Type.Enum([...throttleDimensions]),
  from: Type.String({ format: 'date-time' }),
  to: Type.String({ format: 'date-time' }),
  stepMinutes: Type.Integer(),
  rates: Type.Array(Type.Object({ key: Type.String({ description: 'Tenant, route, region or policy.' }), ...counts }), {
    description: 'Over the whole range, the most limited ones first.',
  }),
  points: Type.Array(
    Type.Object({
      at: Type.String({ format: 'date-time', description: 'Start of the step.' }),
      group: Type.String({ description: 'Tenant, route, region or policy.' }),
      ...counts,
    }),
    { description: 'By step, in order of time, then group.' },
  ),
});

const hourMs = 3_600_000;
const maxSteps = 2000;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

const instantOf = (text: string | undefined, path: string): number | null => {
  if (text === undefined) return null;
  const atMs = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) throw invalidField(path, 'must be an instant such as 2026-01-31T12:00:00Z');
  return atMs;
};

const pointView = ({ atMs, ...point }: ThrottlePoint) => ({ at: new Date(atMs).toISOString(), ...point });

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

export interface ThrottleRateRoutesOptions {
  readonly reader: DecisionReader | null;
  readonly clock: Clock;
}

export const throttleRateRoutes = (api: Api, { reader, clock }: ThrottleRateRoutesOptions): void => {
  api.get(
    '/v1/throttle-rates',
    {
      schema: {
        operationId: 'throttleRates',
        summary: 'How much was limited, by tenant, route, region or policy',
        tags: ['analytics'],
        querystring: RateQuery,
        response: { 200: RatesSchema, ...problemResponses(400, 503) },
      },
    },
    async ({ query }) => {
      const toMs = instantOf(query.to, 'query.to') ?? clock.nowMs();
      const fromMs = instantOf(query.from, 'query.from') ?? toMs - hourMs;
      if (fromMs >= toMs) throw invalidField('query.from', 'must be before query.to');
      if (!reader) throw new RequestFailure('unavailable', 'The analytics database is not in reach of this process.');
      const by = query.by ?? 'route';
      const { groups = 20 } = query;
      const stepMinutes = wholeStep(query.stepMinutes ?? 1);
      if ((toMs - fromMs) / (stepMinutes * 60_000) > maxSteps) {
        throw invalidField('query.stepMinutes', `must be larger: at most ${maxSteps} steps fit one answer`);
      }
      const points = await reader.throttleRates({ by, fromMs, toMs, stepMinutes, groups });
      const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
      return { by, from, to, stepMinutes, rates: ratesOf(points), points: points.map(pointView) };
    },
  );
};
