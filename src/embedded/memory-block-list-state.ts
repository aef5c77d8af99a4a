import type { Block, Label } from '../blocklist/block.ts';
import type { BlockEntry, Refusals } from '../blocklist/block-feed.ts';
import type { PromotionResult, TrafficNote } from '../blocklist/block-promoter.ts';
import type { AllowEntry, BlockStep } from '../blocklist/block-review.ts';
import { type ModeOverride, nothingSwitchedOff, type Switches } from '../blocklist/block-switches.ts';
import { type BlockStart, budgetWindowMs, type StoredBreaker } from '../blocklist/budget.ts';
import { listBlockIdOf } from '../blocklist/promotion.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import { mostSteps, type Undo } from '../blocklist/steps.ts';
import { covers, keysAround, prefixesAround, touches } from '../blocklist/subject.ts';
import { blockAt, isOpen } from '../blocklist/transitions.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';

/** How much is kept; the oldest go first. */
export interface Bounds {
  readonly maxBlocks: number;
  /** Per kind of note: verdicts, proposals, tombstones, strikes, addresses. */
  readonly maxNotes: number;
}

export interface StoredBlock {
  readonly block: Block;
  /** Grows with every block made. */
  readonly order: number;
  /** How long the strike counts that its activation makes. */
  readonly strikeTtlMs: number;
  /** As it was made: the first of its steps. */
  readonly made: Block;
  /** By people, oldest first. */
  readonly steps: readonly BlockStep[];
  /** What takes the last step back; null: nothing can. */
  readonly undo: Undo | null;
  readonly labelledAtMs: number | null;
}

/** What people said of the blocks of one content of a rule. */
export interface Judged {
  readonly made: number;
  /** Block → its label, in the order in which they were given. */
  readonly labels: Map<string, { readonly label: Label; readonly atMs: number }>;
}

/** Something that holds for a while. */
export interface Until<T> {
  readonly value: T;
  readonly untilMs: number;
}

/** An entry in force, and its place in the order of a snapshot. */
export interface PlacedEntry {
  readonly entry: BlockEntry;
  readonly place: number;
}

const sweepEveryMs = 60_000;

/** Everything that the list in memory knows, and what is in force of it at an instant. */
export class BlockListState {
  readonly #bounds: Bounds;
  #sweepAtMs = Number.NEGATIVE_INFINITY;
  #made = 0;
  #placed = 0;
  /** Oldest first. */
  readonly blocks = new Map<string, StoredBlock>();
  readonly entries = new Map<string, PlacedEntry>();
  /** As they were put; those among them that are gone, or were put anew, are left out now and then. */
  #order: PlacedEntry[] = [];
  /** What became of a verdict, by its id. */
  readonly verdicts = new Map<string, Until<Exclude<PromotionResult, { block: Block }>>>();
  readonly tombstones = new Map<string, Until<BlockSubject>>();
  readonly allowed = new Map<string, AllowEntry>();
  /** The open proposal of a subject. */
  readonly proposals = new Map<string, Until<string>>();
  /** Blocks that count as strikes. */
  readonly strikes = new Map<string, readonly Until<string>[]>();
  readonly starts = new Map<string, readonly BlockStart[]>();
  readonly breakers = new Map<string, StoredBreaker>();
  readonly overrides = new Map<string, ModeOverride>();
  readonly traffic = new Map<string, TrafficNote>();
  /** Address → client key → until when it is remembered. */
  readonly identities = new Map<string, Map<string, number>>();
  readonly refusals = new Map<string, Refusals>();
  /** By what {@link judgedBy} names. */
  readonly judged = new Map<string, Judged>();
  /** By name, as noted last. */
  readonly rules = new Map<string, NotedRule>();
  readonly rulesByHash = new Map<string, NotedRule>();
  refusedInAll: Omit<Refusals, 'blockId'> = { refused: 0, commands: 0, bytes: 0, lastAtMs: 0 };
  switches: Switches = nothingSwitchedOff;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Writes at the end, so that the oldest are first; beyond the bound the oldest is forgotten. */
  note<T>(notes: Map<string, T>, key: string, value: T): void {
    notes.delete(key);
    notes.set(key, value);
    const oldest = notes.keys().next();
    if (notes.size > this.#bounds.maxNotes && !oldest.done) notes.delete(oldest.value);
  }

  blockAt(blockId: string, nowMs: number): Block | null {
    const stored = this.blocks.get(blockId);
    return stored ? blockAt(stored.block, nowMs) : null;
  }

  /**
   * A new block, or the next version of one, whose last step cannot be taken back then; beyond the bound the oldest ended one
   * is forgotten, or else the oldest.
   */
  keep(block: Block, nowMs: number, strikeTtlMs = 0): void {
    const before = this.blocks.get(block.id);
    if (!before) this.#made += 1;
    const fresh = { order: this.#made, strikeTtlMs, made: block, steps: [], labelledAtMs: null };
    this.blocks.set(block.id, { ...(before ?? fresh), block, undo: null });
    if (this.blocks.size <= this.#bounds.maxBlocks) return;
    const ended = [...this.blocks.values()].find((stored) => !isOpen(blockAt(stored.block, nowMs).state));
    const gone = ended?.block.id ?? this.blocks.keys().next().value ?? '';
    this.blocks.delete(gone);
    this.refusals.delete(gone);
  }

  /** Notes what a person did to a block that is kept. */
  noteStep(step: BlockStep, blockId: string): void {
    const stored = this.blocks.get(blockId);
    if (stored) this.blocks.set(blockId, { ...stored, steps: [...stored.steps, step].slice(1 - mostSteps) });
  }

  /** What an undo of the last step of a block would restore, and when its label was given. */
  noteUndo(blockId: string, notes: Pick<StoredBlock, 'undo' | 'labelledAtMs'>): void {
    const stored = this.blocks.get(blockId);
    if (stored) this.blocks.set(blockId, { ...stored, ...notes });
  }

  putEntry(entry: BlockEntry): void {
    this.#placed += 1;
    this.entries.delete(entry.subjectKey);
    const placed = { entry, place: this.#placed };
    this.entries.set(entry.subjectKey, placed);
    this.#order.push(placed);
    if (this.#order.length > 2 * this.entries.size + 1024) this.#order = this.#order.filter((one) => this.#isHeld(one));
  }

  /** Entries in force behind a place, in order, and whether there are more. */
  entriesAfter(place: number, { most, nowMs }: { readonly most: number; readonly nowMs: number }) {
    const placed: PlacedEntry[] = [];
    for (let at = this.#firstAfter(place); at < this.#order.length; at += 1) {
      const one = this.#order[at];
      if (one === undefined || one.entry.expiresAtMs <= nowMs || !this.#isHeld(one)) continue;
      if (placed.length === most) return { placed, hasMore: true };
      placed.push(one);
    }
    return { placed, hasMore: false };
  }

  #isHeld(placed: PlacedEntry): boolean {
    return this.entries.get(placed.entry.subjectKey) === placed;
  }

  /** Places only grow: where those behind this one begin. */
  #firstAfter(place: number): number {
    let from = 0;
    let to = this.#order.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#order[middle]?.place ?? Number.POSITIVE_INFINITY) > place) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  /** The entry in force of exactly this subject. */
  entryOf(subjectKey: string, nowMs: number): BlockEntry | null {
    const entry = this.entries.get(subjectKey)?.entry;
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry : null;
  }

  /** In force for a subject: its own, then those of the networks around it. */
  entriesAround(subject: BlockSubject, nowMs: number): readonly BlockEntry[] {
    return keysAround(subject).flatMap((key) => this.entryOf(key, nowMs) ?? []);
  }

  /** Entries in force that a list owns. */
  entriesOfList(list: string, nowMs: number): readonly BlockEntry[] {
    const blockId = listBlockIdOf(list);
    const placed = [...this.entries.values()].filter(({ entry }) => entry.blockId === blockId);
    return placed.flatMap(({ entry }) => (entry.expiresAtMs > nowMs ? entry : []));
  }

  proposalAround(subject: BlockSubject, nowMs: number): string | null {
    const found = keysAround(subject).map((key) => this.proposals.get(key));
    return found.find((proposal) => proposal !== undefined && proposal.untilMs > nowMs)?.value ?? null;
  }

  /** All that refuses a block of this subject: {@link allowedOf}, then the entries of who was served behind it lately. */
  allowedAtOrBehind(subject: BlockSubject, nowMs: number): readonly AllowEntry[] {
    const behind = [...(this.#behind(subject, nowMs) ?? [])];
    const keys = prefixesAround(subject.tenant).flatMap((prefix) => behind.map((clientKey) => prefix + clientKey));
    const allowed = keys.flatMap((key) => this.allowed.get(key) ?? []);
    return [...this.allowedOf(subject, nowMs), ...allowed.filter(({ untilMs }) => untilMs > nowMs)];
  }

  /** Allow entries and canaries that a block of this subject would hit by itself. */
  allowedOf(subject: BlockSubject, nowMs: number): readonly AllowEntry[] {
    return [...this.allowed.values()].filter((entry) => entry.untilMs > nowMs && touches(subject, entry.subject));
  }

  /** Until when a tombstone keeps this subject from being promoted; null: none does. */
  tombstoneUntilMs(subject: BlockSubject, nowMs: number): number | null {
    const hit = [...this.tombstones.values()].filter(
      ({ value, untilMs }) => untilMs > nowMs && touches(subject, value),
    );
    return hit.length === 0 ? null : Math.max(...hit.map(({ untilMs }) => untilMs));
  }

  strikesOf(subjectKey: string, nowMs: number): readonly Until<string>[] {
    return (this.strikes.get(subjectKey) ?? []).filter(({ untilMs }) => untilMs > nowMs);
  }

  /** Authenticated identities behind an address, or within a network; null: the subject is neither. */
  identitiesOf(subject: BlockSubject, nowMs: number): number | null {
    return this.#behind(subject, nowMs)?.size ?? null;
  }

  #behind(subject: BlockSubject, nowMs: number): ReadonlySet<string> | null {
    if (subject.kind !== 'ip' && subject.kind !== 'network') return null;
    const { kind, id } = subject;
    const found = new Set<string>();
    const addresses = kind === 'ip' ? [id] : [...this.identities.keys()];
    for (const address of addresses) {
      const clients = this.identities.get(address);
      if (!clients || (kind === 'network' && !covers({ kind, id }, { kind: 'ip', id: address }))) continue;
      for (const [clientKey, untilMs] of clients) if (untilMs > nowMs) found.add(clientKey);
    }
    return found;
  }

  /** Forgets what is over; reading never counts on it. */
  sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && this.#sweepAtMs - nowMs <= sweepEveryMs) return;
    this.#sweepAtMs = nowMs + sweepEveryMs;
    for (const [key, { entry }] of this.entries) if (entry.expiresAtMs <= nowMs) this.entries.delete(key);
    const lasting: Map<string, { readonly untilMs: number }>[] = [
      this.verdicts,
      this.tombstones,
      this.allowed,
      this.proposals,
      this.overrides,
    ];
    for (const notes of lasting) {
      for (const [key, { untilMs }] of notes) if (untilMs <= nowMs) notes.delete(key);
    }
    for (const key of this.strikes.keys()) if (this.strikesOf(key, nowMs).length === 0) this.strikes.delete(key);
    for (const [rule, starts] of this.starts) {
      if (!starts.some(({ atMs }) => atMs > nowMs - budgetWindowMs)) this.starts.delete(rule);
    }
    for (const [key, { windowStartMs }] of this.traffic) {
      if (windowStartMs <= nowMs - budgetWindowMs) this.traffic.delete(key);
    }
    for (const [address, clients] of this.identities) {
      for (const [clientKey, untilMs] of clients) if (untilMs <= nowMs) clients.delete(clientKey);
      if (clients.size === 0) this.identities.delete(address);
    }
  }
}

export const entryOfBlock = (block: Block): BlockEntry => ({
  subjectKey: subjectKeyOf(block.subject),
  blockId: block.id,
  rule: block.rule,
  expiresAtMs: block.expiresAtMs,
  action: block.action,
});
