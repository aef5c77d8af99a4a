import type { BlockSubject, SubjectKind } from '../client.ts';
import { AddressReader, fourText, prefixMask, sixText } from './address-number.ts';
import { FourNetworks, SixNetworks, widestNetworks } from './network-tables.ts';
import { NumberTable } from './number-table.ts';
import { isInForce, keyAt, type SegmentTable } from './segment-table.ts';
import { TextTable } from './text-table.ts';

/** A client or a network, read once and asked about in several tables. */
export class AskedSubject extends AddressReader {
  kind: SubjectKind = 'key';
  id = '';
  /** 0: to be found by its text. */
  family: 0 | 4 | 6 = 0;

  ask(kind: SubjectKind, id: string): void {
    this.kind = kind;
    this.id = id;
    this.family = kind === 'ip' || kind === 'network' ? this.read(id) : 0;
  }

  /** An address that one entry is about: an IPv4 address, or an IPv6 /64. Clients of other widths are known by their text. */
  isPlain(): boolean {
    if (this.family === 4) return this.prefixLength === 32;
    return this.family === 6 && this.prefixLength === 64 && this.word2 === 0 && this.word3 === 0;
  }
}

export interface ScopeShape {
  readonly seeds: Int32Array;
  readonly segmentBits: number;
  readonly cellBits: number;
}

/** A table, and whom each of its slots is about. */
export interface NamedTable {
  readonly table: SegmentTable;
  subjectAt(index: number, slot: number): Pick<BlockSubject, 'kind' | 'id'>;
}

/** Longer prefixes than the widest client's are asked about only when somebody identifies clients by them. */
const deepest = 128;

/** Everybody of one scope: all tenants, or one. What is found is told by {@link table} and the slot. */
export class ScopeTable {
  /** Of the last slot that was found or made. */
  table: SegmentTable;
  foundLength = 0;
  readonly #fours: NumberTable;
  readonly #sixes: NumberTable;
  readonly #texts: TextTable;
  readonly #fourNetworks: FourNetworks;
  readonly #sixNetworks: SixNetworks;
  /** Networks of more than 64 bits, which lie among the texts: how many there are of each length. */
  readonly #deep = new Map<number, number>();

  constructor({ seeds, segmentBits, cellBits }: ScopeShape) {
    const [seed0 = 0, seed1 = 0, seed2 = 0, seed3 = 0] = seeds;
    this.#fours = new NumberTable({ keyWords: 1, segmentBits, seed: seed0 });
    this.#sixes = new NumberTable({ keyWords: 2, segmentBits, seed: seed1 });
    this.#texts = new TextTable({ segmentBits, seeds: [seed2, seed3] });
    const networks = { segmentBits: Math.max(0, segmentBits - 4), cellBits };
    this.#fourNetworks = new FourNetworks({ ...networks, seed: seed0 });
    this.#sixNetworks = new SixNetworks({ ...networks, seed: seed1 });
    this.table = this.#texts;
  }

  get networks(): number {
    let deep = 0;
    for (const count of this.#deep.values()) deep += count;
    return this.#fourNetworks.table.size + this.#sixNetworks.size + deep;
  }

  get size(): number {
    return (
      this.#fours.size + this.#sixes.size + this.#texts.size + this.#fourNetworks.table.size + this.#sixNetworks.size
    );
  }

  /** The slot of this client itself, in force or not; -1: there is none. */
  findExactly(asked: AskedSubject): number {
    const { kind } = asked;
    if (kind === 'network') return this.#findNetworkItself(asked);
    if (kind === 'ip' && asked.isPlain()) {
      const table = asked.family === 4 ? this.#fours : this.#sixes;
      this.table = table;
      return table.find(asked.word0, asked.word1);
    }
    this.table = this.#texts;
    return this.#texts.find(kind, asked.id);
  }

  /** The slot of the most specific network in force around this client; -1: there is none. */
  findAround(asked: AskedSubject, nowMs: number): number {
    const { family } = asked;
    if (family === 4) {
      this.table = this.#fourNetworks.table;
      const slot = this.#fourNetworks.find(asked, nowMs);
      this.foundLength = this.#fourNetworks.foundLength;
      return slot;
    }
    if (family === 0) return -1;
    if (asked.prefixLength > 64 && this.#deep.size > 0) {
      const slot = this.#findDeep(asked, nowMs);
      if (slot >= 0) return slot;
    }
    const slot = this.#sixNetworks.find(asked, nowMs);
    this.foundLength = this.#sixNetworks.foundLength;
    this.table = this.#sixNetworks.table ?? this.table;
    return slot;
  }

  /** A slot for it, whose meta is 0 when it is new. -1: it cannot be held. */
  put(asked: AskedSubject): number {
    const { kind, family } = asked;
    if (kind === 'network') return this.#putNetwork(asked);
    if (kind === 'ip' && asked.isPlain()) {
      const table = family === 4 ? this.#fours : this.#sixes;
      this.table = table;
      return table.put(asked.word0, asked.word1);
    }
    this.table = this.#texts;
    return this.#texts.put(kind, asked.id);
  }

  /** What findExactly() has just found goes. */
  remove(asked: AskedSubject, slot: number): void {
    const { table } = this;
    if (table === this.#texts) {
      this.#texts.remove(slot);
      if (asked.kind === 'network') this.#countDeep(asked.prefixLength, -1);
      return;
    }
    (table as NumberTable).remove(slot);
    if (table === this.#fourNetworks.table) this.#fourNetworks.removed(1);
    else if (table !== this.#fours && table !== this.#sixes) this.#sixNetworks.removed(1);
  }

  /** All tables, for whoever walks through everything. */
  namedTables(): readonly NamedTable[] {
    const word = (table: SegmentTable, index: number, at: number): number => table.segmentAt(index)[at] ?? 0;
    const [fours, sixes, texts, networks] = [this.#fours, this.#sixes, this.#texts, this.#fourNetworks.table];
    const six = (table: SegmentTable, index: number, slot: number): string =>
      sixText([word(table, index, slot + keyAt), word(table, index, slot + keyAt + 1), 0, 0]);
    const named: NamedTable[] = [
      { table: fours, subjectAt: (index, slot) => ({ kind: 'ip', id: fourText(word(fours, index, slot + keyAt)) }) },
      { table: sixes, subjectAt: (index, slot) => ({ kind: 'ip', id: `${six(sixes, index, slot)}/64` }) },
      { table: texts, subjectAt: (index, slot) => texts.keyAt(index, slot) },
      {
        table: networks,
        subjectAt: (index, slot) => {
          const base = fourText(word(networks, index, slot + keyAt));
          return { kind: 'network', id: `${base}/${word(networks, index, slot + keyAt + 1)}` };
        },
      },
    ];
    for (const [length, table] of this.#sixNetworks.tables.entries()) {
      if (table === undefined) continue;
      named.push({
        table,
        subjectAt: (index, slot) => ({ kind: 'network', id: `${six(table, index, slot)}/${length}` }),
      });
    }
    return named;
  }

  /** Takes out of one segment of one table what has ended. Gives the number of slots looked at. */
  sweep({ table, index, nowMs }: Sweep, ended: (meta: number) => void): number {
    const before = table.size;
    const texts = this.#texts;
    const slots = table.sweep(index, nowMs, (meta, slot) => {
      if (table === texts && this.#deep.size > 0) this.#forgetDeep(texts.keyAt(index, slot));
      ended(meta);
    });
    const gone = before - table.size;
    if (gone === 0) return slots;
    if (table === this.#fourNetworks.table) this.#fourNetworks.removed(gone);
    else if (table !== this.#fours && table !== this.#sixes && table !== texts) this.#sixNetworks.removed(gone);
    return slots;
  }

  #findNetworkItself(asked: AskedSubject): number {
    if (asked.family === 4) {
      this.table = this.#fourNetworks.table;
      return this.#fourNetworks.table.find(asked.word0 & prefixMask(asked.prefixLength), asked.prefixLength);
    }
    if (asked.family === 0) return -1;
    if (asked.prefixLength <= 64) {
      const slot = this.#sixNetworks.findExactly(asked);
      this.table = this.#sixNetworks.table ?? this.table;
      return slot;
    }
    this.table = this.#texts;
    return this.#texts.find('network', deepId(asked, asked.prefixLength));
  }

  #putNetwork(asked: AskedSubject): number {
    const { family, prefixLength } = asked;
    if (family === 0 || prefixLength < (family === 4 ? widestNetworks.four : widestNetworks.six)) return -1;
    asked.mask(prefixLength);
    if (family === 4) {
      this.table = this.#fourNetworks.table;
      return this.#fourNetworks.put(asked);
    }
    if (prefixLength <= 64) {
      const slot = this.#sixNetworks.put(asked);
      this.table = this.#sixNetworks.table ?? this.table;
      return slot;
    }
    this.table = this.#texts;
    const before = this.#texts.size;
    const slot = this.#texts.put('network', deepId(asked, prefixLength));
    this.#countDeep(prefixLength, this.#texts.size - before);
    return slot;
  }

  #findDeep(asked: AskedSubject, nowMs: number): number {
    this.table = this.#texts;
    for (let length = Math.min(deepest, asked.prefixLength); length > 64; length -= 1) {
      if (!this.#deep.has(length)) continue;
      const slot = this.#texts.find('network', deepId(asked, length));
      if (slot < 0 || !isInForce(this.#texts.segment, slot, nowMs)) continue;
      this.foundLength = length;
      return slot;
    }
    return -1;
  }

  #countDeep(length: number, change: number): void {
    const count = (this.#deep.get(length) ?? 0) + change;
    if (count > 0) this.#deep.set(length, count);
    else this.#deep.delete(length);
  }

  #forgetDeep({ kind, id }: Pick<BlockSubject, 'kind' | 'id'>): void {
    if (kind === 'network') this.#countDeep(Number(id.slice(id.indexOf('/') + 1)), -1);
  }
}

export interface Sweep {
  readonly table: SegmentTable;
  readonly index: number;
  readonly nowMs: number;
}

const deepId = ({ word0, word1, word2, word3 }: AddressReader, length: number): string => {
  const words = [
    word0 & prefixMask(length),
    word1 & prefixMask(length - 32),
    word2 & prefixMask(length - 64),
    word3 & prefixMask(length - 96),
  ] as const;
  return `${sixText(words)}/${length}`;
};

/** `203.0.113.0/24`: the network of this length around an address. */
export const networkId = (asked: AskedSubject, length: number): string =>
  asked.family === 4 ? `${fourText(asked.word0 & prefixMask(length))}/${length}` : deepId(asked, length);
