import { setImmediate as nextTurn } from 'node:timers/promises';
import { ManualClock } from '../../src/clock.ts';
import { ApproximateBook } from '../../src/limiter/approximate-book.ts';
import { GuardedStore } from '../../src/limiter/guarded-store.ts';
import { type LimitRequest, type LimitTerms, spendOne } from '../../src/limiter/limit-store.ts';
import { type SavedSpend, SavingStore } from '../../src/limiter/saving-store.ts';
import { DistantStore } from './distant-store.ts';
import { ReferenceLimitStore } from './reference-limit-store.ts';

/** Units per window of a second: the shorter a window, the worse is a delay of a tenth of a second. */
export const limit = 500;
const windowMs = 1000;

export interface ConsistencyJob {
  readonly algorithm: 'token-bucket' | 'fixed-window' | 'sliding-window';
  readonly gates: number;
  /** Requests, as a multiple of the limit. */
  readonly load: number;
  readonly windows: number;
}

export interface ConsistencyResult {
  readonly asked: number;
  readonly approximate: number;
  /** What the store alone admits of the very same arrivals. */
  readonly exact: number;
  /** Of all windows, the most units that were admitted beyond what the store alone admitted in the same one. */
  readonly worst: number;
  /** Calls to the store, of all gates. */
  readonly calls: number;
}

/** The same pseudo-random numbers in every run: 0 ≤ value < 1. */
const seeded = (): (() => number) => {
  let state = 0x2545f491;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

/** How many arrive in one step when `mean` do on average (Knuth). */
const arrivals = (mean: number, random: () => number): number => {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > least; product *= random()) count += 1;
  return count;
};

const termsOf = (algorithm: ConsistencyJob['algorithm']): LimitTerms =>
  algorithm === 'token-bucket'
    ? { algorithm, periodUs: (windowMs * 1000) / limit, capacity: limit }
    : { algorithm, periodUs: windowMs * 1000, capacity: limit };

/** Gates with approximate counters over one store, and the store by itself, on the same arrivals and a moved clock. */
export const playConsistency = async ({
  algorithm,
  gates,
  load,
  windows,
}: ConsistencyJob): Promise<ConsistencyResult> => {
  const clock = new ManualClock();
  const nowUs = (): number => clock.nowMs() * 1000;
  const twin = new ReferenceLimitStore(nowUs);
  const shared = new ReferenceLimitStore(nowUs);
  const stores = Array.from(
    { length: gates },
    () => new DistantStore({ store: shared, clock, journey: () => ({ toMs: 1, backMs: 1 }) }),
  );
  const savers = stores.map((store) => {
    const guarded = new GuardedStore({ store, clock, random: () => 0.5 });
    return new SavingStore({ guarded, clock, approximate: new ApproximateBook({ office: guarded, clock }) });
  });
  const terms = termsOf(algorithm);
  const key = { policy: 'p', client: 'key:shared' };
  const exactly: LimitRequest = { key, terms, cost: 1, mode: 'enforce' };
  const roughly: LimitRequest = { ...exactly, terms: { ...terms, approximate: true } };
  const random = seeded();
  const sum = { asked: 0, approximate: 0, exact: 0 };
  const excess = new Map<number, number>();
  const note = (by: number): void => {
    const window = Math.floor(clock.nowMs() / windowMs);
    excess.set(window, (excess.get(window) ?? 0) + by);
  };
  const count = (saved: SavedSpend): void => {
    if (!('result' in saved) || !saved.result.allowed) return;
    sum.approximate += 1;
    note(1);
  };
  const ask = (saver: SavingStore): void => {
    const saved = saver.spend([roughly]);
    if (saved instanceof Promise) void saved.then(count);
    else count(saved);
    const truth = spendOne(twin, [exactly]);
    if (!(truth instanceof Promise) && truth.allowed) {
      sum.exact += 1;
      note(-1);
    }
    sum.asked += 1;
  };
  const perStep = (limit * load) / windowMs / gates;
  for (let stepMs = 0; stepMs < windows * windowMs; stepMs += 1) {
    for (const saver of savers) for (let left = arrivals(perStep, random); left > 0; left -= 1) ask(saver);
    await nextTurn();
    clock.advance(1);
  }
  await nextTurn();
  const worst = Math.max(0, ...excess.values());
  return { ...sum, worst, calls: stores.reduce((total, { calls }) => total + calls, 0) };
};
