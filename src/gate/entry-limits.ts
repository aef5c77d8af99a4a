import type { BlockAction } from '../blocklist/block.ts';
import type { BlockEntry } from '../blocklist/block-feed.ts';

/** What a block lets through, where it is no refusal. */
type LimitAction = Extract<BlockAction, { readonly kind: 'limit' }>;

/** A window is counted in so many parts, and one is over when all its parts are: up to a part of it late, never early. */
const partsPerWindow = 16;
const cells = partsPerWindow + 1;

/** Entries that let so many requests through have counted this one. */
export interface Counted {
  readonly kind: 'counted';
  readonly subjectKeys: readonly string[];
}

/** The requests of one entry in the last window, in this process. It is also what is said where it alone counts. */
export class EntryCounter implements Counted {
  readonly kind = 'counted';
  readonly subjectKey: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly subjectKeys: readonly string[];
  readonly #partMs: number;
  readonly #counts = new Float64Array(cells);
  /** The newest part that is counted, parts since the epoch. */
  #newest = 0;
  #total = 0;

  constructor(subjectKey: string, { limit, windowMs }: LimitAction) {
    this.subjectKey = subjectKey;
    this.subjectKeys = [subjectKey];
    this.limit = limit;
    this.windowMs = windowMs;
    this.#partMs = windowMs > 1 ? Math.ceil(windowMs / partsPerWindow) : 1;
  }

  /** Until one more request fits beside those of the last window, milliseconds; 0: now. Infinite: none ever does. */
  waitMs(share: number, nowMs: number): number {
    this.#moveTo(nowMs);
    if (this.#total < share) return 0;
    if (!(share >= 1)) return Number.POSITIVE_INFINITY;
    let left = this.#total;
    for (let part = this.#newest - partsPerWindow; part <= this.#newest; part += 1) {
      left -= this.#counts[part % cells] as number;
      if (left < share) return Math.max(1, (part + cells) * this.#partMs - nowMs);
    }
    return this.windowMs;
  }

  /** Counts one request that is let through: {@link waitMs} has just been asked. */
  count(): void {
    const cell = this.#newest % cells;
    this.#counts[cell] = (this.#counts[cell] as number) + 1;
    this.#total += 1;
  }

  /** Forgets the parts that are over. A clock that was set back by less than a window goes on where it was. */
  #moveTo(nowMs: number): void {
    const now = Math.floor(nowMs / this.#partMs);
    if (now === this.#newest) return;
    const passed = now - this.#newest;
    if (passed >= cells || passed < -partsPerWindow) {
      this.#counts.fill(0);
      this.#total = 0;
      this.#newest = now;
      return;
    }
    while (this.#newest < now) {
      this.#newest += 1;
      const cell = this.#newest % cells;
      this.#total -= this.#counts[cell] as number;
      this.#counts[cell] = 0;
    }
  }
}

const maxCounters = 10_000;

/**
 * Counters of entries that let some requests through. No interval of `windowMs` lets through more than the limit's share of
 * this gate, and so all gates together no more than `limit + gates - 1`, while they agree on how many they are. Bounded:
 * the one that let a request through longest ago is forgotten first, and begins anew.
 */
export class EntryLimits {
  readonly #counters = new Map<string, EntryCounter>();
  readonly #maxCounters: number;
  #forgotten = 0;

  constructor({ max = maxCounters }: { readonly max?: number } = {}) {
    this.#maxCounters = max;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** Counters given up for lack of room. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The counter of an entry. An entry whose limit was changed is counted anew. */
  of({ subjectKey }: BlockEntry, action: LimitAction): EntryCounter {
    const known = this.#counters.get(subjectKey);
    if (known && known.limit === action.limit && known.windowMs === action.windowMs) return known;
    const made = new EntryCounter(subjectKey, action);
    if (!known) this.#makeRoom();
    this.#counters.set(subjectKey, made);
    return made;
  }

  /** Counts a request that is let through. */
  count(counter: EntryCounter): void {
    counter.count();
    // Behind all others, once there are so many that some may have to go.
    if (this.#counters.size <= this.#maxCounters / 2) return;
    this.#counters.delete(counter.subjectKey);
    this.#counters.set(counter.subjectKey, counter);
  }

  #makeRoom(): void {
    if (this.#counters.size < this.#maxCounters) return;
    const oldest = this.#counters.keys().next();
    if (oldest.done) return;
    this.#counters.delete(oldest.value);
    this.#forgotten += 1;
  }
}
