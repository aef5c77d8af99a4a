import type { BlockAction } from './block.ts';
import type { BlockEntry } from './block-feed.ts';
import { millisecondBits } from './segment-table.ts';

/** What entries have in common, or one has alone: all of an entry but whom it hits and when it ends. */
export interface Terms {
  /** Where each entry has an id of its own, the letter it begins with; else the id. */
  readonly id: string;
  readonly rule: string;
  readonly action: BlockAction;
  entries: number;
}

/** Ids of the detector and of people: a letter, a dash, 96 bits in hexadecimal. */
const packable = /^[a-z]-[0-9a-f]{24}$/;

const indexBits = 21;
/** How many terms, and how many packed ids, can be told apart. */
export const maxTerms = 2 ** indexBits - 1;
const ownFlag = 1 << 31;
const ownWords = 4;
const ownPerChunkBits = 12;
const ownPerChunk = 1 << ownPerChunkBits;

const keyOf = (id: string, rule: string, action: BlockAction): string =>
  `${id}\n${rule}\n${action.kind === 'refuse' ? '' : `${action.limit}/${action.windowMs}`}`;

const digits = Buffer.from('0123456789abcdef');
/** Where ids are spelled out: one for all, since nothing happens between. */
const spelled = Buffer.from(`x-${'0'.repeat(24)}`);

const spell = (word: number, at: number): void => {
  for (let digit = 0; digit < 8; digit += 1) spelled[at + digit] = digits[(word >>> (28 - 4 * digit)) & 15] ?? 0;
};

/**
 * What entries mean, behind one word each. Entries of one import share their terms; a block of its own costs 16 bytes more,
 * since its id is packed. Ids of another form get terms of their own, as text.
 */
export class EntryTerms {
  readonly #terms: (Terms | undefined)[] = [undefined];
  readonly #indexByKey = new Map<string, number>();
  readonly #freeTerms: number[] = [];
  readonly #own: Int32Array[] = [];
  #ownUsed = 1;
  #firstFree = 0;
  #last: { id: string; rule: string; action: BlockAction; index: number } | null = null;

  /** The word for these terms, without the milliseconds of its end; 0 where there is no room. */
  take({ blockId, rule, action }: BlockEntry): number {
    const isOwn = packable.test(blockId);
    const own = isOwn ? this.#takeOwn() : 0;
    if (isOwn && own === 0) return 0;
    const index = this.#shared(isOwn ? blockId.slice(0, 1) : blockId, rule, action);
    const terms = this.#terms[index];
    if (terms === undefined) {
      if (isOwn) this.#freeOwn(own);
      return 0;
    }
    terms.entries += 1;
    if (!isOwn) return index << millisecondBits;
    const chunk = this.#chunkOf(own);
    const at = (own & (ownPerChunk - 1)) * ownWords;
    for (let word = 0; word < 3; word += 1) {
      chunk[at + word] = Number.parseInt(blockId.slice(2 + 8 * word, 10 + 8 * word), 16) | 0;
    }
    chunk[at + 3] = index;
    return ownFlag | (own << millisecondBits);
  }

  /** One entry less has these. */
  give(meta: number): void {
    const index = this.#indexOf(meta);
    const isOwn = meta < 0;
    if (isOwn) this.#freeOwn(slotOf(meta));
    const terms = this.#terms[index];
    if (terms === undefined) return;
    terms.entries -= 1;
    if (terms.entries > 0) return;
    this.#terms[index] = undefined;
    this.#indexByKey.delete(keyOf(terms.id, terms.rule, terms.action));
    this.#freeTerms.push(index);
    this.#last = null;
  }

  of(meta: number): Pick<BlockEntry, 'blockId' | 'rule' | 'action'> {
    const { id, rule, action } = this.#terms[this.#indexOf(meta)] ?? nothing;
    return { blockId: meta < 0 ? this.#spelled(meta, id) : id, rule, action };
  }

  blockIdOf(meta: number): string {
    const { id } = this.#terms[this.#indexOf(meta)] ?? nothing;
    return meta < 0 ? this.#spelled(meta, id) : id;
  }

  #spelled(meta: number, letter: string): string {
    const own = slotOf(meta);
    const chunk = this.#chunkOf(own);
    const at = (own & (ownPerChunk - 1)) * ownWords;
    spelled[0] = letter.charCodeAt(0);
    for (let word = 0; word < 3; word += 1) spell(chunk[at + word] ?? 0, 2 + 8 * word);
    return spelled.toString('latin1');
  }

  #indexOf(meta: number): number {
    if (meta >= 0) return slotOf(meta);
    const own = slotOf(meta);
    return this.#chunkOf(own)[(own & (ownPerChunk - 1)) * ownWords + 3] ?? 0;
  }

  #chunkOf(own: number): Int32Array {
    const index = own >>> ownPerChunkBits;
    let chunk = this.#own[index];
    if (chunk === undefined) {
      chunk = new Int32Array(ownPerChunk * ownWords);
      this.#own[index] = chunk;
    }
    return chunk;
  }

  #takeOwn(): number {
    const free = this.#firstFree;
    if (free === 0) {
      if (this.#ownUsed > maxTerms) return 0;
      this.#ownUsed += 1;
      return this.#ownUsed - 1;
    }
    this.#firstFree = this.#chunkOf(free)[(free & (ownPerChunk - 1)) * ownWords] ?? 0;
    return free;
  }

  #freeOwn(own: number): void {
    this.#chunkOf(own)[(own & (ownPerChunk - 1)) * ownWords] = this.#firstFree;
    this.#firstFree = own;
  }

  #shared(id: string, rule: string, action: BlockAction): number {
    const last = this.#last;
    if (last !== null && last.action === action && last.id === id && last.rule === rule) return last.index;
    const key = keyOf(id, rule, action);
    let index = this.#indexByKey.get(key);
    if (index === undefined) {
      index = this.#freeTerms.pop() ?? this.#terms.length;
      if (index > maxTerms) return 0;
      this.#terms[index] = { id, rule, action, entries: 0 };
      this.#indexByKey.set(key, index);
    }
    this.#last = { id, rule, action, index };
    return index;
  }
}

const nothing: Terms = { id: '', rule: '', action: { kind: 'refuse' }, entries: 0 };

const slotOf = (meta: number): number => (meta >>> millisecondBits) & maxTerms;
