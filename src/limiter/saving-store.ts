import type { Clock } from '../clock.ts';
import type { DecisionSource, DegradedReason } from '../decision/decision.ts';
import { ApproximateBook, type ApproximateStats } from './approximate-book.ts';
import { DenyCache } from './deny-cache.ts';
import type { GuardedSpend, GuardedStore } from './guarded-store.ts';
import { LeaseBook, type LeaseStats } from './lease-book.ts';
import type { LimitAnswer, LimitRequest, LimitReturn, Spend, SpendResult } from './limit-store.ts';

/** What a spend came to, and who said so. */
export interface SavedResult {
  readonly allowed: boolean;
  /** One per request, in its order. Null: a limit that was not asked, because another one denied without asking. */
  readonly answers: readonly (LimitAnswer | null)[];
  /** Whether some answer is null. */
  readonly incomplete?: true;
  /** The store's clock, or what it must show. */
  readonly nowUs: number;
  /** Absent: the store itself. */
  readonly source?: Extract<DecisionSource, 'lease' | 'deny-cache'>;
  readonly compensated?: true;
}

export type SavedSpend = { readonly result: SavedResult } | { readonly degraded: DegradedReason };

export interface SavingStoreOptions {
  readonly guarded: Pick<GuardedStore, 'spend' | 'giveBack'>;
  readonly clock: Clock;
  /** Absent: every denial is asked for. */
  readonly denials?: DenyCache;
  /** Absent: no units are spent in process. */
  readonly leases?: LeaseBook;
  /** Absent: limits that may be counted approximately are asked exactly. */
  readonly approximate?: ApproximateBook;
}

/** One limit of a spend, and how much of it was taken from a lease. */
interface Part {
  /** As it was asked. */
  readonly request: LimitRequest;
  readonly taken: number;
  /** What the store is asked instead; null: nothing. */
  readonly asked: LimitRequest | null;
  /** Of a copy of the counter. */
  readonly answer: LimitAnswer | null;
}

const allOf = ({ cost }: LimitRequest, taken: number): boolean => cost > 0 && taken === cost;

const noApproximations: ApproximateStats = { counters: 0, untoldUnits: 0 };
const noLeases: LeaseStats = { counters: 0, units: 0, granted: 0, returned: 0 };

/**
 * In front of the guarded store: answers what is certain without it, from leases and remembered denials, and asks it for
 * the rest. Denials come without the store only where it would deny too, admissions only out of units that it has set aside.
 */
export class SavingStore {
  readonly #guarded: SavingStoreOptions['guarded'];
  readonly #clock: Clock;
  readonly #denials: DenyCache | undefined;
  readonly #leases: LeaseBook | undefined;
  readonly #approximate: ApproximateBook | undefined;
  /** How far the store's clock is ahead of the monotonic one, as last seen. */
  #storeAheadUs: number;

  constructor({ guarded, clock, denials, leases, approximate }: SavingStoreOptions) {
    this.#guarded = guarded;
    this.#clock = clock;
    this.#denials = denials;
    this.#leases = leases;
    this.#approximate = approximate;
    this.#storeAheadUs = clock.nowMs() * 1000 - clock.monotonicUs();
  }

  /** What is lent to this process, and was. */
  leases(): LeaseStats {
    return this.#leases?.stats() ?? noLeases;
  }

  /** What is counted approximately in this process. */
  approximations(): ApproximateStats {
    return this.#approximate?.stats() ?? noApproximations;
  }

  /** `nowUs`: the monotonic clock, for callers that have just looked. */
  spend(spend: Spend, nowUs = this.#clock.monotonicUs()): SavedSpend | Promise<SavedSpend> {
    if (!this.#leases && !this.#denials && !this.#approximate) return this.#guarded.spend(spend);
    const [only] = spend;
    if (spend.length === 1 && only) {
      const leased = this.#leases?.spend(only, nowUs);
      if (leased) return this.#leased([leased], nowUs);
    }
    for (const request of spend) {
      if (this.#deniedHere(request, nowUs)) return this.#deny(spend, nowUs);
    }
    return this.#spendParts(spend, nowUs);
  }

  /** Gives units back; their counters are asked again. */
  giveBack(returns: readonly LimitReturn[]): void | Promise<void> {
    for (const { key } of returns) this.#denials?.forget(key);
    return this.#guarded.giveBack(returns);
  }

  /** Leases go back, and the store learns of what was spent here. It answers every spend from then on. */
  async close(): Promise<void> {
    await Promise.all([this.#leases?.close(), this.#approximate?.close()]);
  }

  #leased(answers: readonly (LimitAnswer | null)[], nowUs: number): SavedSpend {
    return { result: { allowed: true, answers, nowUs: nowUs + this.#storeAheadUs, source: 'lease' } };
  }

  #refused(answers: readonly (LimitAnswer | null)[], nowUs: number): SavedSpend {
    const result = { allowed: false, answers, nowUs: nowUs + this.#storeAheadUs, source: 'deny-cache' } as const;
    return { result: answers.includes(null) ? { ...result, incomplete: true } : result };
  }

  #deniedHere(request: LimitRequest, nowUs: number): LimitAnswer | null {
    if (request.terms.approximate && this.#approximate) return this.#approximate.deny(request, nowUs);
    const denied = this.#denials?.find(request, nowUs) ?? null;
    // Units at hand may cover what the store has not.
    return denied && (this.#leases?.left(request, nowUs) ?? 0) < request.cost ? denied : null;
  }

  /** The denial is certain. Limits that are not enforced are spent on their own all the same: their totals stay true. */
  #deny(spend: Spend, nowUs: number): SavedSpend | Promise<SavedSpend> {
    const answers = spend.map((request) => this.#deniedHere(request, nowUs));
    const own = spend.filter(({ mode }) => mode !== 'enforce');
    if (own.length === 0) return this.#refused(answers, nowUs);
    const spent = this.#spendParts(own, nowUs);
    const merge = (saved: SavedSpend): SavedSpend => {
      if ('degraded' in saved) return this.#refused(answers, nowUs);
      const told = saved.result.answers.values();
      const all = spend.map(({ mode }, index) => (mode === 'enforce' ? (answers[index] ?? null) : next(told)));
      return this.#refused(all, nowUs);
    };
    return spent instanceof Promise ? spent.then(merge) : merge(spent);
  }

  /** Takes from leases what they have, and asks the store for the rest. */
  #spendParts(spend: Spend, nowUs: number): SavedSpend | Promise<SavedSpend> {
    const parts = spend.map((request) => this.#partOf(request, nowUs));
    const asked: LimitRequest[] = [];
    for (const part of parts) if (part.asked) asked.push(part.asked);
    if (asked.length === 0) return this.#leased(this.#withLeft(parts, [], nowUs), nowUs);
    const spent = this.#guarded.spend(asked);
    if (spent instanceof Promise) return spent.then((late) => this.#settle(parts, late, nowUs));
    return this.#settle(parts, spent, nowUs);
  }

  #partOf(request: LimitRequest, nowUs: number): Part {
    if (request.terms.approximate && this.#approximate) {
      const answer = this.#approximate.spend(request, nowUs);
      return { request, taken: 0, asked: answer ? null : request, answer };
    }
    const leases = this.#leases;
    if (!leases) return { request, taken: 0, asked: request, answer: null };
    const taken = leases.takePart(request, nowUs);
    if (allOf(request, taken)) return { request, taken, asked: null, answer: null };
    const rest = taken > 0 ? { ...request, cost: request.cost - taken } : request;
    return { request, taken, asked: leases.prepare(rest, nowUs), answer: null };
  }

  #putBack({ request, taken, answer }: Part, nowUs: number): void {
    this.#leases?.putBack(request, taken, nowUs);
    if (answer?.allowed) this.#approximate?.putBack(request, nowUs);
  }

  #settle(parts: readonly Part[], spent: GuardedSpend, sentUs: number): SavedSpend | Promise<SavedSpend> {
    const result = 'result' in spent ? spent.result : null;
    this.#tell(parts, result, sentUs);
    // Nearly always nothing is at hand, and there is nothing to say beside the store's own answer.
    if (result?.allowed && !this.#leases?.isOpen && result.answers.length === parts.length) return spent;
    const nowUs = this.#clock.monotonicUs();
    if (!result) {
      for (const part of parts) this.#putBack(part, nowUs);
      return spent;
    }
    this.#storeAheadUs = result.nowUs - nowUs;
    if (!result.allowed) {
      this.#denied(parts, result, { sentUs, answeredUs: nowUs });
      const again = this.#comeSince(parts, result, nowUs);
      if (again) return this.#spendParts(again, nowUs);
    }
    return { result: { ...result, answers: this.#withLeft(parts, result.answers, nowUs) } };
  }

  /**
   * The spend to ask once more, where units have come meanwhile that the store had set aside for an earlier request when it
   * denied this one. Only where it is the only limit, so that nothing is spent twice; and with no part of a lease in it, so
   * that it is asked once more and not for ever.
   */
  #comeSince([only, ...others]: readonly Part[], { answers }: SpendResult, nowUs: number): Spend | null {
    if (!only || !this.#leases || others.length > 0 || only.request.mode !== 'enforce' || only.taken > 0) return null;
    const left = this.#leases.left(only.request, nowUs);
    return left > 0 && left + (answers[0]?.remaining ?? 0) >= only.request.cost ? [only.request] : null;
  }

  /** Leases and copies learn what the store has said. */
  #tell(parts: readonly Part[], result: SpendResult | null, sentUs: number): void {
    let at = 0;
    for (const { asked } of parts) {
      if (!asked) continue;
      const answer = result?.answers[at] ?? null;
      at += 1;
      if (!asked.terms.approximate) this.#leases?.settle(asked, { answer, sentUs, storeUs: result?.nowUs ?? 0 });
      else if (result && answer) this.#approximate?.learn(asked, answer, result.nowUs);
    }
  }

  /** Nothing enforced stays taken, and what certainly denies for a while is remembered. */
  #denied(parts: readonly Part[], result: SpendResult, exchange: { sentUs: number; answeredUs: number }): void {
    let at = 0;
    for (const part of parts) {
      const { request, asked } = part;
      if (request.mode === 'enforce') this.#putBack(part, exchange.answeredUs);
      const answer = asked ? result.answers[at++] : null;
      // A counter that is asked twice has denied with what the first one took.
      const isOnly = parts.every(
        (other) => other.request === request || other.request.key.policy !== request.key.policy,
      );
      if (answer && isOnly) this.#denials?.remember(request, answer, exchange);
    }
  }

  /** One answer per limit: the store's, with what is at hand beside it. */
  #withLeft(parts: readonly Part[], answers: readonly LimitAnswer[], nowUs: number): (LimitAnswer | null)[] {
    const told = answers.values();
    return parts.map(({ request, asked, answer: copied }) => {
      if (copied) return copied;
      const answer = asked ? next(told) : null;
      if (asked && !answer) return null;
      return this.#leases?.answerWith(request, answer, nowUs) ?? answer;
    });
  }
}

const next = <Item>(items: IterableIterator<Item>): Item | null => {
  const { done, value } = items.next();
  return done ? null : (value ?? null);
};

export interface SavingOptions {
  readonly guarded: GuardedStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** Default true. */
  readonly leases?: boolean;
  /** Default true. */
  readonly denyCache?: boolean;
}

/** With what saves calls to the guarded store, as far as that is wanted. A store without I/O has no calls to save. */
export const savingStore = ({
  guarded,
  clock,
  random,
  leases = true,
  denyCache = true,
}: SavingOptions): SavingStore => {
  const saves = !guarded.immediate;
  return new SavingStore({
    guarded,
    clock,
    ...(saves && denyCache ? { denials: new DenyCache() } : {}),
    ...(saves && leases ? { leases: new LeaseBook({ office: guarded, clock, random }) } : {}),
    ...(saves ? { approximate: new ApproximateBook({ office: guarded, clock }) } : {}),
  });
};
