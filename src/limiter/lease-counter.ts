import type { Lease, LimitAnswer, LimitKey, LimitReturn, LimitTerms } from './limit-store.ts';

/** Units that this process may spend. */
export interface HeldLease {
  readonly id: number;
  readonly granted: number;
  /** The store's clock when it was granted. */
  readonly grantedAtUs: number;
  /** By the monotonic clock of this process, before the store's own expiry. */
  readonly expiresUs: number;
  left: number;
}

/** Clocks of two machines differ in speed, and a process may be held up between looking at the time and acting on it. */
const marginUs = 20_000;
/** The rate is measured over at least this long: a shorter burst says little of the next. */
const measureUs = 10_000;
/** What a lease should last for at the measured rate. */
const worthSeconds = 0.1;
/** A lease takes at most this share of a bucket, however hot it is. The store may grant less. */
const mostOfCapacity = 0.25;
/** The next lease is fetched when this share of the present one is left. */
const renewShare = 0.25;

/**
 * One hot counter and what of it has been lent to this process: at most two leases, of which the earlier one is spent
 * first. Pure bookkeeping: it asks nobody.
 */
export class LeaseCounter {
  readonly key: LimitKey;
  readonly terms: LimitTerms;
  /** A lease has been asked for and the answer is not here yet. */
  isAsking = false;
  /** No lease is asked for before. */
  askAfterUs = 0;
  lastSpentUs: number;
  #held: HeldLease | null = null;
  #next: HeldLease | null = null;
  /** What the store said last is left with it. */
  #remaining = 0;
  #renewBelow = 0;
  #ratePerSecond: number;
  #measuredUs: number;
  #spent = 0;
  #requests = 0;
  #countedUs: number;

  constructor(key: LimitKey, terms: LimitTerms, { ratePerSecond, nowUs }: { ratePerSecond: number; nowUs: number }) {
    this.key = key;
    this.terms = terms;
    this.lastSpentUs = nowUs;
    this.#measuredUs = nowUs;
    this.#countedUs = nowUs;
    this.#ratePerSecond = ratePerSecond;
  }

  /** Units at hand. */
  left(nowUs: number): number {
    return usable(this.#held, nowUs) + usable(this.#next, nowUs);
  }

  /** Whether fewer requests than this came per second since it was last asked, a second ago or more. */
  coolsBelow(perSecond: number, nowUs: number): boolean {
    const elapsedUs = nowUs - this.#countedUs;
    if (elapsedUs < 1_000_000) return false;
    const cools = (this.#requests * 1_000_000) / elapsedUs < perSecond;
    this.#requests = 0;
    this.#countedUs = nowUs;
    return cools;
  }

  /** Whether another lease should be on its way before this one has run out. */
  get wantsMore(): boolean {
    return this.#next === null && !this.isAsking && (this.#held?.left ?? 0) <= this.#renewBelow;
  }

  get holdsNothing(): boolean {
    return this.#held === null && this.#next === null;
  }

  /** Takes units that are at hand, of the earlier lease first. Answers which leases are done with, if any. */
  take(units: number, nowUs: number): LimitReturn[] | null {
    this.#requests += 1;
    this.#spent += units;
    this.lastSpentUs = nowUs;
    const held = this.#held;
    if (!held || held.left <= units || nowUs >= held.expiresUs) return this.#takeAcross(units, nowUs);
    held.left -= units;
    return null;
  }

  /** Units were spent that came from the store itself. */
  noteSpent(units: number, nowUs: number): void {
    this.#requests += 1;
    this.#spent += units;
    this.lastSpentUs = nowUs;
  }

  /** Puts units back that were taken for nothing. False: no lease has room for them any more. */
  putBack(units: number, nowUs: number): boolean {
    for (const lease of [this.#held, this.#next]) {
      if (!lease || nowUs >= lease.expiresUs || lease.left + units > lease.granted) continue;
      lease.left += units;
      return true;
    }
    return false;
  }

  /** How many units to ask for: what is spent in a tenth of a second, within a quarter of the bucket. */
  wanted(nowUs: number): number {
    this.#measure(nowUs);
    const most = Math.floor(this.terms.capacity * mostOfCapacity);
    return Math.min(Math.ceil(this.#ratePerSecond * worthSeconds), most);
  }

  noteRemaining(remaining: number): void {
    this.#remaining = remaining;
  }

  /** `sentUs`: when it was asked for, since the store's own time runs from a moment after that. */
  add({ id, units, expiresAfterUs }: Lease, { sentUs, grantedAtUs }: { sentUs: number; grantedAtUs: number }): void {
    const lease = { id, granted: units, grantedAtUs, expiresUs: sentUs + expiresAfterUs - marginUs, left: units };
    if (this.#held) this.#next = lease;
    else this.#held = lease;
    this.#renewBelow = Math.floor(units * renewShare);
  }

  /** Gives up leases that end before `untilUs`, and what is unspent of them. */
  release(untilUs: number): LimitReturn[] {
    const released: LimitReturn[] = [];
    if (this.#next && this.#next.expiresUs < untilUs) {
      released.push(this.#returnOf(this.#next));
      this.#next = null;
    }
    if (this.#held && this.#held.expiresUs < untilUs) {
      released.push(this.#returnOf(this.#held));
      this.#held = this.#next;
      this.#next = null;
    }
    return released;
  }

  /** How an admission looks that asked nobody. */
  answer(): LimitAnswer {
    const { capacity, periodUs } = this.terms;
    const left = (this.#held?.left ?? 0) + (this.#next?.left ?? 0);
    const remaining = Math.min(capacity, this.#remaining + left);
    return { allowed: true, remaining, resetAfterUs: (capacity - remaining) * periodUs, retryAfterUs: 0, delayUs: 0 };
  }

  #takeAcross(units: number, nowUs: number): LimitReturn[] {
    const ended: LimitReturn[] = [];
    let owed = units;
    for (let lease = this.#held; lease; lease = this.#held) {
      const taken = Math.min(owed, usable(lease, nowUs));
      lease.left -= taken;
      owed -= taken;
      if (lease.left > 0 && nowUs < lease.expiresUs) break;
      // One that is empty no longer occupies the bucket once the store knows.
      ended.push(this.#returnOf(lease));
      this.#held = this.#next;
      this.#next = null;
    }
    return ended;
  }

  #returnOf({ id, left, grantedAtUs }: HeldLease): LimitReturn {
    return { key: this.key, terms: this.terms, cost: left, spentAtUs: grantedAtUs, lease: id };
  }

  /** A rate that rises is believed at once, one that falls by halves. */
  #measure(nowUs: number): void {
    const elapsedUs = nowUs - this.#measuredUs;
    if (elapsedUs < measureUs) return;
    const sample = (this.#spent * 1_000_000) / elapsedUs;
    this.#ratePerSecond = sample > this.#ratePerSecond ? sample : (sample + this.#ratePerSecond) / 2;
    this.#spent = 0;
    this.#measuredUs = nowUs;
  }
}

const usable = (lease: HeldLease | null, nowUs: number): number => (lease && nowUs < lease.expiresUs ? lease.left : 0);
