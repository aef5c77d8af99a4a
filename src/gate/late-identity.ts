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

/** The same as the gate passes it on. */
export interface Sender extends LateIdentity {
  /** Keys of entries of the block list that have counted this request when only its address was known. */
  readonly counted?: readonly string[];
  /** By what it was known until then, where the block list has not been asked about that yet. */
  readonly before?: readonly Client[];
  /** Nobody has looked yet, and whoever it is may be exempt. */
  readonly isUnidentified?: boolean;
}

/** The request of a check in two steps. */
export interface UnidentifiedRequest {
  readonly clients: readonly Client[];
  readonly cost?: number;
  readonly identify: () => LateIdentity | Promise<LateIdentity>;
}

/** An entry of the block list refuses the request, or some that let so many through have counted it. */
export type Finding =
  | { readonly kind: 'barred'; readonly asked: Asked; readonly blocked: Blocked }
  | { readonly kind: 'counted'; readonly subjectKeys: readonly string[] };

/** What a gate can do, as a check in two steps needs it. */
export interface StepwiseGate<R> {
  policies(): PolicySet;
  understand(request: R, sender: Sender): Asked;
  /** Whether the block list exempts anybody who could turn out to be the sender. */
  mayExemptSender(): boolean;
  /** Null: the block list says nothing of the sender. */
  findBlock(request: R, sender: Sender): Finding | null;
  match(asked: Asked): readonly Policy[];
  ask(asked: Asked, policies: readonly Policy[]): LimitVerdict | Promise<LimitVerdict>;
  /** Gives the places of these limits back, and leaves their units spent. Never rejects. */
  releasePlaces(receipt: Receipt): Promise<void>;
  /** The decision, counted and told. */
  finish(judged: Judged): Decision;
  /** The whole decision in one step. */
  decide(request: R, sender: Sender, startedUs: number): Decision | Promise<Decision>;
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

interface SecondStep<R> {
  readonly gate: StepwiseGate<R>;
  readonly request: R;
  readonly first: LimitVerdict;
  readonly early: ReadonlySet<Policy>;
}

/** Its places; its units stay spent. */
const release = <R>({ gate, first }: SecondStep<R>): void => {
  if (first.receipt) void gate.releasePlaces(first.receipt);
};

const secondStep = <R extends UnidentifiedRequest>(
  step: SecondStep<R>,
  sender: Sender,
  startedUs: number,
): Decision | Promise<Decision> => {
  const { gate, request, first, early } = step;
  const { version } = gate.policies();
  const giveUp = (asked: Asked, verdict: LimitVerdict | Blocked): Decision => {
    release(step);
    return gate.finish({ asked, verdict, version, startedUs });
  };
  const found = gate.findBlock(request, sender);
  if (found?.kind === 'barred') return giveUp(found.asked, found.blocked);
  const asked = gate.understand(request, sender);
  const rest = gate.match(asked).filter((policy) => !early.has(policy));
  return then(gate.ask(asked, rest), (second) => {
    const verdict = together(first, second, request.cost);
    return verdict.allowed ? gate.finish({ asked, verdict, version, startedUs }) : giveUp(asked, verdict);
  });
};

interface Begun<R> {
  readonly request: R;
  readonly gate: StepwiseGate<R>;
  readonly startedUs: number;
  /** See {@link Sender}. */
  readonly counted: readonly string[] | undefined;
  readonly before: readonly Client[] | undefined;
  /** Tidies up where nobody can say who it is. */
  readonly failed?: () => void;
}

/** Finds out who sends it, and goes on with that. What somebody else took of the time is not the gate's. */
const identified = <R extends UnidentifiedRequest>(
  { request, gate, startedUs, counted, before, failed }: Begun<R>,
  next: (sender: Sender, startedUs: number) => Decision | Promise<Decision>,
): Decision | Promise<Decision> => {
  const askedUs = gate.monotonicUs();
  const known = (sender: LateIdentity) =>
    next(
      counted || before ? { ...sender, ...(counted && { counted }), ...(before && { before }) } : sender,
      startedUs + gate.monotonicUs() - askedUs,
    );
  const unknown = (cause: unknown): never => {
    failed?.();
    throw cause;
  };
  let sender: LateIdentity | Promise<LateIdentity>;
  try {
    sender = request.identify();
  } catch (cause) {
    return unknown(cause);
  }
  return sender instanceof Promise ? sender.then(known, unknown) : known(sender);
};

/**
 * Decides on a request whose sender is not known yet: its address may be blocked, or have used up what it may ask for
 * before anybody looks at its credentials. Only then is it identified, which may cost a password's hash. One decision.
 *
 * What the first step took is spent by being identified, and stays so if the second step denies: else a client that is
 * denied by its own limit could have itself identified without end. Its places are given back.
 *
 * Where the allow list holds any key or user, the block of an address waits for who it is, or it would refuse those who are
 * exempt: then only limits by address bound how often a blocked address has the host look.
 */
export const checkInSteps = <R extends UnidentifiedRequest>(
  request: R,
  gate: StepwiseGate<R>,
  startedUs: number,
): Decision | Promise<Decision> => {
  const set = gate.policies();
  const { version } = set;
  const before = gate.mayExemptSender() ? request.clients : undefined;
  const found = gate.findBlock(request, before ? { ...request, isUnidentified: true } : request);
  if (found?.kind === 'barred') return gate.finish({ asked: found.asked, verdict: found.blocked, version, startedUs });
  const counted = found?.subjectKeys;
  const early = earlyPoliciesOf(set);
  const inOneStep = (): Decision | Promise<Decision> =>
    identified({ request, gate, startedUs, counted, before }, (sender, fromUs) => gate.decide(request, sender, fromUs));
  if (early.size === 0) return inOneStep();
  const asked = gate.understand(request, request);
  const policies = gate.match(asked).filter((policy) => early.has(policy));
  if (policies.length === 0) return inOneStep();
  return then(gate.ask(asked, policies), (first) => {
    if (!first.allowed) return gate.finish({ asked, verdict: first, version, startedUs });
    const step = { gate, request, first, early };
    return identified({ request, gate, startedUs, counted, before, failed: () => release(step) }, (sender, fromUs) =>
      secondStep(step, sender, fromUs),
    );
  });
};
