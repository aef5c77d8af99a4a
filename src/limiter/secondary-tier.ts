import type { Clock } from '../clock.ts';
import { GuardedStore } from './guarded-store.ts';
import type { LimitAnswer, LimitRequest, LimitReturn, LimitStore, Spend, SpendResult } from './limit-store.ts';
import { subjectOf } from './subject.ts';

export interface SecondaryTierOptions {
  /** Asked while the primary store is left alone: a second server, or a replica of the first. */
  readonly store: LimitStore;
  /** Counters of this process, which decide when the secondary may only be read. */
  readonly local: LimitStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** For one decision, milliseconds, whatever it has to ask. Default 20. */
  readonly deadlineMs?: number;
  /** Counters remembered as seeded. Default 100,000. */
  readonly maxSeeds?: number;
}

/** A limit that is decided here when need be. */
export interface LocalShare {
  /** As it was asked of the primary. */
  readonly whole: LimitRequest;
  /** As it is asked here: this gate's share of the limit. */
  readonly share: LimitRequest;
}

export interface SecondaryQuestion {
  readonly spend: Spend;
  readonly shares: readonly LocalShare[];
}

/**
 * A writable secondary has decided, or one that may only be read has said what it knows: the local counters start from
 * there. Null: it is of no use now.
 */
export type SecondaryAnswer = { readonly result: SpendResult } | { readonly degraded: 'read-only' } | null;

const readOnly = { degraded: 'read-only' } as const;

/** No lease: the secondary is asked for as long as the primary is away, and its leases would outlive that. */
const withoutLease = (request: LimitRequest): LimitRequest =>
  request.leaseUnits === undefined ? request : { ...request, leaseUnits: 0 };

const seedName = ({ key }: LimitRequest): string => `${key.policy}\n${subjectOf(key)}`;

/** Units of a share that are gone when `remaining` of the whole are left: to the nearest unit. */
const usedOfShare = (whole: LimitRequest, share: LimitRequest, remaining: number): number =>
  Math.round((1 - Math.min(1, remaining / whole.terms.capacity)) * share.terms.capacity);

/**
 * The tier between the primary store and the counters of this process. A replica that stands in for its primary answers
 * READONLY: it is then read once per counter, so that a client who had used up its limit finds the local one used up too.
 * Places of concurrency limits are not carried over, since nobody would release them here.
 */
export class SecondaryTier {
  readonly #options: SecondaryTierOptions;
  readonly #writes: GuardedStore;
  /** Guarded apart: that it cannot be written says nothing of reading. */
  readonly #reads: GuardedStore;
  /** Counters whose local share has been seeded (null) or is being seeded. In order of seeding. */
  readonly #seeds = new Map<string, Promise<void> | null>();
  #isReadOnly = false;
  #isStale = false;

  constructor(options: SecondaryTierOptions) {
    const { store, clock, random, deadlineMs = 20 } = options;
    this.#options = options;
    this.#writes = new GuardedStore({ store, clock, random, deadlineMs });
    this.#reads = new GuardedStore({ store, clock, random, deadlineMs });
  }

  /** Whether the secondary is one that may only be read, as last known. */
  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  /** Counters remembered as seeded. */
  get seeds(): number {
    return this.#seeds.size;
  }

  /** The primary has answered: what was read before it did is out of date when it fails again. */
  primaryAnswered(): void {
    this.#isStale = true;
  }

  /** Takes the spend, or prepares the local counters for it. Never rejects. */
  ask(question: SecondaryQuestion): SecondaryAnswer | Promise<SecondaryAnswer> {
    if (this.#isStale) {
      this.#isStale = false;
      this.#seeds.clear();
    }
    const startedUs = this.#options.clock.monotonicUs();
    const written = this.#writes.spend(question.spend.map(withoutLease));
    if (written instanceof Promise) return written.then((late) => this.#answer(late, question, startedUs));
    return this.#answer(written, question, startedUs);
  }

  /** Gives units back that it had decided on. Never rejects. */
  giveBack(returns: readonly LimitReturn[]): Promise<void> {
    return this.#writes.giveBack(returns);
  }

  #answer(
    written: Awaited<ReturnType<GuardedStore['spend']>>,
    { shares }: SecondaryQuestion,
    startedUs: number,
  ): SecondaryAnswer | Promise<SecondaryAnswer> {
    if ('result' in written) {
      // A denial writes nothing: a replica can say so as well, and has not become writable by it.
      if (written.result.allowed) this.#isReadOnly = false;
      return written;
    }
    // Left alone since it cannot be written: it is still the one it was.
    if (written.degraded !== 'breaker-open') this.#isReadOnly = written.degraded === 'read-only';
    if (!this.#isReadOnly) return null;
    const seeding = this.#seed(shares);
    if (seeding.length === 0) return readOnly;
    const { clock, deadlineMs = 20 } = this.#options;
    const leftMs = deadlineMs - (clock.monotonicUs() - startedUs) / 1000;
    return new Promise((resolve) => {
      const deadline = clock.schedule(Math.max(0, leftMs), () => resolve(readOnly));
      void Promise.all(seeding).then(() => {
        deadline.cancel();
        resolve(readOnly);
      });
    });
  }

  /** What has to be waited for until the local counters of these limits are what the secondary knows of them. */
  #seed(shares: readonly LocalShare[]): Promise<void>[] {
    const waits: Promise<void>[] = [];
    const unknown: LocalShare[] = [];
    for (const one of shares) {
      if (one.whole.terms.algorithm === 'concurrency') continue;
      const seeding = this.#seeds.get(seedName(one.whole));
      if (seeding === undefined) unknown.push(one);
      else if (seeding !== null) waits.push(seeding);
    }
    if (unknown.length === 0) return waits;
    const spend = unknown.map(({ whole }): LimitRequest => ({ ...withoutLease(whole), cost: 0, mode: 'shadow' }));
    const asked = this.#reads.spend(spend);
    if (!(asked instanceof Promise)) {
      if ('result' in asked) waits.push(this.#plant(unknown, asked.result.answers));
      return waits;
    }
    const seeding = asked.then((read) => {
      if ('result' in read) return this.#plant(unknown, read.result.answers);
      // Not known yet: the next request asks again.
      for (const { whole } of unknown) this.#seeds.delete(seedName(whole));
      return undefined;
    });
    for (const { whole } of unknown) this.#remember(seedName(whole), seeding);
    return [...waits, seeding];
  }

  /** Lowers local counters to what the secondary has left. One that is lower already stays. */
  async #plant(shares: readonly LocalShare[], answers: readonly LimitAnswer[]): Promise<void> {
    const { local } = this.#options;
    for (const [index, { whole, share }] of shares.entries()) {
      this.#remember(seedName(whole), null);
      const [peeked] = await local.spend([[{ ...share, cost: 0, mode: 'shadow' }]]);
      const left = share.terms.capacity - usedOfShare(whole, share, answers[index]?.remaining ?? 0);
      const cost = (peeked?.answers[0]?.remaining ?? 0) - left;
      if (cost > 0) await local.spend([[{ ...share, cost, mode: 'charge' }]]);
    }
  }

  /** The oldest goes when there are too many: seeding a counter twice does no harm. */
  #remember(name: string, seeding: Promise<void> | null): void {
    const { maxSeeds = 100_000 } = this.#options;
    const [oldest] = this.#seeds.keys();
    if (this.#seeds.size >= maxSeeds && !this.#seeds.has(name) && oldest !== undefined) this.#seeds.delete(oldest);
    this.#seeds.set(name, seeding);
  }
}
