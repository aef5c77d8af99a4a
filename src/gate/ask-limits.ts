import type { Client } from '../client.ts';
import type { DecisionSource, DegradedReason, LimitState } from '../decision/decision.ts';
import type { GuardedSpend, GuardedStore } from '../limiter/guarded-store.ts';
import type { LimitAnswer, LimitKey, LimitRequest, LimitStore, SpendResult } from '../limiter/limit-store.ts';
import { emissionIntervalUs, type Policy } from '../policy/policy.ts';

/** A request as the gate has understood it. */
export interface Asked {
  readonly nowMs: number;
  readonly client: Client;
  readonly clientKey: string;
  readonly tenant: string;
  readonly method: string;
  /** As requested. */
  readonly path: string;
  /** The host's own name for what was asked for: `/orders/:id`, `/*`. */
  readonly template?: string;
  /** What events call it: `GET /orders/:id`. */
  readonly route: string;
  /** What limits go by that have the route in their scope. */
  readonly limitRoute: string;
  readonly address: string;
  /** Absent: each policy's own. */
  readonly cost?: number;
}

/** What the limits of one request come to. */
export interface LimitVerdict {
  readonly allowed: boolean;
  readonly source: DecisionSource;
  readonly degraded: DegradedReason | null;
  readonly limits: readonly LimitState[];
  readonly deciding: LimitState | null;
  readonly cost: number;
}

export interface LimitQuestion {
  readonly asked: Asked;
  readonly policies: readonly Policy[];
  readonly store: GuardedStore;
  /** Decides while the store cannot, for policies that say so. */
  readonly local: LimitStore;
  /** How many gates share each limit then. */
  readonly liveGates: number;
}

const keyOf = ({ name, scope }: Policy, asked: Asked): LimitKey => {
  const key: { policy: string; client?: string; tenant?: string; route?: string } = { policy: name };
  if (scope.includes('client')) key.client = asked.clientKey;
  if (scope.includes('tenant')) key.tenant = asked.tenant;
  if (scope.includes('route')) key.route = asked.limitRoute;
  return key;
};

const requestFor = (policy: Policy, asked: Asked): LimitRequest => ({
  key: keyOf(policy, asked),
  emissionIntervalUs: emissionIntervalUs(policy),
  burst: policy.burst,
  cost: asked.cost ?? policy.cost,
  shadow: policy.mode === 'shadow',
});

/** What one of several gates may admit by itself, so that all of them together stay near the limit. */
const shareOf = (policy: Policy, liveGates: number): Policy => ({
  ...policy,
  limit: Math.ceil(policy.limit / liveGates),
  burst: Math.ceil(policy.burst / liveGates),
});

const stateOf = (policy: Policy, answer: LimitAnswer): LimitState => ({
  policy: policy.name,
  scope: policy.scope,
  shadow: policy.mode === 'shadow',
  limit: policy.limit,
  windowMs: policy.windowMs,
  burst: policy.burst,
  allowed: answer.allowed,
  remaining: Math.max(0, answer.remaining),
  resetAfterMs: Math.ceil(answer.resetAfterUs / 1000),
  retryAfterMs: answer.retryAfterUs === null ? null : Math.ceil(answer.retryAfterUs / 1000),
});

const waitOf = ({ retryAfterMs }: LimitState): number => retryAfterMs ?? Number.POSITIVE_INFINITY;
const shareLeft = ({ remaining, burst }: LimitState): number => remaining / burst;

/** Of the allowing limits the one with the least share left, of the denying ones the one that takes longest; the first of equals. */
const outranks = (limit: LimitState, other: LimitState, allowed: boolean): boolean =>
  allowed ? shareLeft(limit) < shareLeft(other) : waitOf(limit) > waitOf(other);

const decidingOf = (limits: readonly LimitState[], allowed: boolean): LimitState | null => {
  let deciding: LimitState | null = null;
  for (const limit of limits) {
    if (limit.shadow || (!allowed && limit.allowed)) continue;
    if (!deciding || outranks(limit, deciding, allowed)) deciding = limit;
  }
  return deciding;
};

interface Origin {
  readonly asked: Asked;
  readonly source: DecisionSource;
  readonly degraded: DegradedReason | null;
}

const verdictFrom = (policies: readonly Policy[], result: SpendResult, origin: Origin): LimitVerdict => {
  const limits: LimitState[] = [];
  for (const [index, policy] of policies.entries()) {
    const answer = result.answers[index];
    if (answer) limits.push(stateOf(policy, answer));
  }
  const deciding = decidingOf(limits, result.allowed);
  const own = deciding ? policies.find(({ name }) => name === deciding.policy)?.cost : undefined;
  const { asked, source, degraded } = origin;
  return { allowed: result.allowed, source, degraded, limits, deciding, cost: asked.cost ?? own ?? 1 };
};

/** One `deny` among the enforced policies closes; else what is `local` is asked here, and the rest is let through. */
const withoutStore = (question: LimitQuestion, degraded: DegradedReason): LimitVerdict | Promise<LimitVerdict> => {
  const { asked, policies, local, liveGates } = question;
  const closed = policies.some(({ mode, onStoreFailure }) => mode === 'enforce' && onStoreFailure === 'deny');
  const cost = asked.cost ?? 1;
  if (closed) return { allowed: false, source: 'fail-closed', degraded, limits: [], deciding: null, cost };
  const shares = policies
    .filter(({ onStoreFailure }) => onStoreFailure === 'local')
    .map((policy) => shareOf(policy, liveGates));
  if (shares.length === 0) return { allowed: true, source: 'fail-open', degraded, limits: [], deciding: null, cost };
  const result = local.spend(shares.map((policy) => requestFor(policy, asked)));
  const judge = (spent: SpendResult) => verdictFrom(shares, spent, { asked, source: 'fallback', degraded });
  return result instanceof Promise ? result.then(judge) : judge(result);
};

/** Asks the store about every policy at once; without its answer the policies say what happens. */
export const askLimits = (question: LimitQuestion): LimitVerdict | Promise<LimitVerdict> => {
  const { asked, policies, store } = question;
  const judge = (spend: GuardedSpend): LimitVerdict | Promise<LimitVerdict> =>
    'result' in spend
      ? verdictFrom(policies, spend.result, { asked, source: 'store', degraded: null })
      : withoutStore(question, spend.degraded);
  const spend = store.spend(policies.map((policy) => requestFor(policy, asked)));
  return spend instanceof Promise ? spend.then(judge) : judge(spend);
};
