import type { Client } from '../client.ts';
import type { BlockEntry, Change, Exemption } from './block-feed.ts';
import { nothingSwitchedOff, type Switches } from './block-switches.ts';
import { EntryTerms } from './entry-terms.ts';
import { keyAt, millisecondBits, type SegmentTable } from './segment-table.ts';
import { SubjectTable } from './subject-table.ts';

/** Entries hit twice lately are kept as objects, so that a client that keeps coming costs no garbage. A power of two. */
const remembered = 4096;
/** Slots looked at in one sweep: a fraction of a millisecond. A list of a million is gone through within a minute. */
const slotsPerSweep = 32_768;
const exempt = 1 << millisecondBits;
/** Beside it: a key or a user, who may come from any address. */
const exemptSender = 2 << millisecondBits;
const senderKey = /^(?:[^/:]*\/)?(?:key|user):/;

interface Remembered {
  readonly table: SegmentTable;
  readonly hash: number;
  readonly generation: number;
  readonly key0: number;
  readonly key1: number;
  readonly entry: BlockEntry;
}

export interface HeldListLimits {
  readonly maxEntries: number;
  readonly maxNetworks: number;
}

/** One state of the block list, in tables: entries, exemptions and switches. */
export class HeldList {
  switches: Switches = nothingSwitchedOff;
  /** Left out: no room, no subject that can be read, or a network that is too wide to be meant. */
  dropped = 0;
  readonly #limits: HeldListLimits;
  readonly #entries = new SubjectTable();
  readonly #terms = new EntryTerms();
  readonly #exemptions = new SubjectTable();
  readonly #remembered: (Remembered | undefined)[] = new Array<Remembered | undefined>(remembered).fill(undefined);
  /** Hashes of what was hit last, by place. */
  readonly #seen = new Int32Array(remembered);
  #size = 0;
  #exempted = 0;
  #exemptSenders = 0;

  constructor(limits: HeldListLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  get networks(): number {
    return this.#entries.networks;
  }

  get exempted(): number {
    return this.#exempted;
  }

  /** The most specific entry in force that hits this client of this tenant, or null; null for whoever is exempt. */
  find(client: Client, tenant: string, nowMs: number): BlockEntry | null {
    const meta = this.#entries.find(client, tenant, nowMs);
    if (meta === 0) return null;
    if (this.isExempt(client, tenant, nowMs)) return null;
    const { table, slot } = this.#entries;
    const { hash, segment } = table;
    const place = hash & (remembered - 1);
    if (this.#seen[place] !== hash) {
      this.#seen[place] = hash;
      return this.#entryOf(meta, client, tenant);
    }
    const key0 = segment[slot + keyAt] ?? 0;
    const key1 = table.stride > keyAt + 1 ? (segment[slot + keyAt + 1] ?? 0) : 0;
    const known = this.#remembered[place];
    if (known !== undefined && known.table === table && known.hash === hash && known.generation === table.generation) {
      if (known.key0 === key0 && known.key1 === key1) return known.entry;
    }
    const entry = this.#entryOf(meta, client, tenant);
    this.#remembered[place] = { table, hash, generation: table.generation, key0, key1, entry };
    return entry;
  }

  /** Whether this identity itself is exempt, or, of an address, a network around it. */
  isExempt(client: Client, tenant: string, nowMs: number): boolean {
    return this.#exempted > 0 && this.#exemptions.find(client, tenant, nowMs) !== 0;
  }

  /** Whether any key or user is; what has ended counts until it is swept. */
  hasExemptSenders(): boolean {
    return this.#exemptSenders > 0;
  }

  apply(change: Change): void {
    if (change.kind === 'added') for (const entry of change.entries) this.add(entry);
    else if (change.kind === 'removed') for (const entry of change.entries) this.#remove(entry);
    else if (change.kind === 'exempted') this.exempt(change.exemption);
    else if (change.kind === 'switched') this.switches = change.switches;
  }

  add(entry: BlockEntry): void {
    const { subjectKey, expiresAtMs } = entry;
    if (this.#isFull(subjectKey)) {
      this.dropped += 1;
      return;
    }
    const meta = this.#terms.take(entry);
    const before = meta === 0 ? null : this.#entries.set({ subjectKey, untilMs: expiresAtMs }, meta);
    if (before === null) {
      if (meta !== 0) this.#terms.give(meta);
      this.dropped += 1;
      return;
    }
    this.#remembered[this.#entries.table.hash & (remembered - 1)] = undefined;
    if (before === 0) this.#size += 1;
    else this.#terms.give(before);
  }

  /** `untilMs` 0: it has ended. */
  exempt({ subjectKey, untilMs }: Exemption): void {
    if (untilMs <= 0) {
      this.#ended(this.#exemptions.remove(subjectKey));
    } else if (this.#exempted < this.#limits.maxEntries) {
      const isSender = senderKey.test(subjectKey);
      if (this.#exemptions.set({ subjectKey, untilMs }, isSender ? exempt | exemptSender : exempt) !== 0) return;
      this.#exempted += 1;
      if (isSender) this.#exemptSenders += 1;
    } else this.dropped += 1;
  }

  /** Gives back a part of the memory of what has ended: lookups pass it over anyway. */
  sweep(nowMs: number): void {
    this.#entries.sweep(nowMs, slotsPerSweep, (meta) => {
      this.#terms.give(meta);
      this.#size -= 1;
    });
    this.#exemptions.sweep(nowMs, slotsPerSweep, (meta) => this.#ended(meta));
  }

  /** All entries, some at a time; what changes meanwhile may be told or not. */
  *entries(): Generator<readonly BlockEntry[]> {
    for (const walked of this.#entries.walk()) {
      yield walked.map(({ subjectKey, untilMs, meta }) => ({
        subjectKey,
        expiresAtMs: untilMs,
        ...this.#terms.of(meta),
      }));
    }
  }

  *exemptions(): Generator<readonly Exemption[]> {
    for (const walked of this.#exemptions.walk()) {
      yield walked.map(({ subjectKey, untilMs }) => ({ subjectKey, untilMs }));
    }
  }

  /** An exemption; 0: there was none. */
  #ended(meta: number): void {
    if (meta === 0) return;
    this.#exempted -= 1;
    if ((meta & exemptSender) !== 0) this.#exemptSenders -= 1;
  }

  #entryOf(meta: number, client: Client, tenant: string): BlockEntry {
    const { blockId, rule, action } = this.#terms.of(meta);
    const subjectKey = this.#entries.foundSubjectKey(client, tenant);
    return { subjectKey, blockId, rule, expiresAtMs: this.#entries.foundUntilMs(), action };
  }

  #remove({ subjectKey, blockId }: Pick<BlockEntry, 'subjectKey' | 'blockId'>): void {
    const meta = this.#entries.get(subjectKey);
    // A newer block of the same subject stays.
    if (meta === 0 || this.#terms.blockIdOf(meta) !== blockId) return;
    this.#entries.remove(subjectKey);
    this.#terms.give(meta);
    this.#size -= 1;
  }

  #isFull(subjectKey: string): boolean {
    const isNetworkFull = (): boolean =>
      subjectKey.includes('network:') && this.#entries.networks >= this.#limits.maxNetworks;
    if (this.#size < this.#limits.maxEntries && !isNetworkFull()) return false;
    return this.#entries.get(subjectKey) === 0;
  }
}
