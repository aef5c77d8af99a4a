import type { SubjectKind } from '../client.ts';
import { bestOf, keyAt, metaAt, SegmentTable, type SegmentTableShape, tagOf } from './segment-table.ts';

/** The key of a subject that is no number. */
export interface TextKey {
  readonly kind: SubjectKind;
  readonly id: string;
}

const kindCodes: Readonly<Record<SubjectKind, number>> = { key: 1, user: 2, ip: 3, network: 4 };
const kindsByCode: readonly SubjectKind[] = ['key', 'key', 'user', 'ip', 'network'];
/** Kind and width of the characters in one byte, then the length in two. */
const headBytes = 3;
const wideFlag = 0x80;
const noText = new Uint8Array(0);
const leastTextBytes = 64;
const textGrowth = 1.25;
export const maxTextLength = 0xffff;

export interface TextTableShape extends Pick<SegmentTableShape, 'segmentBits'> {
  /** Two secrets of this process, so that nobody can choose ids that meet in one place. */
  readonly seeds: readonly [number, number];
}

const widthOf = (head: number): 1 | 2 => ((head & wideFlag) === 0 ? 1 : 2);

const shortAt = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

const putShort = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value & 0xff;
  bytes[at + 1] = value >>> 8;
};

const bytesAt = (text: Uint8Array, at: number): number => headBytes + shortAt(text, at + 1) * widthOf(text[at] ?? 0);

const holdsNarrow = (bytes: Uint8Array, from: number, part: string): boolean => {
  for (let at = 0; at < part.length; at += 1) if (bytes[from + at] !== part.charCodeAt(at)) return false;
  return true;
};

const holdsWide = (bytes: Uint8Array, from: number, part: string): boolean => {
  for (let at = 0; at < part.length; at += 1) if (shortAt(bytes, from + 2 * at) !== part.charCodeAt(at)) return false;
  return true;
};

const isNarrow = (text: string): boolean => {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 255) return false;
  return true;
};

/**
 * Slots by text. A keyed fingerprint leads to the slot and the text itself, kept in one array of bytes per segment, is
 * compared: nobody is taken for somebody else. Looking up makes nothing.
 */
export class TextTable extends SegmentTable {
  readonly #seed0: number;
  readonly #seed1: number;
  readonly #texts: Uint8Array[];
  readonly #used: Uint32Array;
  #fingerprint = 0;

  constructor({ segmentBits, seeds }: TextTableShape) {
    super({ keyWords: 2, segmentBits });
    [this.#seed0, this.#seed1] = seeds;
    this.#texts = new Array<Uint8Array>(this.segmentCount).fill(noText);
    this.#used = new Uint32Array(this.segmentCount);
  }

  /** The slot of this key, in {@link segment}, or -1. */
  find(kind: SubjectKind, id: string): number {
    this.#hash(kind, id);
    const index = this.hash & (this.segmentCount - 1);
    const tags = this.tags[index];
    if (tags === undefined || tags.length === 0) return -1;
    const wanted = tagOf(this.hash);
    let at = bestOf(this.#fingerprint, tags.length);
    for (let tag = tags[at]; tag !== 0; tag = tags[at]) {
      if (tag === wanted && this.#isAt(at * this.stride, kind, id)) return at * this.stride;
      at += 1;
      if (at === tags.length) at = 0;
    }
    return -1;
  }

  /** The slot of this key, made where there is none: then its meta is 0 until the caller sets it. -1: no room. */
  put(kind: SubjectKind, id: string): number {
    if (id.length > maxTextLength) return -1;
    const found = this.find(kind, id);
    if (found >= 0) return found;
    const index = this.hash & (this.segmentCount - 1);
    const fingerprint = this.#fingerprint;
    const slot = this.claim({ index, place: fingerprint, tag: tagOf(this.hash) });
    if (slot < 0) return slot;
    this.segment[slot + keyAt] = fingerprint;
    this.segment[slot + keyAt + 1] = this.#write(index, kind, id);
    return slot;
  }

  /** What {@link find} has just found goes. */
  remove(slot: number): void {
    this.release(this.hash & (this.segmentCount - 1), slot);
  }

  keyAt(index: number, slot: number): TextKey {
    const text = this.#texts[index] ?? noText;
    const at = this.segmentAt(index)[slot + keyAt + 1] ?? 0;
    const head = text[at] ?? 0;
    const width = widthOf(head);
    const end = at + bytesAt(text, at);
    let id = '';
    for (let position = at + headBytes; position < end; position += width) {
      id += String.fromCharCode(width === 1 ? (text[position] ?? 0) : shortAt(text, position));
    }
    return { kind: kindsByCode[head & ~wideFlag] ?? 'key', id };
  }

  protected override placeOf(segment: Int32Array, slot: number): number {
    return segment[slot + keyAt] ?? 0;
  }

  /** Whether this slot of the segment that the last hash leads to is this key's. */
  #isAt(slot: number, kind: SubjectKind, id: string): boolean {
    const index = this.hash & (this.segmentCount - 1);
    const segment = this.segmentAt(index);
    if (segment[slot + keyAt] !== this.#fingerprint) return false;
    const text = this.#texts[index] ?? noText;
    const at = segment[slot + keyAt + 1] ?? 0;
    const head = text[at] ?? 0;
    if ((head & ~wideFlag) !== kindCodes[kind] || shortAt(text, at + 1) !== id.length) return false;
    const isSame = widthOf(head) === 1 ? holdsNarrow(text, at + headBytes, id) : holdsWide(text, at + headBytes, id);
    if (isSame) this.segment = segment;
    return isSame;
  }

  #hash(kind: SubjectKind, id: string): void {
    let one = this.#seed0 ^ kindCodes[kind];
    let two = this.#seed1;
    for (let at = 0; at < id.length; at += 1) {
      const code = id.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul(two + code, 0x9e3779b1) ^ (two >>> 15);
    }
    one = Math.imul(one ^ (one >>> 15) ^ two, 0x85ebca6b);
    this.hash = one ^ (one >>> 13);
    two = Math.imul(two ^ (two >>> 16), 0xc2b2ae35);
    this.#fingerprint = two ^ (two >>> 14);
  }

  /** Appends the text to those of its segment; where it begins. */
  #write(index: number, kind: SubjectKind, id: string): number {
    const narrow = isNarrow(id);
    const need = headBytes + id.length * (narrow ? 1 : 2);
    if ((this.#used[index] ?? 0) + need > (this.#texts[index] ?? noText).length) this.#compact(index, need);
    const text = this.#texts[index] ?? noText;
    const start = this.#used[index] ?? 0;
    text[start] = kindCodes[kind] | (narrow ? 0 : wideFlag);
    putShort(text, start + 1, id.length);
    for (let unit = 0; unit < id.length; unit += 1) {
      if (narrow) text[start + headBytes + unit] = id.charCodeAt(unit);
      else putShort(text, start + headBytes + 2 * unit, id.charCodeAt(unit));
    }
    this.#used[index] = start + need;
    return start;
  }

  /** Leaves out the texts of keys that are gone, and makes room for so many bytes more. */
  #compact(index: number, need: number): void {
    this.generation += 1;
    const segment = this.segmentAt(index);
    const old = this.#texts[index] ?? noText;
    let live = 0;
    for (let slot = 0; slot < segment.length; slot += this.stride) {
      if (segment[slot + metaAt] !== 0) live += bytesAt(old, segment[slot + keyAt + 1] ?? 0);
    }
    const next = new Uint8Array(Math.max(leastTextBytes, Math.ceil((live + need) * textGrowth)));
    let used = 0;
    for (let slot = 0; slot < segment.length; slot += this.stride) {
      if (segment[slot + metaAt] === 0) continue;
      const at = segment[slot + keyAt + 1] ?? 0;
      const bytes = bytesAt(old, at);
      next.set(old.subarray(at, at + bytes), used);
      segment[slot + keyAt + 1] = used;
      used += bytes;
    }
    this.#texts[index] = next;
    this.#used[index] = used;
  }
}
