/** Slots of a segment that is first used. */
const leastSlots = 4;
/** Positions are taken from 16 bits of a hash. */
const mostSlots = 65_535;
/** A segment is made larger beyond this share of used slots, by a third: memory follows need closely. */
const fullShare = 0.75;
const growth = 1.3;
/** Below this share it is made smaller, when it is swept. */
const sparseShare = 0.3;

const emptySegment = new Int32Array(0);

/** Every slot begins with its end and what it means; the key follows. */
export const expiryAt = 0;
/** 0: the slot is free. The lowest ten bits are the milliseconds of the end. */
export const metaAt = 1;
export const keyAt = 2;
export const millisecondBits = 10;

/** Whether what is in the slot has not ended. */
export const isInForce = (segment: Int32Array, slot: number, nowMs: number): boolean =>
  ((segment[slot + expiryAt] ?? 0) >>> 0) * 1000 + ((segment[slot + metaAt] ?? 0) & 1023) > nowMs;

/** When what is in the slot ends. */
export const expiryMsIn = (segment: Int32Array, slot: number): number =>
  ((segment[slot + expiryAt] ?? 0) >>> 0) * 1000 + ((segment[slot + metaAt] ?? 0) & 1023);

export interface SegmentTableShape {
  /** Words of a key, 1 or 2. */
  readonly keyWords: 1 | 2;
  /** There are two to the power of this many segments, at most 16. */
  readonly segmentBits: number;
}

/**
 * Numbers in typed arrays with open addressing, cut into segments by their hash: a segment grows on its own, so that no
 * insert waits longer than some thousand slots take to copy. A removal closes its gap; there are no markers to sweep.
 */
export abstract class SegmentTable {
  /** Of the last slot that was found or made. */
  segment: Int32Array = emptySegment;
  /** The hash of the last key that was looked for. */
  hash = 0;
  /** Grows when slots may have been given another meaning. */
  generation = 0;
  readonly stride: number;
  readonly segmentCount: number;
  protected readonly segments: Int32Array[];
  readonly #counts: Uint32Array;
  #size = 0;

  constructor({ keyWords, segmentBits }: SegmentTableShape) {
    this.stride = keyAt + keyWords;
    this.segmentCount = 1 << segmentBits;
    this.segments = new Array<Int32Array>(this.segmentCount).fill(emptySegment);
    this.#counts = new Uint32Array(this.segmentCount);
  }

  get size(): number {
    return this.#size;
  }

  /** All of one segment, for whoever walks through all: slots whose meta is 0 are free. */
  segmentAt(index: number): Int32Array {
    return this.segments[index] ?? emptySegment;
  }

  /** Of the used slot in this segment: the number whose upper half says where it would best be. */
  protected abstract placeOf(segment: Int32Array, slot: number): number;

  /** Room for one more: its slot, whose meta is 0 until the caller has filled it. -1: there is none. */
  protected claim(index: number, place: number): number {
    const used = this.#counts[index] ?? 0;
    const slots = this.segmentAt(index).length / this.stride;
    if (used + 1 > slots * fullShare) {
      if (slots >= mostSlots) return -1;
      this.#resize(index, Math.max(leastSlots, Math.ceil(slots * growth)));
    }
    this.#counts[index] = used + 1;
    this.#size += 1;
    const segment = this.segmentAt(index);
    this.segment = segment;
    return this.#freeSlot(segment, place);
  }

  /** Takes the slot's content away, and moves what had to go further because of it. */
  protected release(index: number, slot: number): void {
    const segment = this.segmentAt(index);
    const { stride } = this;
    const { length } = segment;
    let hole = slot;
    let next = slot;
    for (;;) {
      next += stride;
      if (next >= length) next = 0;
      if (segment[next + metaAt] === 0) break;
      const best = this.#slotOf(segment, this.placeOf(segment, next));
      // It may move into the hole unless that is before the place where it would best be, going around.
      const isBetween = hole <= next ? best > hole && best <= next : best > hole || best <= next;
      if (isBetween) continue;
      segment.copyWithin(hole, next, next + stride);
      hole = next;
    }
    segment.fill(0, hole, hole + stride);
    this.#counts[index] = (this.#counts[index] ?? 1) - 1;
    this.#size -= 1;
  }

  /** Removes what has ended, telling the meta of each. Gives the number of slots it has looked at. */
  sweep(index: number, nowMs: number, ended: (meta: number, slot: number) => void): number {
    const segment = this.segmentAt(index);
    for (let slot = segment.length - this.stride; slot >= 0; slot -= this.stride) {
      // The gap may be filled by another one that has ended.
      while (segment[slot + metaAt] !== 0 && !isInForce(segment, slot, nowMs)) {
        ended(segment[slot + metaAt] ?? 0, slot);
        this.release(index, slot);
      }
    }
    const slots = segment.length / this.stride;
    const used = this.#counts[index] ?? 0;
    if (slots > leastSlots && used < slots * sparseShare) {
      this.#resize(index, used === 0 ? 0 : Math.max(leastSlots, Math.ceil(used / 0.6)));
    }
    return slots;
  }

  #slotOf(segment: Int32Array, place: number): number {
    return (Math.imul(place >>> 16, segment.length / this.stride) >>> 16) * this.stride;
  }

  #freeSlot(segment: Int32Array, place: number): number {
    let slot = this.#slotOf(segment, place);
    while (segment[slot + metaAt] !== 0) {
      slot += this.stride;
      if (slot >= segment.length) slot = 0;
    }
    return slot;
  }

  #resize(index: number, slots: number): void {
    const old = this.segmentAt(index);
    const { stride } = this;
    const next = slots === 0 ? emptySegment : new Int32Array(Math.min(slots, mostSlots) * stride);
    this.segments[index] = next;
    for (let slot = 0; slot < old.length; slot += stride) {
      if (old[slot + metaAt] === 0) continue;
      const free = this.#freeSlot(next, this.placeOf(old, slot));
      for (let word = 0; word < stride; word += 1) next[free + word] = old[slot + word] ?? 0;
    }
  }
}
