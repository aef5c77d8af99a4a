import { clientOf } from '../client.ts';
import { parseDurationMs } from '../duration.ts';
import type { LimitAnswer, LimitRequest } from '../limiter/limit-store.ts';
import { invalidField } from './problem.ts';

/** What `POST /v1/limiter/check` was asked. */
export interface LimiterCheck {
  readonly key: string;
  /** Units per window, and the burst. */
  readonly limit: number;
  /** Seconds, or a duration such as `500ms`. */
  readonly window: number | string;
  readonly cost?: number;
}

export const checkPolicy = 'api-check';

const minWindowUs = 1000;
const maxWindowUs = 30 * 86_400 * 1_000_000;
const maxRoundingError = 0.01;

const windowUsOf = (window: number | string): number => {
  const ms = typeof window === 'number' ? window * 1000 : parseDurationMs(window);
  if (ms === null) throw invalidField('body.window', 'must be seconds or a duration such as 500ms, 90s, 1m, 4h or 30d');
  const us = Math.round(ms * 1000);
  if (us < minWindowUs || us > maxWindowUs) throw invalidField('body.window', 'must be from 1 ms to 30 days');
  return us;
};

/**
 * The question in the store's terms. Limit and window are part of the counter's name: a check with another limit starts
 * anew instead of reading numbers that mean something else.
 */
export const limitRequestOf = ({ key, limit, window, cost = 1 }: LimiterCheck): LimitRequest => {
  const windowUs = windowUsOf(window);
  const emissionIntervalUs = Math.ceil(windowUs / limit);
  if (emissionIntervalUs * limit > windowUs * (1 + maxRoundingError)) {
    throw invalidField('body.limit', 'is more per window than whole microseconds can keep to within 1 %');
  }
  const counter = clientOf('key', `${limit}/${windowUs}/${key}`).id;
  const terms = { algorithm: 'token-bucket', periodUs: emissionIntervalUs, capacity: limit } as const;
  return { key: { policy: checkPolicy, client: counter }, terms, cost, mode: 'enforce' };
};

const secondUs = 1_000_000;

/** The answer in the words of the API: whole seconds, rounded up so that nobody comes back too early. */
export const checkResultOf = (answer: LimitAnswer, nowMs: number) => ({
  allowed: answer.allowed,
  remaining: answer.remaining,
  reset_time: Math.ceil((nowMs * 1000 + answer.resetAfterUs) / secondUs),
});

/** The Retry-After of a denial, seconds; null when allowed, or when this cost can never fit. */
export const retryAfterSOf = ({ allowed, retryAfterUs }: LimitAnswer): number | null =>
  allowed || retryAfterUs === null ? null : Math.max(1, Math.ceil(retryAfterUs / secondUs));
