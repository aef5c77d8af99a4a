import { type AddressReader, prefixMask } from './address-number.ts';
import { NumberTable } from './number-table.ts';
import { isInForce, keyAt, metaAt } from './segment-table.ts';

/** Wider networks are a mistake, or would block a large part of the world. */
export const widestNetworks = { four: 8, six: 16 } as const;
/** Removed networks leave marks that cost a look each: they are wiped when there are as many as networks, and at least these. */
const leastStaleMarks = 1024;

export interface NetworkShape {
  readonly seed: number;
  readonly segmentBits: number;
  /** There is a word of marks for each value of the first so many bits of an address. 1 to 16. */
  readonly cellBits: number;
}

/**
 * IPv4 networks. Each cell of the address space has a word that tells which prefix lengths are worth a look, so that most
 * addresses cost one.
 */
export class FourNetworks {
  readonly table: NumberTable;
  /** Of the last one found. */
  foundLength = 0;
  readonly #cellBits: number;
  #marks: Int32Array | null = null;
  #stale = 0;

  constructor({ seed, segmentBits, cellBits }: NetworkShape) {
    this.table = new NumberTable({ keyWords: 2, segmentBits, seed });
    this.#cellBits = cellBits;
  }

  /** The slot of the most specific one in force around what has been read; -1: there is none. */
  find({ word0, prefixLength }: AddressReader, nowMs: number): number {
    const marks = this.#marks;
    if (marks === null) return -1;
    let lengths = (marks[word0 >>> (32 - this.#cellBits)] ?? 0) & lengthsUpTo(prefixLength);
    const { table } = this;
    while (lengths !== 0) {
      const length = 32 - Math.clz32(lengths);
      const slot = table.find(word0 & prefixMask(length), length);
      if (slot >= 0 && isInForce(table.segment, slot, nowMs)) {
        this.foundLength = length;
        return slot;
      }
      lengths &= ~(1 << (length - 1));
    }
    return -1;
  }

  put({ word0, prefixLength }: AddressReader): number {
    this.#marks ??= new Int32Array(1 << this.#cellBits);
    this.#mark(word0, prefixLength);
    return this.table.put(word0, prefixLength);
  }

  /** So many are gone. */
  removed(count: number): void {
    this.#stale += count;
    if (this.#stale < Math.max(leastStaleMarks, this.table.size)) return;
    this.#stale = 0;
    this.#marks?.fill(0);
    forEachKey(this.table, (word0, length) => this.#mark(word0, length));
  }

  #mark(word0: number, length: number): void {
    const marks = this.#marks;
    if (marks === null) return;
    const first = word0 >>> (32 - this.#cellBits);
    const last = length >= this.#cellBits ? first : first + (1 << (this.#cellBits - length)) - 1;
    for (let cell = first; cell <= last; cell += 1) marks[cell] = (marks[cell] ?? 0) | (1 << (length - 1));
  }
}

/**
 * IPv6 networks of up to 64 bits, a table for each prefix length that there is. The marks are kept by a hash of the first 32
 * bits; networks wider than that are few, and one word tells for all addresses which lengths there are.
 */
export class SixNetworks {
  foundLength = 0;
  /** Of the last one found or made. */
  table: NumberTable | null = null;
  readonly #shape: NetworkShape;
  readonly #tables: (NumberTable | undefined)[] = [];
  #marks: Int32Array | null = null;
  #wide = 0;
  #stale = 0;

  constructor(shape: NetworkShape) {
    this.#shape = shape;
  }

  get tables(): readonly (NumberTable | undefined)[] {
    return this.#tables;
  }

  get size(): number {
    return this.#tables.reduce((sum, table) => sum + (table?.size ?? 0), 0);
  }

  find({ word0, word1, prefixLength }: AddressReader, nowMs: number): number {
    const marks = this.#marks;
    if (marks === null) return -1;
    let lengths = (marks[this.#cellOf(word0)] ?? 0) & lengthsUpTo(prefixLength - 32);
    let added = 32;
    if (prefixLength <= 32) lengths = 0;
    for (;;) {
      if (lengths === 0) {
        if (added === 0) return -1;
        added = 0;
        lengths = this.#wide & lengthsUpTo(prefixLength);
        continue;
      }
      const bits = 32 - Math.clz32(lengths);
      const slot = this.#findIn(word0, word1, bits + added);
      if (slot >= 0 && isInForce(this.table?.segment ?? noSegment, slot, nowMs)) {
        this.foundLength = bits + added;
        return slot;
      }
      lengths &= ~(1 << (bits - 1));
    }
  }

  /** The slot of exactly this network. */
  findExactly({ word0, word1, prefixLength }: AddressReader): number {
    return this.#findIn(word0, word1, prefixLength);
  }

  put({ word0, word1, prefixLength }: AddressReader): number {
    this.#marks ??= new Int32Array(1 << this.#shape.cellBits);
    this.#mark(word0, prefixLength);
    let table = this.#tables[prefixLength];
    if (table === undefined) {
      table = new NumberTable({ keyWords: 2, ...this.#shape });
      this.#tables[prefixLength] = table;
    }
    this.table = table;
    return table.put(word0, word1);
  }

  removed(count: number): void {
    this.#stale += count;
    if (this.#stale < Math.max(leastStaleMarks, this.size)) return;
    this.#stale = 0;
    this.#marks?.fill(0);
    this.#wide = 0;
    for (const [length, table] of this.#tables.entries()) {
      if (table !== undefined) forEachKey(table, (word0) => this.#mark(word0, length));
    }
  }

  #findIn(word0: number, word1: number, length: number): number {
    const table = this.#tables[length];
    if (table === undefined) return -1;
    this.table = table;
    return table.find(word0 & prefixMask(length), word1 & prefixMask(length - 32));
  }

  #cellOf(word0: number): number {
    return Math.imul(word0 ^ this.#shape.seed, 0x9e3779b1) >>> (32 - this.#shape.cellBits);
  }

  #mark(word0: number, length: number): void {
    const marks = this.#marks;
    if (length <= 32) this.#wide |= 1 << (length - 1);
    else if (marks !== null) {
      const cell = this.#cellOf(word0);
      marks[cell] = (marks[cell] ?? 0) | (1 << (length - 33));
    }
  }
}

const noSegment = new Int32Array(0);

/** The bits 0 to length - 1. */
const lengthsUpTo = (length: number): number => (length >= 32 ? -1 : (1 << length) - 1);

const forEachKey = (table: NumberTable, visit: (word0: number, word1: number) => void): void => {
  for (let index = 0; index < table.segmentCount; index += 1) {
    const segment = table.segmentAt(index);
    for (let slot = 0; slot < segment.length; slot += table.stride) {
      if (segment[slot + metaAt] !== 0) visit(segment[slot + keyAt] ?? 0, segment[slot + keyAt + 1] ?? 0);
    }
  }
};
