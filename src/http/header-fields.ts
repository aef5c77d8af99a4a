import type { Decision, LimitState } from '../decision/decision.ts';
import { TidegateError } from '../errors.ts';
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
  if (problems.length > 0) throw new TidegateError('CONFIG_INVALID', 'The header options are not valid', { problems });
  return { standard, legacy };
};

/** Limits that one answer lists: proxies refuse headers of a few kilobytes. */
const maxListed = 16;

export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000);

const denies = ({ shadow, allowed }: LimitState): boolean => !shadow && !allowed;

/** What the client is told of: nothing in shadow mode, and where there are too many, what denies before what does not. */
const listedOf = (limits: readonly LimitState[]): readonly LimitState[] => {
  const enforced = limits.filter(({ shadow }) => !shadow);
  if (enforced.length <= maxListed) return enforced;
  return [...enforced.filter(denies), ...enforced.filter((limit) => !denies(limit))].slice(0, maxListed);
};

/** The draft has whole seconds only, and `w` is optional: a window of 1500 ms goes unsaid rather than wrong. */
const policyItem = ({ policy, limit, windowMs }: LimitState): string =>
  `"${policy}";q=${limit}${windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : ''}`;

/** Until one more unit is there: the reset time less the units that are still missing after it. Null: nothing is missing. */
const untilMoreMs = (state: LimitState): number | null => {
  const { burst, remaining, resetAfterMs, retryAfterMs, allowed } = state;
  if (remaining >= burst) return null;
  const untilMs = Math.max(0, resetAfterMs - ((burst - remaining - 1) * emissionIntervalUs(state)) / 1000);
  // The reset time was rounded up: never past the time at which the denied cost itself fits.
  return allowed || retryAfterMs === null ? untilMs : Math.min(untilMs, retryAfterMs);
};

/**
 * In a denial `t` is said of the limits that deny: nobody has to wait for more of a limit that has enough, and Retry-After
 * must not be earlier than any `t`.
 */
const limitItem = (state: LimitState, denied: boolean): string => {
  const untilMs = denied && !denies(state) ? null : untilMoreMs(state);
  return `"${state.policy}";r=${state.remaining}${untilMs === null ? '' : `;t=${wholeSeconds(untilMs)}`}`;
};

const standardFields = ({ limits, outcome }: Decision): HeaderFields => {
  const listed = listedOf(limits);
  // An empty list is no field value.
  if (listed.length === 0) return {};
  return {
    'ratelimit-policy': listed.map(policyItem).join(', '),
    ratelimit: listed.map((limit) => limitItem(limit, outcome === 'denied')).join(', '),
  };
};

const legacyFields = (deciding: LimitState, resetSeconds: number): HeaderFields => ({
  'x-ratelimit-limit': String(deciding.limit),
  'x-ratelimit-remaining': String(deciding.remaining),
  'x-ratelimit-reset': String(resetSeconds),
});

/** Where the client stands after a decision. Nothing when it is blocked, when no limit was asked, or in shadow mode. */
export const limitFields = (decision: Decision, options: Required<HeaderOptions>, nowMs: number): HeaderFields => {
  const { standard, legacy } = options;
  const deciding = decision.outcome === 'blocked' ? null : decision.deciding;
  const told = standard ? standardFields(decision) : {};
  if (legacy === 'none' || !deciding) return told;
  const fromMs = legacy === 'epoch-seconds' ? nowMs : 0;
  return { ...told, ...legacyFields(deciding, wholeSeconds(fromMs + deciding.resetAfterMs)) };
};
