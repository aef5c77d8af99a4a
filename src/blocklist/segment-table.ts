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

/** One to 255, from the bits of a hash that choose neither the segment nor the place in it. */
export const tagOf = (hash: number): number => (hash >>> 8) & 255 || 1;

const noTags = new Uint8Array(0);

/** Where a key is to be put. */
export interface Claim {
  readonly index: number;
  /** The number whose upper half says where in the segment it would best be. */
  readonly place: number;
  readonly tag: number;
}

/**
 * Numbers in typed arrays with open addressing, cut into segments by their hash: a segment grows on its own, so that no
 * insert waits longer than some thousand slots take to copy. A removal closes its gap; there are no markers to sweep. A byte
 * for each slot, apart from the slots, tells which are worth a look: these bytes stay in the processor's cache where the
 * slots of a million entries cannot, and who is not in the table is told so by them alone.
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
  /** 0: the slot is free. */
  protected readonly tags: Uint8Array[];
  readonly #counts: Uint32Array;
  #size = 0;

  constructor({ keyWords, segmentBits }: SegmentTableShape) {
    this.stride = keyAt + keyWords;
    this.segmentCount = 1 << segmentBits;
    this.segments = new Array<Int32Array>(this.segmentCount).fill(emptySegment);
    this.tags = new Array<Uint8Array>(this.segmentCount).fill(noTags);
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

  /** Room for one more: its slot, whose meta the caller fills. -1: there is none. */
  protected claim({ index, place, tag }: Claim): number {
    const used = this.#counts[index] ?? 0;
    const slots = this.#tagsAt(index).length;
    if (used + 1 > slots * fullShare) {
      if (slots >= mostSlots) return -1;
      this.#resize(index, Math.max(leastSlots, Math.ceil(slots * growth)));
    }
    this.#counts[index] = used + 1;
    this.#size += 1;
    this.segment = this.segmentAt(index);
    const free = this.#freeIn(this.#tagsAt(index), place);
    this.#tagsAt(index)[free] = tag;
    return free * this.stride;
  }

  /** Takes the slot's content away, and moves what had to go further because of it. */
  protected release(index: number, slot: number): void {
    const segment = this.segmentAt(index);
    const tags = this.#tagsAt(index);
    const { stride } = this;
    let hole = slot / stride;
    let next = hole;
    for (;;) {
      next += 1;
      if (next >= tags.length) next = 0;
      if (tags[next] === 0) break;
      const best = bestOf(this.placeOf(segment, next * stride), tags.length);
      // It may move into the hole unless that is before the place where it would best be, going around.
      const isBetween = hole <= next ? best > hole && best <= next : best > hole || best <= next;
      if (isBetween) continue;
      segment.copyWithin(hole * stride, next * stride, (next + 1) * stride);
      tags[hole] = tags[next] ?? 0;
      hole = next;
    }
    segment.fill(0, hole * stride, (hole + 1) * stride);
    tags[hole] = 0;
    this.#counts[index] = (this.#counts[index] ?? 1) - 1;
    this.#size -= 1;
  }

  /** Removes what has ended, telling the meta and the slot of each. Gives the number of slots it has looked at. */
  sweep(index: number, nowMs: number, ended: (meta: number, slot: number) => void): number {
    const segment = this.segmentAt(index);
    for (let slot = segment.length - this.stride; slot >= 0; slot -= this.stride) {
      // The gap may be filled by another one that has ended.
      while (segment[slot + metaAt] !== 0 && !isInForce(segment, slot, nowMs)) {
        ended(segment[slot + metaAt] ?? 0, slot);
        this.release(index, slot);
      }
    }
    const slots = this.#tagsAt(index).length;
    const used = this.#counts[index] ?? 0;
    if (slots > leastSlots && used < slots * sparseShare) {
      this.#resize(index, used === 0 ? 0 : Math.max(leastSlots, Math.ceil(used / 0.6)));
    }
    return slots;
  }

  #tagsAt(index: number): Uint8Array {
    return this.tags[index] ?? noTags;
  }

  /** The first free place from the best one on. */
  #freeIn(tags: Uint8Array, place: number): number {
    let free = bestOf(place, tags.length);
    while (tags[free] !== 0) {
      free += 1;
      if (free >= tags.length) free = 0;
    }
    return free;
  }

  #resize(index: number, slots: number): void {
    const old = this.segmentAt(index);
    const oldTags = this.#tagsAt(index);
    const { stride } = this;
    const room = Math.min(slots, mostSlots);
    const next = slots === 0 ? emptySegment : new Int32Array(room * stride);
    const tags = slots === 0 ? noTags : new Uint8Array(room);
    this.segments[index] = next;
    this.tags[index] = tags;
    for (let from = 0; from < oldTags.length; from += 1) {
      if (oldTags[from] === 0) continue;
      const free = this.#freeIn(tags, this.placeOf(old, from * stride));
      tags[free] = oldTags[from] ?? 0;
      for (let word = 0; word < stride; word += 1) next[free * stride + word] = old[from * stride + word] ?? 0;
    }
  }
}

/** Where in a segment of so many slots a key would best be. */
export const bestOf = (place: number, slots: number): number => Math.imul(place >>> 16, slots) >>> 16;
