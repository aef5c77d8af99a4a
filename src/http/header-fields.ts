import type { Decision, LimitState } from '../decision/decision.ts';
import { refusedOptions } from '../option-checks.ts';
import { emissionIntervalUs } from '../policy/policy.ts';

/** Which header fields tell clients where they stand. */
export interface HeaderOptions {
  /** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), all limits at once. Default true. */
  readonly standard?: boolean;
  /**
   * `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` of the limit that decides, for clients that
   * know nothing else. Reset is when that limit is whole again; there is no standard for how to write it, so that it
   * has to be named: `epoch-seconds` (Unix time) or `seconds-left`, both rounded up. Default `none`.
   */
  readonly legacy?: LegacyHeaders;
}

export const legacyHeaders = ['none', 'epoch-seconds', 'seconds-left'] as const;
export type LegacyHeaders = (typeof legacyHeaders)[number];

/** Header fields by name, in lower case. */
export type HeaderFields = Readonly<Record<string, string>>;

/** Defaults filled in. Throws CONFIG_INVALID: callers without types get told what they wrote. */
export const parseHeaderOptions = (options: HeaderOptions = {}): Required<HeaderOptions> => {
  const { standard = true, legacy = 'none' } = options;
  const problems = [
    ...(typeof standard === 'boolean' ? [] : [{ path: 'headers.standard', message: 'must be true or false' }]),
    ...(legacyHeaders.includes(legacy)
      ? []
      : [{ path: 'headers.legacy', message: `must be one of ${legacyHeaders.join(', ')}` }]),
  ];
  if (problems.length > 0) throw refusedOptions('The header options are not valid', problems);
  return { standard, legacy };
};

/** Limits that one answer lists: proxies refuse headers of a few kilobytes. */
const maxListed = 16;

export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000);

const denies = ({ shadow, allowed }: LimitState): boolean => !shadow && !allowed;

/** What the client is told of, where there are too many: nothing in shadow mode, and what denies before what does not. */
const firstOf = (limits: readonly LimitState[]): readonly LimitState[] => {
  const enforced = limits.filter(({ shadow }) => !shadow);
  return [...enforced.filter(denies), ...enforced.filter((limit) => !denies(limit))].slice(0, maxListed);
};

/**
 * The draft has whole seconds only, and `w` is optional: a window of 1500 ms goes unsaid rather than wrong. Requests in
 * flight have no window: theirs is how long a place is held that nobody releases.
 */
const policyText = ({ policy, algorithm, limit, windowMs }: LimitState): string => {
  if (algorithm === 'concurrency') return `"${policy}";q=${limit};qu="concurrent-requests"`;
  return `"${policy}";q=${limit}${windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : ''}`;
};

interface PolicyItem {
  readonly state: LimitState;
  readonly text: string;
}

const maxPolicyItems = 4096;
/** By name: what is said of a policy stays the same until the policy changes. */
const policyItems = new Map<string, PolicyItem>();

const policyItem = (state: LimitState): string => {
  const known = policyItems.get(state.policy);
  if (
    known &&
    known.state.limit === state.limit &&
    known.state.windowMs === state.windowMs &&
    known.state.algorithm === state.algorithm
  ) {
    return known.text;
  }
  const text = policyText(state);
  if (policyItems.size >= maxPolicyItems) policyItems.clear();
  policyItems.set(state.policy, { state, text });
  return text;
};

/** Until one more unit is there: the reset time less the units that are still missing after it. */
const untilNextUnitMs = (state: LimitState): number => {
  const { burst, remaining, resetAfterMs, retryAfterMs, allowed } = state;
  const untilMs = Math.max(0, resetAfterMs - ((burst - remaining - 1) * emissionIntervalUs(state)) / 1000);
  // The reset time was rounded up: never past the time at which the denied cost itself fits.
  return allowed || retryAfterMs === null ? untilMs : Math.min(untilMs, retryAfterMs);
};

/**
 * Until there is more; null: nothing is missing, or nobody knows. Of a sliding window that is known only where a certain
 * cost has to fit, and requests in flight end when they end.
 */
const untilMoreMs = (state: LimitState): number | null => {
  const { algorithm, limit, burst, remaining, resetAfterMs, retryAfterMs, allowed } = state;
  switch (algorithm) {
    case 'token-bucket':
    case 'leaky-bucket':
      return remaining >= burst ? null : untilNextUnitMs(state);
    case 'fixed-window':
      return remaining >= limit ? null : resetAfterMs;
    case 'sliding-window':
      return allowed ? null : retryAfterMs;
    case 'concurrency':
      return null;
  }
};

/**
 * In a denial `t` is said of the limits that deny: nobody has to wait for more of a limit that has enough, and Retry-After
 * must not be earlier than any `t`.
 */
const limitItem = (state: LimitState, denied: boolean): string => {
  const untilMs = denied && !denies(state) ? null : untilMoreMs(state);
  return `"${state.policy}";r=${state.remaining}${untilMs === null ? '' : `;t=${wholeSeconds(untilMs)}`}`;
};

/** Header fields that are being put together. */
export type Fields = Record<string, string>;

const addStandard = (fields: Fields, { limits, outcome }: Decision): void => {
  const told = limits.length > maxListed ? firstOf(limits) : limits;
  let policies = '';
  let standing = '';
  for (const state of told) {
    if (state.shadow) continue;
    const separator = policies === '' ? '' : ', ';
    policies += separator + policyItem(state);
    standing += separator + limitItem(state, outcome === 'denied');
  }
  // An empty list is no field value.
  if (policies === '') return;
  fields['ratelimit-policy'] = policies;
  fields['ratelimit'] = standing;
};

const addLegacy = (fields: Fields, deciding: LimitState, resetSeconds: number): void => {
  fields['x-ratelimit-limit'] = String(deciding.limit);
  fields['x-ratelimit-remaining'] = String(deciding.remaining);
  fields['x-ratelimit-reset'] = String(resetSeconds);
};

/** Where the client stands after a decision. Nothing when it is blocked, when no limit was asked, or in shadow mode. */
export const limitFields = (decision: Decision, options: Required<HeaderOptions>, nowMs: number): Fields => {
  const { standard, legacy } = options;
  const fields: Fields = {};
  if (decision.outcome === 'blocked') return fields;
  if (standard) addStandard(fields, decision);
  if (legacy !== 'none' && decision.deciding) {
    const fromMs = legacy === 'epoch-seconds' ? nowMs : 0;
    addLegacy(fields, decision.deciding, wholeSeconds(fromMs + decision.deciding.resetAfterMs));
  }
  return fields;
};
