import type { DecisionSource, DegradedReason, LimitState } from '../decision/decision.ts';
import {
  type LimitAnswer,
  type LimitRequest,
  type LimitStore,
  type Spend,
  type SpendResult,
  spendOne,
} from '../limiter/limit-store.ts';
import type { SavedResult, SavedSpend, SavingStore } from '../limiter/saving-store.ts';
import type { SecondaryAnswer, SecondaryTier } from '../limiter/secondary-tier.ts';
import type { Policy } from '../policy/policy.ts';
import type { Asked } from './asked.ts';
import { limitPlanOf, shareOf } from './limit-plan.ts';

/** What the limits of one request come to. */
export interface LimitVerdict {
  readonly allowed: boolean;
  readonly source: DecisionSource;
  readonly degraded: DegradedReason | null;
  readonly limits: readonly LimitState[];
  readonly deciding: LimitState | null;
  readonly cost: number;
  readonly delayMs: number;
  readonly candidateOutcome: 'allowed' | 'denied' | null;
  readonly compensated: boolean;
  readonly receipt: Receipt | null;
}

/** What was asked and answered, and where: for giving it back. */
export interface Receipt {
  readonly spend: Spend;
  readonly result: SpendResult;
  /** While the store was away: the `secondary` one, or `local`, in this process. */
  readonly from: 'store' | 'secondary' | 'local';
}

export interface LimitQuestion {
  readonly asked: Asked;
  readonly policies: readonly Policy[];
  /** The monotonic clock, where it has just been read. */
  readonly nowUs?: number | undefined;
  readonly store: SavingStore;
  /** Asked while the store is left alone. */
  readonly secondary?: SecondaryTier | undefined;
  /** Decides while the store cannot, for policies that say so. */
  readonly local: LimitStore;
  /** How many gates share each limit then. */
  readonly liveGates: number;
  /** Names the places of this request. */
  readonly nextPermit: () => string;
}

/** What a policy asks the store about a request. */
export const requestFor = (
  policy: Policy,
  { asked, nextPermit }: Pick<LimitQuestion, 'asked' | 'nextPermit'>,
): LimitRequest => {
  const { terms, mode, keyFor } = limitPlanOf(policy);
  const request = { key: keyFor(asked), terms, cost: asked.cost ?? policy.cost, mode };
  return terms.algorithm === 'concurrency' ? { ...request, permit: nextPermit() } : request;
};

const stateOf = (policy: Policy, answer: LimitAnswer): LimitState => ({
  policy: policy.name,
  scope: policy.scope,
  shadow: policy.mode === 'shadow',
  algorithm: policy.algorithm,
  limit: policy.limit,
  windowMs: policy.windowMs,
  burst: policy.burst,
  allowed: answer.allowed,
  remaining: answer.remaining,
  resetAfterMs: Math.ceil(answer.resetAfterUs / 1000),
  retryAfterMs: answer.retryAfterUs === null ? null : Math.ceil(answer.retryAfterUs / 1000),
});

const waitOf = ({ retryAfterMs }: LimitState): number => retryAfterMs ?? Number.POSITIVE_INFINITY;
const shareLeft = ({ remaining, burst }: LimitState): number => remaining / burst;

/** Of the allowing limits the one with the least share left, of the denying ones the one that takes longest; the first of equals. */
const outranks = (limit: LimitState, other: LimitState, allowed: boolean): boolean =>
  allowed ? shareLeft(limit) < shareLeft(other) : waitOf(limit) > waitOf(other);

/** Which of them decides, by its index; -1: none. */
export const decidingOf = (limits: readonly LimitState[], allowed: boolean): number => {
  let deciding = -1;
  for (let index = 0; index < limits.length; index += 1) {
    const limit = limits[index] as LimitState;
    if (limit.shadow || (!allowed && limit.allowed)) continue;
    // An index of -1 would be looked up as a name, which takes longer than all the rest.
    const other = deciding < 0 ? undefined : limits[deciding];
    if (!other || outranks(limit, other, allowed)) deciding = index;
  }
  return deciding;
};

/** The outcome, had every live policy been replaced by its candidate: the others decide as they did. */
const candidateOutcomeOf = (
  policies: readonly Policy[],
  answers: readonly LimitAnswer[],
): LimitVerdict['candidateOutcome'] => {
  // Nearly no request has one, and this is asked for all of them: no closure is made for it.
  let any = false;
  for (const { candidateFor } of policies) any ||= candidateFor !== null;
  if (!any) return null;
  const replaced = new Set(policies.map(({ candidateFor }) => candidateFor));
  const allowed = policies.every(({ name, mode, candidateFor }, index) => {
    const counts = candidateFor !== null || (mode === 'enforce' && !replaced.has(name));
    return !counts || answers[index]?.allowed === true;
  });
  return allowed ? 'allowed' : 'denied';
};

interface Origin {
  readonly asked: Asked;
  readonly spend: Spend;
  readonly source: DecisionSource;
  readonly degraded: DegradedReason | null;
  readonly from: Receipt['from'];
}

const verdictFrom = (policies: readonly Policy[], result: SpendResult, origin: Origin): LimitVerdict => {
  const { asked, spend, degraded } = origin;
  const { allowed, answers } = result;
  const limits: LimitState[] = [];
  let delayUs = 0;
  for (let index = 0; index < policies.length; index += 1) {
    const policy = policies[index] as Policy;
    const answer = answers[index] as LimitAnswer;
    limits.push(stateOf(policy, answer));
    if (policy.mode === 'enforce') delayUs = Math.max(delayUs, answer.delayUs);
  }
  const at = decidingOf(limits, allowed);
  const overflow = origin.source === 'store' && answers[at]?.overflow === true;
  return {
    allowed,
    source: overflow ? 'overflow' : origin.source,
    degraded,
    limits,
    deciding: limits[at] ?? null,
    cost: asked.cost ?? policies[at]?.cost ?? 1,
    delayMs: allowed ? Math.ceil(delayUs / 1000) : 0,
    candidateOutcome: candidateOutcomeOf(policies, answers),
    compensated: result.compensated === true,
    receipt: { spend, result, from: origin.from },
  };
};

/** A decision that no counter was asked for. */
export const uncounted = (facts: Pick<LimitVerdict, 'allowed' | 'source' | 'degraded' | 'cost'>): LimitVerdict => ({
  ...facts,
  limits: [],
  deciding: null,
  delayMs: 0,
  candidateOutcome: null,
  compensated: false,
  receipt: null,
});

/** What this gate may admit by itself of the policies that say so. */
const localPolicies = ({ policies, liveGates }: LimitQuestion): Policy[] =>
  policies.filter(({ onStoreFailure }) => onStoreFailure === 'local').map((policy) => shareOf(policy, liveGates));

/** One `deny` among the enforced policies closes; else what is `local` is asked here, and the rest is let through. */
const withoutStore = (question: LimitQuestion, degraded: DegradedReason): LimitVerdict | Promise<LimitVerdict> => {
  const { asked, policies, local } = question;
  const closed = policies.some(({ mode, onStoreFailure }) => mode === 'enforce' && onStoreFailure === 'deny');
  const cost = asked.cost ?? 1;
  if (closed) return uncounted({ allowed: false, source: 'fail-closed', degraded, cost });
  const shares = localPolicies(question);
  if (shares.length === 0) return uncounted({ allowed: true, source: 'fail-open', degraded, cost });
  const spend = shares.map((policy) => requestFor(policy, question));
  const origin: Origin = { asked, spend, source: 'fallback', degraded, from: 'local' };
  const result = spendOne(local, spend);
  if (result instanceof Promise) return result.then((late) => verdictFrom(shares, late, origin));
  return verdictFrom(shares, result, origin);
};

/**
 * The secondary store, where there is one and the primary was not even asked: nothing of the deadline is gone then. What it
 * may only read it has told the local counters.
 */
const withoutPrimary = (
  question: LimitQuestion,
  spend: Spend,
  degraded: DegradedReason,
): LimitVerdict | Promise<LimitVerdict> => {
  const { asked, policies, secondary } = question;
  if (!secondary || degraded !== 'breaker-open') return withoutStore(question, degraded);
  const names = new Map(policies.map(({ name }, index) => [name, spend[index] as LimitRequest]));
  const shares = localPolicies(question).map((policy) => ({
    whole: names.get(policy.name) as LimitRequest,
    share: requestFor(policy, question),
  }));
  const judge = (answer: SecondaryAnswer): LimitVerdict | Promise<LimitVerdict> =>
    answer && 'result' in answer
      ? verdictFrom(policies, answer.result, { asked, spend, source: 'fallback', degraded, from: 'secondary' })
      : withoutStore(question, answer?.degraded ?? degraded);
  const answer = secondary.ask({ spend, shares });
  return answer instanceof Promise ? answer.then(judge) : judge(answer);
};

/** A denial that was certain without asking leaves limits open that were not needed for it: they are not told of. */
const verdictOf = ({ asked, policies }: LimitQuestion, asSpent: Spend, saved: SavedResult): LimitVerdict => {
  const { answers, source = 'store' } = saved;
  const origin: Origin = { asked, spend: asSpent, source, degraded: null, from: 'store' };
  if (!saved.incomplete) return verdictFrom(policies, saved as SpendResult, origin);
  const isKnown = (_: unknown, index: number): boolean => answers[index] !== null;
  const result = { ...saved, answers: answers.filter((answer) => answer !== null) };
  const verdict = verdictFrom(policies.filter(isKnown), result, { ...origin, spend: asSpent.filter(isKnown) });
  // What a limit would have said that was not asked, nobody knows.
  return verdict.candidateOutcome === 'allowed' ? { ...verdict, candidateOutcome: null } : verdict;
};

const judge = (question: LimitQuestion, spend: Spend, outcome: SavedSpend): LimitVerdict | Promise<LimitVerdict> => {
  if (!('result' in outcome)) return withoutPrimary(question, spend, outcome.degraded);
  if (outcome.result.source === undefined) question.secondary?.primaryAnswered();
  return verdictOf(question, spend, outcome.result);
};

/** Asks the store about every policy at once; without its answer a secondary one, or the policies, say what happens. */
export const askLimits = (question: LimitQuestion): LimitVerdict | Promise<LimitVerdict> => {
  const { policies, store, nowUs } = question;
  const spend: LimitRequest[] = [];
  for (const policy of policies) spend.push(requestFor(policy, question));
  const outcome = store.spend(spend, nowUs);
  if (outcome instanceof Promise) return outcome.then((late) => judge(question, spend, late));
  return judge(question, spend, outcome);
};
