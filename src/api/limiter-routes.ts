import { Type } from 'typebox';
import { clientOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import type { DecisionRecord } from '../event/decision-event.ts';
import type { EventSink } from '../gate/ports.ts';
import { type LimitAnswer, type LimitStore, spendOne } from '../limiter/limit-store.ts';
import { checkPolicy, checkResultOf, type LimiterCheck, limitRequestOf, retryAfterSOf } from './limiter-check.ts';
import { type Api, problemResponses } from './routing.ts';

const maxUnits = 1_000_000_000;

const CheckBody = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 256, description: 'What is limited: each key has its own counter.' }),
    limit: Type.Integer({ minimum: 1, maximum: maxUnits, description: 'Units per window, and how many at once.' }),
    window: Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ minLength: 2, maxLength: 20 })], {
      description: 'Seconds (fractions allowed), or a duration: 500ms, 90s, 1m, 4h, 30d. 1 ms to 30 days.',
    }),
    cost: Type.Optional(
      Type.Integer({ minimum: 0, maximum: maxUnits, default: 1, description: 'Units to spend; 0 only looks.' }),
    ),
  },
  { additionalProperties: false },
);

const CheckResult = Type.Object({
  allowed: Type.Boolean(),
  remaining: Type.Integer({ description: 'Units left.' }),
  reset_time: Type.Integer({ description: 'Unix seconds, rounded up, when all units are there again.' }),
});

export interface LimiterRoutesOptions {
  readonly limitStore: LimitStore;
  /** Takes each check as a decision. */
  readonly events: EventSink;
  readonly clock: Clock;
}

const checkRoute = 'POST /v1/limiter/check';

/** The check as a decision. Its scope is not the client, so that no detector takes a busy key for an abuser. */
const recordOf = (
  check: LimiterCheck,
  answer: LimitAnswer,
  at: { timeMs: number; latencyUs: number },
): DecisionRecord => ({
  ...at,
  tenant: 'default',
  clientKind: 'key',
  client: clientOf('key', check.key).id,
  address: '',
  route: checkRoute,
  method: 'POST',
  policy: checkPolicy,
  policyVersion: '',
  scope: '',
  limit: check.limit,
  remaining: answer.remaining,
  outcome: answer.allowed ? 'allowed' : 'denied',
  source: 'store',
  degraded: '',
  shadowDenied: [],
  candidateOutcome: '',
  compensated: 0,
  cost: check.cost ?? 1,
  early: null,
});

/** One token bucket per key, limit and window, for callers that have no gate in their process. */
export const limiterRoutes = (api: Api, { limitStore, events, clock }: LimiterRoutesOptions): void => {
  api.post(
    '/v1/limiter/check',
    {
      schema: {
        operationId: 'checkLimit',
        summary: 'Spend from a limit, or learn that there is nothing left. A denial is an answer: 200 as well',
        tags: ['limiter'],
        body: CheckBody,
        response: {
          200: {
            description: 'Allowed or not',
            headers: { 'retry-after': Type.Integer({ description: 'Seconds until this cost fits; on denials only.' }) },
            content: { 'application/json': { schema: CheckResult } },
          },
          ...problemResponses(400, 413, 415, 503),
        },
      },
    },
    async ({ body }, reply) => {
      const startedUs = clock.monotonicUs();
      const { answers } = await spendOne(limitStore, [limitRequestOf(body)]);
      const [answer] = answers;
      if (!answer) throw new TidegateError('STORE_FAILED', 'The counter store gave no answer', { retryable: true });
      const timeMs = clock.nowMs();
      events.record(recordOf(body, answer, { timeMs, latencyUs: clock.monotonicUs() - startedUs }));
      const retryAfterS = retryAfterSOf(answer);
      if (retryAfterS !== null) void reply.header('retry-after', retryAfterS);
      return checkResultOf(answer, timeMs);
    },
  );
};
