import type { Blocked, Decision, Denied, LimitState } from '../decision/decision.ts';

/** An HTTP answer to a request that may not pass. */
export interface Refusal {
  readonly status: 429 | 503;
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 9457, `application/problem+json`. */
  readonly problem: Readonly<Record<string, unknown>>;
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** Fields of draft-ietf-httpapi-ratelimit-headers-10, for all enforced limits at once. */
export const rateLimitHeaders = (limits: readonly LimitState[]): Record<string, string> => {
  const enforced = limits.filter(({ shadow }) => !shadow);
  if (enforced.length === 0) return {};
  return {
    'ratelimit-policy': enforced
      .map(({ policy, limit, windowMs }) => `"${policy}";q=${limit};w=${Math.max(1, seconds(windowMs))}`)
      .join(', '),
    ratelimit: enforced
      .map((limit) => `"${limit.policy}";r=${limit.remaining};t=${seconds(untilMoreMs(limit))}`)
      .join(', '),
  };
};

/** Until one more unit is there: the reset time less the units that are still missing after it. */
const untilMoreMs = ({ limit, windowMs, burst, remaining, resetAfterMs }: LimitState): number =>
  Math.max(0, resetAfterMs - ((burst - remaining - 1) * windowMs) / limit);

/** Waiting clients must not come back in one wave: up to a tenth of the wait is added. */
const retryJitter = 0.1;

const retryAfter = (waitMs: number, random: () => number): string =>
  String(Math.max(1, seconds(waitMs * (1 + retryJitter * random()))));

const problemTypes = 'https://iana.org/assignments/http-problem-types#';

const denial = (decision: Denied, random: () => number): Refusal => {
  const { limits, retryAfterMs, source } = decision;
  const closed = source === 'fail-closed';
  const violated = limits.filter(({ shadow, allowed }) => !shadow && !allowed).map(({ policy }) => policy);
  const wait = retryAfterMs === null ? {} : { 'retry-after': retryAfter(retryAfterMs, random) };
  return {
    status: closed ? 503 : 429,
    headers: { ...rateLimitHeaders(limits), ...wait },
    problem: {
      type: `${problemTypes}${closed ? 'temporary-reduced-capacity' : 'quota-exceeded'}`,
      title: closed ? 'This request cannot be counted at the moment' : 'Too many requests',
      status: closed ? 503 : 429,
      ...(retryAfterMs === null
        ? { detail: 'This request costs more than its limit ever allows: waiting will not help.' }
        : {}),
      ...(violated.length === 0 ? {} : { 'violated-policies': violated }),
    },
  };
};

const block = (decision: Blocked, random: () => number): Refusal => ({
  status: 429,
  headers: { 'retry-after': retryAfter(decision.retryAfterMs, random) },
  problem: {
    type: `${problemTypes}abnormal-usage-detected`,
    title: 'This client is blocked for a while',
    status: 429,
    detail: 'It kept going far over its limits. Quote the block when you ask for help.',
    block: decision.blockId,
  },
});

/** What to answer instead of serving, or null when the request may pass. `random` spreads the retry times. */
export const refusalOf = (decision: Decision, random: () => number): Refusal | null => {
  if (decision.outcome === 'allowed') return null;
  return decision.outcome === 'denied' ? denial(decision, random) : block(decision, random);
};
