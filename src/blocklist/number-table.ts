import { bestOf, keyAt, SegmentTable, type SegmentTableShape, tagOf } from './segment-table.ts';

export interface NumberTableShape extends SegmentTableShape {
  /** Secret of this process, so that nobody can choose keys that meet in one place. */
  readonly seed: number;
}

/** Slots by one or two numbers of 32 bits, signed. */
export class NumberTable extends SegmentTable {
  readonly #seed: number;
  readonly #isWide: boolean;

  constructor(shape: NumberTableShape) {
    super(shape);
    this.#seed = shape.seed | 0;
    this.#isWide = shape.keyWords === 2;
  }

  /** The slot of this key, in {@link segment}, or -1. */
  find(word0: number, word1: number): number {
    const hash = this.#hashOf(word0, word1);
    this.hash = hash;
    const index = hash & (this.segmentCount - 1);
    const tags = this.tags[index];
    if (tags === undefined) return -1;
    const slots = tags.length;
    if (slots === 0) return -1;
    const wanted = tagOf(hash);
    let at = bestOf(hash, slots);
    for (let tag = tags[at]; tag !== 0; tag = tags[at]) {
      if (tag === wanted) {
        const segment = this.segments[index] as Int32Array;
        const slot = at * this.stride;
        if (segment[slot + keyAt] === word0 && (!this.#isWide || segment[slot + keyAt + 1] === word1)) {
          this.segment = segment;
          return slot;
        }
      }
      at += 1;
      if (at === slots) at = 0;
    }
    return -1;
  }

  /** The slot of this key, made where there is none: then its meta is 0 until the caller sets it. -1: no room. */
  put(word0: number, word1: number): number {
    const found = this.find(word0, word1);
    if (found >= 0) return found;
    const { hash } = this;
    const slot = this.claim({ index: hash & (this.segmentCount - 1), place: hash, tag: tagOf(hash) });
    if (slot < 0) return slot;
    this.segment[slot + keyAt] = word0;
    if (this.#isWide) this.segment[slot + keyAt + 1] = word1;
    return slot;
  }

  /** What {@link find} has just found goes. */
  remove(slot: number): void {
    this.release(this.hash & (this.segmentCount - 1), slot);
  }

  protected override placeOf(segment: Int32Array, slot: number): number {
    return this.#hashOf(segment[slot + keyAt] ?? 0, this.#isWide ? (segment[slot + keyAt + 1] ?? 0) : 0);
  }

  #hashOf(word0: number, word1: number): number {
    let hash = Math.imul(word0 ^ this.#seed, 0x9e3779b1);
    if (this.#isWide) hash = Math.imul((hash ^ (hash >>> 15)) + word1, 0x85ebca6b);
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 13;
    return Math.imul(hash, 0x27d4eb2f);
  }
}
