import type { Blocked, Decision, Denied } from '../decision/decision.ts';
import type { Settle } from './after-response.ts';
import { type HeaderFields, type HeaderOptions, limitFields, wholeSeconds } from './header-fields.ts';

/** What a blocked client may be answered with. */
export const blockStatuses = [429, 403] as const;
export type BlockStatus = (typeof blockStatuses)[number];

/** What to answer instead of serving. */
export interface Refusal {
  readonly status: 429 | 503 | BlockStatus;
  /** A problem document, RFC 9457, as JSON. */
  readonly body: string;
}

/** What a client is told of a decision. */
export interface Told {
  readonly decision: Decision;
  /** For the response, whoever makes it. */
  readonly headers: HeaderFields;
  /** Null: the request may pass. */
  readonly refusal: Refusal | null;
}

/** What a decision means for the request and its response. */
export interface Answer extends Told {
  /** How long to hold the request before it goes on, milliseconds; 0: not at all. */
  readonly holdMs: number;
  /** To be called when the response is over; null: it makes no difference. */
  readonly settle: Settle | null;
}

export interface AnswerOptions {
  readonly headers: Required<HeaderOptions>;
  readonly blockStatus: BlockStatus;
  /** 0 ≤ random() < 1: spreads retry times. */
  readonly random: () => number;
  readonly nowMs: number;
}

/** Waiting clients must not come back in one wave: up to a tenth of the wait is added. */
const retryJitter = 0.1;

const retryAfter = (waitMs: number, random: () => number): string =>
  String(Math.max(1, wholeSeconds(waitMs * (1 + retryJitter * random()))));

const problemTypes = 'https://iana.org/assignments/http-problem-types#';

/**
 * What to add for a person. A share of a limit that this process counts alone is still a quota of the client's: it is told
 * so, and not that the service as a whole has less to give, which is what 503 says.
 */
const detailOf = ({ retryAfterMs, source }: Denied): string | null => {
  if (retryAfterMs === null) return 'This request costs more than its limit ever allows: waiting will not help.';
  if (source === 'fallback') return 'Requests are counted per server at the moment, each against a share of the limit.';
  if (source === 'overflow') return 'Too many new clients came at once: they share one limit for a while.';
  return null;
};

const denialProblem = (denied: Denied): object => {
  const closed = denied.source === 'fail-closed';
  const violated = denied.limits.filter(({ shadow, allowed }) => !shadow && !allowed).map(({ policy }) => policy);
  const detail = detailOf(denied);
  return {
    type: `${problemTypes}${closed ? 'temporary-reduced-capacity' : 'quota-exceeded'}`,
    title: closed ? 'This request cannot be counted at the moment' : 'Too many requests',
    status: closed ? 503 : 429,
    ...(detail === null ? {} : { detail }),
    ...(violated.length === 0 ? {} : { 'violated-policies': violated }),
  };
};

const blockProblem = ({ blockId }: Blocked, status: BlockStatus): object => ({
  type: `${problemTypes}abnormal-usage-detected`,
  title: 'This client is blocked for a while',
  status,
  detail: 'It is on the block list of this service. Quote the block when you ask for help.',
  block: blockId,
});

const refusalOf = (decision: Denied | Blocked, blockStatus: BlockStatus): Refusal => {
  if (decision.outcome === 'blocked') {
    return { status: blockStatus, body: JSON.stringify(blockProblem(decision, blockStatus)) };
  }
  return { status: decision.source === 'fail-closed' ? 503 : 429, body: JSON.stringify(denialProblem(decision)) };
};

/** What to tell the client of a request that was decided on. */
export const answerTo = (decision: Decision, { headers: options, blockStatus, random, nowMs }: AnswerOptions): Told => {
  const headers = limitFields(decision, options, nowMs);
  if (decision.outcome === 'allowed') return { decision, headers, refusal: null };
  const { retryAfterMs } = decision;
  if (retryAfterMs !== null) headers['retry-after'] = retryAfter(retryAfterMs, random);
  headers['content-type'] = 'application/problem+json';
  // It is about one client at one moment: no cache may give it to another.
  headers['cache-control'] = 'no-store';
  return { decision, headers, refusal: refusalOf(decision, blockStatus) };
};
