import type { Client } from '../client.ts';
import type { Blocked, Decision } from '../decision/decision.ts';
import type { SpendResult } from '../limiter/limit-store.ts';
import type { Policy, PolicySet } from '../policy/policy.ts';
import { decidingOf, type LimitVerdict, type Receipt } from './ask-limits.ts';
import type { Asked } from './asked.ts';

/** Who sends a request, as far as it is known only once somebody has looked. */
export interface LateIdentity {
  /** Every identity of the request, most specific first. */
  readonly clients: readonly Client[];
  readonly tenant?: string;
  readonly plan?: string;
}

/** The request of a check in two steps. */
interface UnidentifiedRequest {
  readonly cost?: number;
  readonly identify: () => LateIdentity | Promise<LateIdentity>;
}

/** What a gate can do, as a check in two steps needs it. */
export interface StepwiseGate<R> {
  policies(): PolicySet;
  understand(request: R): Asked;
  /** Null: none of the clients named in it is blocked. */
  findBlocked(request: R): { readonly asked: Asked; readonly blocked: Blocked } | null;
  match(asked: Asked): readonly Policy[];
  ask(asked: Asked, policies: readonly Policy[]): LimitVerdict | Promise<LimitVerdict>;
  /** Gives the places of these limits back, and leaves their units spent. Never rejects. */
  releasePlaces(receipt: Receipt): Promise<void>;
  /** The decision, counted and told. */
  finish(judged: Judged): Decision;
  monotonicUs(): number;
}

export interface Judged {
  readonly asked: Asked;
  readonly verdict: LimitVerdict | Blocked;
  /** By which policies. */
  readonly version: string;
  /** When the gate itself began, on the monotonic clock. */
  readonly startedUs: number;
}

const addressParts = ['address', 'network'];
const earlyParts = ['address', 'network', 'service', 'route'];

/**
 * Whether a policy is asked before anybody is identified: it goes by the address, and nothing about it depends on who that
 * is. A limit for all, or for a route, is not: a client that its own limit denies must not use it up. Neither is one of a
 * group, in which a policy for that client may come first.
 */
const isEarly = ({ scope, match, mode, group, candidateFor }: Policy): boolean =>
  mode === 'enforce' &&
  group === null &&
  candidateFor === null &&
  scope.some((part) => addressParts.includes(part)) &&
  scope.every((part) => earlyParts.includes(part)) &&
  match.tenants === undefined &&
  match.plans === undefined &&
  match.clientKinds === undefined;

const noPolicies: ReadonlySet<Policy> = new Set();
const earlyOf = new WeakMap<PolicySet, ReadonlySet<Policy>>();

/** The policies of a set that are asked before anybody is identified. */
export const earlyPoliciesOf = (set: PolicySet): ReadonlySet<Policy> => {
  const known = earlyOf.get(set);
  if (known) return known;
  const early = set.policies.filter(isEarly);
  const found = early.length === 0 ? noPolicies : new Set(early);
  earlyOf.set(set, found);
  return found;
};

const then = <T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Units of both steps, as of the earlier one. What one store has taken, another cannot give back: that stays spent. */
const receiptOfBoth = (first: Receipt | null, second: Receipt | null): Receipt | null => {
  if (!first || !second || first.from !== second.from) return second ?? first;
  const result: SpendResult = {
    ...second.result,
    answers: [...first.result.answers, ...second.result.answers],
    nowUs: first.result.nowUs,
  };
  return { spend: [...first.spend, ...second.spend], result, from: first.from };
};

/** What both steps come to, where the first one allowed. */
const together = (first: LimitVerdict, second: LimitVerdict, cost: number | undefined): LimitVerdict => {
  const limits = [...first.limits, ...second.limits];
  const compensated = first.compensated || second.compensated;
  if (!second.allowed) return { ...second, limits, compensated };
  const deciding = limits[decidingOf(limits, true)] ?? null;
  const from = second.degraded === null && first.degraded !== null ? first : second;
  return {
    ...second,
    limits,
    compensated,
    deciding,
    source: from.source,
    degraded: from.degraded,
    cost: cost ?? (first.limits.some((limit) => limit === deciding) ? first.cost : second.cost),
    delayMs: Math.max(first.delayMs, second.delayMs),
    receipt: receiptOfBoth(first.receipt, second.receipt),
  };
};

/** Releases what the first step holds when nobody can say who it is. */
const identify = <R extends UnidentifiedRequest>(
  request: R,
  release: () => void,
  next: (known: R) => Decision | Promise<Decision>,
): Decision | Promise<Decision> => {
  const failed = (cause: unknown): never => {
    release();
    throw cause;
  };
  const known = (identity: LateIdentity): Decision | Promise<Decision> => next({ ...request, ...identity });
  let identity: LateIdentity | Promise<LateIdentity>;
  try {
    identity = request.identify();
  } catch (cause) {
    return failed(cause);
  }
  return identity instanceof Promise ? identity.then(known, failed) : known(identity);
};

interface SecondStep<R> {
  readonly gate: StepwiseGate<R>;
  /** Null: there was nothing to ask before. */
  readonly first: LimitVerdict | null;
  readonly early: ReadonlySet<Policy>;
  readonly release: () => void;
  readonly startedUs: number;
}

const secondStep = <R extends UnidentifiedRequest>(known: R, step: SecondStep<R>): Decision | Promise<Decision> => {
  const { gate, first, early, release, startedUs } = step;
  const { version } = gate.policies();
  const giveUp = (asked: Asked, verdict: LimitVerdict | Blocked): Decision => {
    release();
    return gate.finish({ asked, verdict, version, startedUs });
  };
  const blocked = gate.findBlocked(known);
  if (blocked) return giveUp(blocked.asked, blocked.blocked);
  const asked = gate.understand(known);
  const policies = gate.match(asked);
  const rest = first ? policies.filter((policy) => !early.has(policy)) : policies;
  return then(gate.ask(asked, rest), (second) => {
    const verdict = first ? together(first, second, known.cost) : second;
    return verdict.allowed ? gate.finish({ asked, verdict, version, startedUs }) : giveUp(asked, verdict);
  });
};

/**
 * Decides on a request whose sender is not known yet: its address may be blocked, or have used up what it may ask for
 * before anybody looks at its credentials. Only then is it identified, which may cost a password's hash. One decision.
 *
 * What the first step took is spent by being identified, and stays so if the second step denies: else a client that is
 * denied by its own limit could have itself identified without end. Its places are given back.
 */
export const checkInSteps = <R extends UnidentifiedRequest>(
  request: R,
  gate: StepwiseGate<R>,
  startedUs: number,
): Decision | Promise<Decision> => {
  const set = gate.policies();
  const { version } = set;
  const early = earlyPoliciesOf(set);
  const blocked = gate.findBlocked(request);
  if (blocked) return gate.finish({ asked: blocked.asked, verdict: blocked.blocked, version, startedUs });
  const identified = (first: LimitVerdict | null): Decision | Promise<Decision> => {
    const release = (): void => {
      if (first?.receipt) void gate.releasePlaces(first.receipt);
    };
    const askedUs = gate.monotonicUs();
    return identify(request, release, (known) =>
      // What somebody else took of the time is not the gate's.
      secondStep(known, { gate, first, early, release, startedUs: startedUs + gate.monotonicUs() - askedUs }),
    );
  };
  if (early.size === 0) return identified(null);
  const asked = gate.understand(request);
  const policies = gate.match(asked).filter((policy) => early.has(policy));
  if (policies.length === 0) return identified(null);
  return then(gate.ask(asked, policies), (first) =>
    first.allowed ? identified(first) : gate.finish({ asked, verdict: first, version, startedUs }),
  );
};
