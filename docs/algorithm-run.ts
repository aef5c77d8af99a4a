import { arithmeticOf } from '../src/limiter/algorithms/arithmetic.ts';
import type { Counter } from '../src/limiter/algorithms/counter.ts';
import type { LimitRequest, LimitTerms } from '../src/limiter/limit-store.ts';
import { spendAll } from '../src/limiter/spend.ts';
import type { Algorithm } from '../src/policy/policy.ts';

/** The same limit for all pictures: 10 units per 10 s. Buckets hold 5, and 4 requests may be in flight. */
export const windowMs = 10_000;
export const lastMs = 30_000;
/** How long a request is served, where that matters. */
const servedMs = 2000;

const evenly = (fromMs: number, count: number, everyMs: number): number[] =>
  Array.from({ length: count }, (_, index) => fromMs + index * everyMs);

/** A crowd, a steady client that asks a quarter too much, a crowd on both sides of a window's edge, and the client again. */
export const arrivalsMs: readonly number[] = [
  ...evenly(1000, 14, 60),
  ...evenly(4000, 8, 800),
  ...evenly(19_200, 12, 65),
  ...evenly(20_050, 12, 65),
  ...evenly(24_000, 8, 800),
];

export const termsOf: Readonly<Record<Algorithm, LimitTerms>> = {
  'token-bucket': { algorithm: 'token-bucket', periodUs: 1_000_000, capacity: 5 },
  'sliding-window': { algorithm: 'sliding-window', periodUs: windowMs * 1000, capacity: 10 },
  'fixed-window': { algorithm: 'fixed-window', periodUs: windowMs * 1000, capacity: 10 },
  'leaky-bucket': { algorithm: 'leaky-bucket', periodUs: 1_000_000, capacity: 5 },
  concurrency: { algorithm: 'concurrency', periodUs: 60_000_000, capacity: 4 },
};

export interface Answered {
  readonly atMs: number;
  readonly admitted: boolean;
  /** When the request goes on: later than it came only from a queue. */
  readonly leavesAtMs: number;
}

/** An instant at which every window begins. */
const startUs = 1_750_000_000_000_000;

/** What the reference arithmetic answers to these arrivals. */
export const runOf = (algorithm: Algorithm, arrivals: readonly number[] = arrivalsMs): readonly Answered[] => {
  const terms = termsOf[algorithm];
  const arithmetic = arithmeticOf[algorithm];
  const counter: Counter = { cells: new Float64Array(arithmetic.width), at: 0, places: null, grants: null };
  const inFlight: { readonly endsAtMs: number; readonly permit: string }[] = [];
  return arrivals.map((atMs, index) => {
    const key = { policy: algorithm };
    while (inFlight[0] && inFlight[0].endsAtMs <= atMs) {
      const { endsAtMs, permit } = inFlight.shift() ?? { endsAtMs: 0, permit: '' };
      const nowUs = startUs + endsAtMs * 1000;
      arithmetic.giveBack(counter, { key, terms, cost: 1, spentAtUs: nowUs, permit }, nowUs);
    }
    const permit = `${index}`;
    const request: LimitRequest = { key, terms, cost: 1, mode: 'enforce', permit };
    const { allowed, answers } = spendAll([request], [counter], startUs + atMs * 1000);
    if (allowed && algorithm === 'concurrency') inFlight.push({ endsAtMs: atMs + servedMs, permit });
    return { atMs, admitted: allowed, leavesAtMs: atMs + (answers[0]?.delayUs ?? 0) / 1000 };
  });
};

/** A number that holds from an instant on. */
export interface Step {
  readonly fromMs: number;
  readonly units: number;
}

/** How many admitted requests lie within `lengthMs` before each instant. In flight: within what a request takes. */
export const admittedWithin = (run: readonly Answered[], lengthMs: number): readonly Step[] => {
  const changes = run
    .filter(({ admitted }) => admitted)
    .flatMap(({ atMs }) => [
      { atMs, by: 1 },
      { atMs: atMs + lengthMs, by: -1 },
    ])
    .sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let units = 0;
  return changes.map(({ atMs, by }) => {
    units += by;
    return { fromMs: atMs, units };
  });
};

export const lengthOf = (algorithm: Algorithm): number => (algorithm === 'concurrency' ? servedMs : windowMs);

/** The most that the algorithm may ever admit in the length that its picture shows: in one window, or in flight. */
export const boundOf: Readonly<Record<Algorithm, number>> = {
  'token-bucket': 15,
  'sliding-window': 20,
  'fixed-window': 20,
  'leaky-bucket': 15,
  concurrency: 4,
};
