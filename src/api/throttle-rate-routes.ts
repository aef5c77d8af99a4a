import { Type } from 'typebox';
import type { Clock } from '../clock.ts';
import { invalidField, RequestFailure } from './problem.ts';
import { type Api, problemResponses } from './routing.ts';

/** What throttle rates can be split by. */
export const rateDimensions = ['tenant', 'route', 'region', 'policy'] as const;

export interface ThrottleRateRow {
  readonly key: string;
  readonly allowed: number;
  readonly denied: number;
  readonly blocked: number;
}

/** Reads what the database holds. */
export interface ThrottleRateReader {
  throttleRates(query: {
    readonly by: (typeof rateDimensions)[number];
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  }): Promise<readonly ThrottleRateRow[]>;
}

const RateQuery = Type.Object(
  {
    by: Type.Optional(Type.Enum([...rateDimensions], { default: 'route' })),
    from: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; default: an hour before `to`.' })),
    to: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339, exclusive; default: now.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  },
  { additionalProperties: false },
);

const Count = Type.Integer({ minimum: 0 });
const RatesSchema = Type.Object({
  by: Type.Enum([...rateDimensions]),
  from: Type.String({ format: 'date-time' }),
  to: Type.String({ format: 'date-time' }),
  rates: Type.Array(
    Type.Object({
      key: Type.String(),
      decisions: Count,
      allowed: Count,
      denied: Count,
      blocked: Count,
      throttleRate: Type.Number({ minimum: 0, maximum: 1, description: '(denied + blocked) / decisions' }),
    }),
    { description: 'The most limited ones first.' },
  ),
});

const hourMs = 3_600_000;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

const instantOf = (text: string | undefined, path: string): number | null => {
  if (text === undefined) return null;
  const atMs = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) throw invalidField(path, 'must be an instant such as 2026-01-31T12:00:00Z');
  return atMs;
};

const rateOf = ({ key, allowed, denied, blocked }: ThrottleRateRow) => {
  const decisions = allowed + denied + blocked;
  const throttleRate = decisions === 0 ? 0 : (denied + blocked) / decisions;
  return { key, decisions, allowed, denied, blocked, throttleRate };
};

export interface ThrottleRateRoutesOptions {
  readonly reader: ThrottleRateReader | null;
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
      const rows = await reader.throttleRates({ by, fromMs, toMs, limit: query.limit ?? 100 });
      return { by, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), rates: rows.map(rateOf) };
    },
  );
};
