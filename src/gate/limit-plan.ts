import type { LimitKey, LimitRequest, LimitTerms } from '../limiter/limit-store.ts';
import { limitTermsOf } from '../policy/limit-terms.ts';
import type { Policy, ScopePart } from '../policy/policy.ts';
import { type Asked, addressOf, siteOf } from './asked.ts';

/** A policy as the request path needs it: worked out once, not per request. */
export interface LimitPlan {
  readonly policy: Policy;
  readonly terms: LimitTerms;
  readonly mode: LimitRequest['mode'];
  readonly keyFor: (asked: Asked) => LimitKey;
  /** `client+route`; empty: global. */
  readonly scopeText: string;
}

const partOf: Readonly<Record<ScopePart, (asked: Asked) => string>> = {
  client: ({ clientKey }) => clientKey,
  tenant: ({ tenant }) => tenant,
  plan: ({ plan }) => plan,
  service: ({ service }) => service,
  route: ({ limitRoute }) => limitRoute,
  address: addressOf,
  network: siteOf,
};

const keyMaker = ({ name, scope }: Policy): LimitPlan['keyFor'] => {
  if (scope.length === 1 && scope[0] === 'client') return ({ clientKey }) => ({ policy: name, client: clientKey });
  return (asked) => {
    const key: { -readonly [part in keyof LimitKey]: LimitKey[part] } = { policy: name };
    for (const part of scope) key[part] = partOf[part](asked);
    return key;
  };
};

const planOf = (policy: Policy): LimitPlan => ({
  policy,
  terms: limitTermsOf(policy),
  mode: policy.mode === 'shadow' ? 'shadow' : 'enforce',
  keyFor: keyMaker(policy),
  scopeText: policy.scope.join('+'),
});

const plans = new WeakMap<Policy, LimitPlan>();

/** The plan of a policy, and for the same policy always the same one: counters are told apart by its terms. */
export const limitPlanOf = (policy: Policy): LimitPlan => {
  const known = plans.get(policy);
  if (known) return known;
  const made = planOf(policy);
  plans.set(policy, made);
  return made;
};

interface Share {
  readonly liveGates: number;
  readonly policy: Policy;
}

const shares = new WeakMap<Policy, Share>();

/** What one of several gates may admit by itself, so that all of them together stay near the limit. */
export const shareOf = (policy: Policy, liveGates: number): Policy => {
  const known = shares.get(policy);
  if (known?.liveGates === liveGates) return known.policy;
  const share = {
    ...policy,
    limit: Math.ceil(policy.limit / liveGates),
    burst: Math.ceil(policy.burst / liveGates),
  };
  shares.set(policy, { liveGates, policy: share });
  return share;
};
