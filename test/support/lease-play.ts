import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, ManualClock } from '../../src/clock.ts';
import { DenyCache } from '../../src/limiter/deny-cache.ts';
import { GuardedStore } from '../../src/limiter/guarded-store.ts';
import { LeaseBook } from '../../src/limiter/lease-book.ts';
import type { LimitKey, LimitRequest, LimitReturn, LimitTerms } from '../../src/limiter/limit-store.ts';
import { type SavedSpend, SavingStore } from '../../src/limiter/saving-store.ts';
import { DistantStore, type Journey } from './distant-store.ts';
import { ReferenceLimitStore } from './reference-limit-store.ts';

/** Units that were admitted, or given back (less than nothing), at one instant. */
export interface Taken {
  readonly atUs: number;
  readonly units: number;
}

/**
 * The interval of a trace that holds most units beyond `capacity + t / periodUs`, looked for among all of them; 0 or less:
 * none does. A unit that was given back within an interval may be spent there again.
 */
export const worstExcess = (trace: readonly Taken[], { capacity, periodUs }: LimitTerms): number => {
  const byInstant = new Map<number, number>();
  for (const { atUs, units } of trace) byInstant.set(atUs, (byInstant.get(atUs) ?? 0) + units);
  const instants = [...byInstant].sort(([a], [b]) => a - b);
  let worst = Number.NEGATIVE_INFINITY;
  for (const [from, [startUs]] of instants.entries()) {
    let sum = 0;
    for (const [atUs, units] of instants.slice(from)) {
      sum += units;
      worst = Math.max(worst, sum - capacity - (atUs - startUs) / periodUs);
    }
  }
  return worst;
};

/** A machine whose clock runs a little faster or slower than the store's. */
const drifting = (clock: ManualClock, perMillion: number): Clock => ({
  nowMs: () => clock.nowMs(),
  monotonicUs: () => Math.floor(clock.monotonicUs() * (1 + perMillion / 1_000_000)),
  schedule: (delayMs, task) => clock.schedule(delayMs, task),
  sleep: (delayMs) => clock.sleep(delayMs),
});

export interface PlayOptions {
  readonly gates: number;
  readonly terms: LimitTerms;
  readonly journey: () => Journey;
  readonly random?: () => number;
  /** Default 5: a script is short. */
  readonly hotPerSecond?: number;
}

/** Marks the returns of a script: a bucket does not look at the instant. */
const refunded = 0;

/** Notes what a script gives back when it takes effect. What leases give back was never traced as taken. */
class TracedStore extends ReferenceLimitStore {
  readonly #trace: Taken[];
  readonly #clock: ManualClock;

  constructor(clock: ManualClock, trace: Taken[]) {
    super(() => clock.nowMs() * 1000);
    this.#clock = clock;
    this.#trace = trace;
  }

  override giveBack(returns: readonly LimitReturn[]): void {
    super.giveBack(returns);
    for (const { cost, spentAtUs } of returns) {
      if (spentAtUs === refunded) this.#trace.push({ atUs: this.#clock.nowMs() * 1000, units: -cost });
    }
  }
}

interface PlayedGate {
  readonly saving: SavingStore;
  readonly leases: LeaseBook;
}

/** Several gates over one store, all on a clock that is moved by hand. */
export class LeasePlay {
  readonly clock = new ManualClock();
  readonly trace: Taken[] = [];
  /** Units that were admitted without asking the store. */
  spentHere = 0;
  readonly store: ReferenceLimitStore;
  readonly #options: PlayOptions;
  readonly #gates: PlayedGate[] = [];
  #distant: DistantStore[] = [];

  constructor(options: PlayOptions) {
    this.#options = options;
    this.store = new TracedStore(this.clock, this.trace);
    for (let gate = 0; gate < options.gates; gate += 1) this.start(gate);
  }

  /** Calls that gates made to the store. */
  get calls(): number {
    return this.#distant.reduce((sum, { calls }) => sum + calls, 0);
  }

  gate(index: number): PlayedGate {
    return this.#gates[index] as PlayedGate;
  }

  /** Starts a gate, in place of the one that was there: that one is never heard of again. */
  start(gate: number): void {
    const { journey, random = () => 0.5, hotPerSecond = 5 } = this.#options;
    const clock = drifting(this.clock, (gate % 3) * 500 - 500);
    const store = new DistantStore({ store: this.store, clock: this.clock, journey });
    this.#distant.push(store);
    const guarded = new GuardedStore({ store, clock, random });
    const leases = new LeaseBook({ office: guarded, clock, random, hotPerSecond, sampleEvery: 1 });
    this.#gates[gate] = { leases, saving: new SavingStore({ guarded, clock, leases, denials: new DenyCache() }) };
  }

  request(cost: number, key: LimitKey = { policy: 'p', client: 'key:hot' }): LimitRequest {
    return { key, terms: this.#options.terms, cost, mode: 'enforce' };
  }

  /** One request. What it takes is traced at the instants at which it is taken. */
  async ask(gate: number, request: LimitRequest): Promise<SavedSpend> {
    const { saving, leases } = this.gate(gate);
    const nowUs = this.clock.nowMs() * 1000;
    const before = leases.stats().units;
    const pending = saving.spend([request]);
    const taken = before - leases.stats().units;
    const saved = await pending;
    if (!('result' in saved) || !saved.result.allowed) return saved;
    const { source, nowUs: storeUs } = saved.result;
    const late = source === 'lease' && taken === 0;
    const here = source === 'lease' ? request.cost : taken;
    this.spentHere += here;
    if (here > 0) this.trace.push({ atUs: late ? this.clock.nowMs() * 1000 : nowUs, units: here });
    if (request.cost > here) this.trace.push({ atUs: storeUs, units: request.cost - here });
    return saved;
  }

  giveBack(gate: number, request: LimitRequest): void {
    const { key, terms, cost } = request;
    void this.gate(gate).saving.giveBack([{ key, terms, cost, spentAtUs: refunded }]);
  }

  /** Moves on, step by step, so that what is answered can be answered to. */
  async advance(byMs: number): Promise<void> {
    await nextTurn();
    for (let passedMs = 0; passedMs < byMs; passedMs += 1) {
      this.clock.advance(1);
      await nextTurn();
    }
  }
}
