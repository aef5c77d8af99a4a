export interface HeavyHittersOptions {
  /** Keys watched at the same time. Default 256. */
  readonly counters?: number;
  /** Every count halves this often, milliseconds. Default 1,000. */
  readonly halvingMs?: number;
}

/** What is known of one key. The true count lies within `count - error` and `count`. */
export interface HeavyHitter {
  readonly count: number;
  readonly error: number;
}

/** No slot, no bucket. */
const none = -1;

/**
 * Finds the keys that come most often, in bounded memory: the Space-Saving sketch of Metwally, Agrawal and El Abbadi (2005)
 * over its Stream-Summary, where keys of equal count share a bucket and the buckets stand in order. An update moves one key
 * to the next bucket, whatever the number of keys.
 *
 * Bound: with k counters after n updates, `error <= n / k`, and every key that came more often than n / k is watched. Counts
 * halve once per interval, and so does n; being whole they round outwards, which adds 2 to the bound at most.
 */
export class HeavyHitters {
  readonly #halvingUs: number;
  readonly #capacity: number;
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #errors: Int32Array;
  /** Of each slot: its bucket, and its neighbours there. */
  readonly #bucketOf: Int32Array;
  readonly #nextSlot: Int32Array;
  readonly #previousSlot: Int32Array;
  /** Of each bucket: what its keys count, one of them, and the buckets below and above. */
  readonly #counts: Float64Array;
  readonly #firstSlot: Int32Array;
  readonly #above: Int32Array;
  readonly #below: Int32Array;
  readonly #freeBuckets: number[] = [];
  #lowest = none;
  /** Null before the first update. */
  #halvedAtUs: number | null = null;

  constructor({ counters = 256, halvingMs = 1000 }: HeavyHittersOptions = {}) {
    this.#halvingUs = halvingMs * 1000;
    this.#capacity = counters;
    this.#errors = new Int32Array(counters);
    this.#bucketOf = new Int32Array(counters);
    this.#nextSlot = new Int32Array(counters);
    this.#previousSlot = new Int32Array(counters);
    // One more than slots: a key that leaves a bucket of its own may need the next one before that is free.
    this.#counts = new Float64Array(counters + 1);
    this.#firstSlot = new Int32Array(counters + 1);
    this.#above = new Int32Array(counters + 1);
    this.#below = new Int32Array(counters + 1);
    for (let bucket = counters; bucket >= 0; bucket -= 1) this.#freeBuckets.push(bucket);
  }

  /** Keys watched now. */
  get size(): number {
    return this.#slots.size;
  }

  /** Counts one occurrence at `nowUs`, which never goes back, and says how often the key comes at least, per second. */
  update(key: string, nowUs: number): number {
    const sinceHalvingUs = this.#sinceHalvingUs(nowUs);
    const known = this.#slots.get(key);
    const slot = known ?? this.#admit(key);
    if (known !== undefined) this.#raise(slot);
    return this.#leastPerSecond(slot, sinceHalvingUs);
  }

  /** Null: not watched, so it came no more often than the least of those that are. */
  find(key: string): HeavyHitter | null {
    const slot = this.#slots.get(key);
    return slot === undefined ? null : { count: this.#countOf(slot), error: this.#errors[slot] ?? 0 };
  }

  /** A steady rate r counts r just after a halving and 2 r just before the next one. */
  #leastPerSecond(slot: number, sinceHalvingUs: number): number {
    const least = this.#countOf(slot) - (this.#errors[slot] ?? 0);
    return (least * 1_000_000) / (this.#halvingUs + sinceHalvingUs);
  }

  #countOf(slot: number): number {
    return this.#counts[this.#bucketOf[slot] ?? 0] ?? 0;
  }

  /** A new key takes a free slot or that of a key with the least count, whose count it inherits as its error. */
  #admit(key: string): number {
    if (this.#keys.length < this.#capacity) {
      const slot = this.#keys.push(key) - 1;
      this.#slots.set(key, slot);
      this.#enter(slot, this.#bucketAt(1, none));
      return slot;
    }
    const slot = this.#firstSlot[this.#lowest] ?? 0;
    this.#slots.delete(this.#keys[slot] ?? '');
    this.#slots.set(key, slot);
    this.#keys[slot] = key;
    this.#errors[slot] = this.#countOf(slot);
    this.#raise(slot);
    return slot;
  }

  #raise(slot: number): void {
    const bucket = this.#bucketOf[slot] ?? 0;
    const count = (this.#counts[bucket] ?? 0) + 1;
    const above = this.#above[bucket] ?? none;
    const alone = this.#firstSlot[bucket] === slot && this.#nextSlot[slot] === none;
    if (alone && (above === none || this.#counts[above] !== count)) {
      this.#counts[bucket] = count;
      return;
    }
    this.#leave(slot, bucket);
    this.#enter(slot, this.#bucketAt(count, bucket));
    if (alone) this.#free(bucket);
  }

  /** The bucket of this count, which is the one above `below` or missing there. `none`: the lowest. */
  #bucketAt(count: number, below: number): number {
    const above = below === none ? this.#lowest : (this.#above[below] ?? none);
    if (above !== none && this.#counts[above] === count) return above;
    const made = this.#freeBuckets.pop() ?? 0;
    this.#counts[made] = count;
    this.#firstSlot[made] = none;
    this.#link(below, made);
    this.#link(made, above);
    return made;
  }

  #link(below: number, above: number): void {
    if (below === none) this.#lowest = above;
    else this.#above[below] = above;
    if (above !== none) this.#below[above] = below;
  }

  #free(bucket: number): void {
    this.#link(this.#below[bucket] ?? none, this.#above[bucket] ?? none);
    this.#freeBuckets.push(bucket);
  }

  #enter(slot: number, bucket: number): void {
    const next = this.#firstSlot[bucket] ?? none;
    this.#bucketOf[slot] = bucket;
    this.#nextSlot[slot] = next;
    this.#previousSlot[slot] = none;
    if (next !== none) this.#previousSlot[next] = slot;
    this.#firstSlot[bucket] = slot;
  }

  #leave(slot: number, bucket: number): void {
    const next = this.#nextSlot[slot] ?? none;
    const previous = this.#previousSlot[slot] ?? none;
    if (previous === none) this.#firstSlot[bucket] = next;
    else this.#nextSlot[previous] = next;
    if (next !== none) this.#previousSlot[next] = previous;
  }

  /** Halves as often as intervals have passed. */
  #sinceHalvingUs(nowUs: number): number {
    this.#halvedAtUs ??= nowUs;
    const sinceUs = nowUs - this.#halvedAtUs;
    if (sinceUs < this.#halvingUs) return sinceUs;
    const intervals = Math.floor(sinceUs / this.#halvingUs);
    this.#halvedAtUs += intervals * this.#halvingUs;
    this.#halve(intervals);
    return nowUs - this.#halvedAtUs;
  }

  /** Builds the order of the buckets anew: at most k log k steps per interval. */
  #halve(intervals: number): void {
    // A count of less than 2 ** 53 has nothing left to lose after so many.
    const divisor = 2 ** Math.min(intervals, 60);
    const counts = this.#keys.map((_, slot) => this.#countOf(slot));
    const order = counts.map((_, slot) => slot).sort((a, b) => (counts[a] ?? 0) - (counts[b] ?? 0));
    for (let bucket = this.#lowest; bucket !== none; bucket = this.#above[bucket] ?? none)
      this.#freeBuckets.push(bucket);
    this.#lowest = none;
    let top = none;
    for (const slot of order) {
      const count = counts[slot] ?? 0;
      const least = Math.floor((count - (this.#errors[slot] ?? 0)) / divisor);
      const halved = Math.ceil(count / divisor);
      this.#errors[slot] = halved - least;
      if (top === none || this.#counts[top] !== halved) top = this.#bucketAt(halved, top);
      this.#enter(slot, top);
    }
  }
}
