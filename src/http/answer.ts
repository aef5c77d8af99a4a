import type { Blocked, Decision, Denied } from '../decision/decision.ts';
import { type HeaderFields, type HeaderOptions, limitFields, wholeSeconds } from './header-fields.ts';

/** What to answer instead of serving. */
export interface Refusal {
  readonly status: 429 | 503;
  /** A problem document, RFC 9457, as JSON. */
  readonly body: string;
}

/** What a decision means for the response. */
export interface Answer {
  readonly decision: Decision;
  /** For the response, whoever makes it. */
  readonly headers: HeaderFields;
  /** Null: the request may pass. */
  readonly refusal: Refusal | null;
}

export interface AnswerOptions {
  readonly headers: Required<HeaderOptions>;
  /** 0 ≤ random() < 1: spreads retry times. */
  readonly random: () => number;
  readonly nowMs: number;
}

/** Waiting clients must not come back in one wave: up to a tenth of the wait is added. */
const retryJitter = 0.1;

const retryAfter = (waitMs: number, random: () => number): string =>
  String(Math.max(1, wholeSeconds(waitMs * (1 + retryJitter * random()))));

const problemTypes = 'https://iana.org/assignments/http-problem-types#';

const denialProblem = ({ limits, retryAfterMs, source }: Denied): object => {
  const closed = source === 'fail-closed';
  const violated = limits.filter(({ shadow, allowed }) => !shadow && !allowed).map(({ policy }) => policy);
  return {
    type: `${problemTypes}${closed ? 'temporary-reduced-capacity' : 'quota-exceeded'}`,
    title: closed ? 'This request cannot be counted at the moment' : 'Too many requests',
    status: closed ? 503 : 429,
    ...(retryAfterMs === null
      ? { detail: 'This request costs more than its limit ever allows: waiting will not help.' }
      : {}),
    ...(violated.length === 0 ? {} : { 'violated-policies': violated }),
  };
};

const blockProblem = ({ blockId }: Blocked): object => ({
  type: `${problemTypes}abnormal-usage-detected`,
  title: 'This client is blocked for a while',
  status: 429,
  detail: 'It kept going far over its limits. Quote the block when you ask for help.',
  block: blockId,
});

/** How to answer a request that was decided on. */
export const answerTo = (decision: Decision, { headers, random, nowMs }: AnswerOptions): Answer => {
  const told = limitFields(decision, headers, nowMs);
  if (decision.outcome === 'allowed') return { decision, headers: told, refusal: null };
  const { retryAfterMs, source } = decision;
  const problem = decision.outcome === 'denied' ? denialProblem(decision) : blockProblem(decision);
  return {
    decision,
    headers: {
      ...told,
      ...(retryAfterMs === null ? {} : { 'retry-after': retryAfter(retryAfterMs, random) }),
      'content-type': 'application/problem+json',
      // It is about one client at one moment: no cache may give it to another.
      'cache-control': 'no-store',
    },
    refusal: { status: source === 'fail-closed' ? 503 : 429, body: JSON.stringify(problem) },
  };
};
