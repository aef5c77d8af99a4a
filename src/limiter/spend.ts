import { arithmeticOf } from './algorithms/arithmetic.ts';
import type { Arithmetic, Counter } from './algorithms/counter.ts';
import { grantLease } from './algorithms/token-bucket.ts';
import type { LimitAnswer, LimitRequest, LimitReturn, LimitTerms, Spend, SpendResult } from './limit-store.ts';

/** Draws from a settled counter. Whether it fitted: then it is taken. */
export const draw = (counter: Counter, request: LimitRequest, nowUs: number): boolean => {
  const arithmetic = arithmeticOf[request.terms.algorithm];
  const fits = arithmetic.fits(counter, request, nowUs);
  if (fits) arithmetic.take(counter, request, nowUs);
  else if (request.mode === 'charge') arithmetic.empty(counter, request.terms, nowUs);
  return fits;
};

export interface Drawn {
  readonly nowUs: number;
  /** Whether it had room. */
  readonly fits: boolean;
  /** Whether it was taken, and stays so. */
  readonly taken: boolean;
}

/** What a counter says after a spend has been settled: also the meaning of what a script of another process tells of it. */
export const answerFrom = (counter: Counter, request: LimitRequest, { nowUs, fits, taken }: Drawn): LimitAnswer => {
  const { terms, cost } = request;
  const arithmetic = arithmeticOf[terms.algorithm];
  const queued = taken && terms.algorithm === 'leaky-bucket';
  return {
    allowed: fits,
    remaining: arithmetic.remaining(counter, terms, nowUs),
    resetAfterUs: arithmetic.resetAfterUs(counter, terms, nowUs),
    retryAfterUs: fits ? 0 : arithmetic.retryAfterUs(counter, request, nowUs),
    delayUs: queued ? arithmetic.resetAfterUs(counter, terms, nowUs) - cost * terms.periodUs : 0,
  };
};

/** With units in advance, where the request wants some and the bucket has plenty. */
const withLease = (
  answer: LimitAnswer,
  counter: Counter,
  { request, nowUs }: { request: LimitRequest; nowUs: number },
) => {
  const grant = grantLease(counter, request, nowUs);
  if (!grant) return answer;
  const { terms } = request;
  const { remaining, resetAfterUs } = arithmeticOf[terms.algorithm];
  return {
    ...answer,
    remaining: remaining(counter, terms, nowUs),
    resetAfterUs: resetAfterUs(counter, terms, nowUs),
    lease: { id: grant.id, units: grant.units, expiresAfterUs: grant.id - nowUs },
  };
};

const wantsLease = ({ leaseUnits = 0, terms }: LimitRequest): boolean =>
  leaseUnits > 0 && terms.algorithm === 'token-bucket';

/** A counter as it was stored, and the way back to that. */
const storedForm = (counter: Counter, { width }: Arithmetic): (() => void) => {
  const { cells, at, places, grants } = counter;
  const numbers = cells.slice(at, at + width);
  return () => {
    cells.set(numbers, at);
    counter.places = places;
    counter.grants = grants;
  };
};

/** One limit of a spend on its way. */
interface Draft {
  readonly request: LimitRequest;
  readonly counter: Counter;
  readonly arithmetic: Arithmetic;
  readonly fits: boolean;
  readonly mended: boolean;
  readonly restore: () => void;
}

const draftOf = (request: LimitRequest, counter: Counter, nowUs: number): Draft => {
  const arithmetic = arithmeticOf[request.terms.algorithm];
  const restore = storedForm(counter, arithmetic);
  const mended = arithmetic.settle(counter, request.terms, nowUs);
  return { request, counter, arithmetic, restore, mended, fits: draw(counter, request, nowUs) };
};

const answerTo = ({ request, counter, fits }: Draft, nowUs: number, allowed: boolean): LimitAnswer => {
  const taken = fits && (allowed || request.mode !== 'enforce');
  const answer = answerFrom(counter, request, { nowUs, fits, taken });
  return taken && wantsLease(request) ? withLease(answer, counter, { request, nowUs }) : answer;
};

/** Whether it leaves its counter other than it found it. What is only read is not stored: the clock may step back yet. */
const changes = ({ request, fits, mended }: Draft, allowed: boolean): boolean => {
  if (mended) return true;
  return fits ? request.cost > 0 && (allowed || request.mode !== 'enforce') : request.mode === 'charge';
};

/**
 * Check all, then commit all or none of the enforced limits; the others are spent on their own. One counter per request, in
 * the same order; the same counter may come twice. The same steps as `lua/limits.lua`.
 */
export const spendAll = (spend: Spend, counters: readonly Counter[], nowUs: number): SpendResult => {
  const drafts = spend.map((request, index) => draftOf(request, counters[index] as Counter, nowUs));
  const allowed = drafts.every(({ request, fits }) => fits || request.mode !== 'enforce');
  for (const { request, counter, arithmetic, fits } of drafts) {
    if (fits && !allowed && request.mode === 'enforce') arithmetic.undo(counter, request);
  }
  const answers = drafts.map((draft) => answerTo(draft, nowUs, allowed));
  const changed = new Set<Counter>();
  for (const [index, draft] of drafts.entries()) {
    if (changes(draft, allowed) || answers[index]?.lease) changed.add(draft.counter);
  }
  for (const { request, counter, arithmetic } of drafts) {
    if (changed.has(counter)) forgetEnded(counter, arithmetic, { terms: request.terms, nowUs });
  }
  // Backwards: of a counter that came twice, the first form is the stored one.
  for (const { counter, restore } of drafts.reverse()) if (!changed.has(counter)) restore();
  return { allowed, answers, nowUs };
};

/** What is whole again is as good as never used. */
const forgetEnded = (
  counter: Counter,
  arithmetic: Arithmetic,
  { terms, nowUs }: { terms: LimitTerms; nowUs: number },
): void => {
  arithmetic.forgetExpired?.(counter);
  if (arithmetic.endsAtUs(counter, terms) <= nowUs) counter.cells.fill(0, counter.at, counter.at + arithmetic.width);
};

/** Gives units back to a counter. */
export const giveBackTo = (counter: Counter, given: LimitReturn, nowUs: number): void => {
  const arithmetic = arithmeticOf[given.terms.algorithm];
  arithmetic.settle(counter, given.terms, nowUs);
  arithmetic.giveBack(counter, given, nowUs);
  forgetEnded(counter, arithmetic, { terms: given.terms, nowUs });
};
