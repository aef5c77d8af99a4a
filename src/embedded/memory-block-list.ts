import type { Block } from '../blocklist/block.ts';
import type {
  BlockEntry,
  BlockList,
  BlockPage,
  BlockQuery,
  Change,
  Changes,
  Cursor,
  Lift,
  Promotion,
  PromotionResult,
  Snapshot,
} from '../blocklist/block-list.ts';
import {
  blockDurationMs,
  blockIdOf,
  budgetWindowMs,
  defaultTombstoneMs,
  durationTermsOf,
  liftReason,
  millionthsOf,
  overBudgetReason,
  underReviewReason,
} from '../blocklist/promotion.ts';
import { blockAt, canBecome, isEnforced } from '../blocklist/transitions.ts';
import { type Client, clientKeyOf } from '../client.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';

export interface MemoryBlockListOptions {
  readonly clock: Clock;
  /** For the jitter of durations. [0, 1). Default: no jitter. */
  readonly random?: () => number;
  /** The oldest are forgotten beyond this. Default 10,000. */
  readonly maxBlocks?: number;
  /** Changes kept for followers; one that is further behind takes a snapshot. Default 10,000. */
  readonly maxChanges?: number;
}

type Outcome = Exclude<PromotionResult, { kind: 'activated' | 'proposed' }>;
interface Until<T> {
  readonly value: T;
  readonly untilMs: number;
}
interface Strike extends Until<string> {
  readonly atMs: number;
}

const sweepEveryMs = 60_000;
/** Per kind of note: verdicts, proposals, tombstones, strikes. The oldest go first. */
const maxNotes = 100_000;

const note = <T>(notes: Map<string, T>, key: string, value: T): void => {
  notes.delete(key);
  notes.set(key, value);
  const oldest = notes.keys().next();
  if (notes.size > maxNotes && !oldest.done) notes.delete(oldest.value);
};

const defaultPage = 100;
const maxPage = 500;

/** The block list in this process: for one process, for tests and for replay. The same contract as the one in Redis. */
export class MemoryBlockList implements BlockList {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #maxBlocks: number;
  readonly #maxChanges: number;
  readonly #epoch: string;
  #sequence = 0;
  #changes: Change[] = [];
  #sweepAtMs = Number.NEGATIVE_INFINITY;
  /** Oldest first. */
  readonly #blocks = new Map<string, Block>();
  readonly #order = new Map<string, number>();
  #blocksMade = 0;
  readonly #entries = new Map<string, BlockEntry>();
  readonly #verdicts = new Map<string, Until<Outcome>>();
  readonly #tombstones = new Map<string, number>();
  readonly #allowed = new Map<string, number>();
  readonly #proposals = new Map<string, Until<string>>();
  readonly #strikes = new Map<string, Strike[]>();
  readonly #starts = new Map<string, number[]>();

  constructor({ clock, random = () => 0, maxBlocks = 10_000, maxChanges = 10_000 }: MemoryBlockListOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#maxBlocks = maxBlocks;
    this.#maxChanges = maxChanges;
    this.#epoch = `memory-${clock.nowMs()}-${clock.monotonicUs()}`;
  }

  /** Keeps this client off the list until then. A block in force stays: lift it. */
  allow(client: Client, untilMs: number): Promise<void> {
    note(this.#allowed, clientKeyOf(client), untilMs);
    return Promise.resolve();
  }

  promote(promotion: Promotion): Promise<PromotionResult> {
    const nowMs = this.#clock.nowMs();
    this.#sweep(nowMs);
    const { verdict, duration } = promotion;
    const known = this.#verdicts.get(verdict.id);
    if (known && known.untilMs > nowMs) return Promise.resolve(known.value);
    const refusal = this.#refusal(promotion, nowMs);
    const result = refusal ?? this.#make(promotion, nowMs);
    const value: Outcome = 'block' in result ? { kind: 'already', blockId: result.block.id } : result;
    note(this.#verdicts, verdict.id, { value, untilMs: nowMs + duration.maxMs + budgetWindowMs });
    return Promise.resolve(result);
  }

  get(blockId: string): Promise<Block | null> {
    const block = this.#blocks.get(blockId);
    return Promise.resolve(block ? blockAt(block, this.#clock.nowMs()) : null);
  }

  list(query: BlockQuery): Promise<BlockPage> {
    const nowMs = this.#clock.nowMs();
    const limit = Math.min(maxPage, Math.max(1, query.limit ?? defaultPage));
    const below = query.cursor === undefined ? Number.POSITIVE_INFINITY : Number(query.cursor);
    const found: Block[] = [];
    for (const stored of [...this.#blocks.values()].reverse()) {
      if ((this.#order.get(stored.id) ?? 0) >= below) continue;
      const block = blockAt(stored, nowMs);
      if (query.states && !query.states.includes(block.state)) continue;
      if (query.rule !== undefined && block.rule !== query.rule) continue;
      if (query.clientKey !== undefined && clientKeyOf(block.client) !== query.clientKey) continue;
      if (found.length === limit) return Promise.resolve({ blocks: found, nextCursor: this.#cursorOf(found) });
      found.push(block);
    }
    return Promise.resolve({ blocks: found, nextCursor: null });
  }

  lift(blockId: string, lift: Lift): Promise<Block> {
    const nowMs = this.#clock.nowMs();
    const stored = this.#blocks.get(blockId);
    if (!stored) return Promise.reject(new TidegateError('BLOCK_NOT_FOUND', `no block has the id ${blockId}`));
    const block = blockAt(stored, nowMs);
    if ((lift.ifVersion !== undefined && lift.ifVersion !== block.version) || !canBecome(block.state, 'lifted')) {
      const message = `block ${blockId} is ${block.state} in version ${block.version}`;
      return Promise.reject(new TidegateError('BLOCK_CONFLICT', message));
    }
    const lifted: Block = {
      ...block,
      state: 'lifted',
      version: block.version + 1,
      reason: liftReason(lift),
      actor: lift.actor,
    };
    const clientKey = clientKeyOf(block.client);
    this.#blocks.set(blockId, lifted);
    note(this.#tombstones, clientKey, nowMs + (lift.tombstoneMs ?? defaultTombstoneMs));
    if (lift.reason === 'false-positive') this.#forgetStrike(clientKey, blockId);
    if (this.#proposals.get(clientKey)?.value === blockId) this.#proposals.delete(clientKey);
    if (isEnforced(block.state) && this.#entries.get(clientKey)?.blockId === blockId) {
      this.#entries.delete(clientKey);
      this.#record({ kind: 'removed', sequence: this.#sequence + 1, clientKey, blockId });
    }
    return Promise.resolve(lifted);
  }

  snapshot(): Promise<Snapshot> {
    const nowMs = this.#clock.nowMs();
    const entries = [...this.#entries.values()].filter((entry) => entry.expiresAtMs > nowMs);
    return Promise.resolve({ epoch: this.#epoch, sequence: this.#sequence, entries });
  }

  changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes> {
    const oldestKept = this.#changes[0]?.sequence ?? this.#sequence + 1;
    const known = cursor.epoch === this.#epoch && cursor.sequence <= this.#sequence;
    if (!known || cursor.sequence + 1 < oldestKept) return Promise.resolve({ kind: 'gap' });
    const from = cursor.sequence + 1 - oldestKept;
    const changes = this.#changes.slice(from, from + maxChanges);
    const sequence = changes.at(-1)?.sequence ?? cursor.sequence;
    return Promise.resolve({ kind: 'changes', cursor: { epoch: this.#epoch, sequence }, changes });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Why this verdict makes no block, in the order of precedence; null when it does. */
  #refusal({ verdict, duration, mode }: Promotion, nowMs: number): Outcome | null {
    const clientKey = clientKeyOf(verdict.client);
    const entry = this.#entries.get(clientKey);
    if (nowMs - verdict.atMs >= duration.maxMs) return { kind: 'suppressed', reason: 'stale' };
    if ((this.#allowed.get(clientKey) ?? 0) > nowMs) return { kind: 'suppressed', reason: 'allow-list' };
    if ((this.#tombstones.get(clientKey) ?? 0) > nowMs) return { kind: 'suppressed', reason: 'tombstone' };
    if (entry && entry.expiresAtMs > nowMs) return { kind: 'already', blockId: entry.blockId };
    const proposal = this.#proposals.get(clientKey);
    const open = proposal !== undefined && proposal.untilMs > nowMs;
    return mode === 'review' && open ? { kind: 'already', blockId: proposal.value } : null;
  }

  #make(promotion: Promotion, nowMs: number): PromotionResult {
    const { verdict, duration, mode } = promotion;
    const clientKey = clientKeyOf(verdict.client);
    const recent = (this.#starts.get(verdict.rule) ?? []).filter((atMs) => atMs > nowMs - budgetWindowMs);
    const overBudget = mode === 'enforce' && recent.length >= promotion.maxBlocksPerHour;
    const proposal = this.#proposals.get(clientKey);
    if (overBudget && proposal && proposal.untilMs > nowMs) return { kind: 'already', blockId: proposal.value };
    const strikes = (this.#strikes.get(clientKey) ?? []).filter(({ untilMs }) => untilMs > nowMs);
    const state = mode === 'review' || overBudget ? 'proposed' : 'active';
    const lengthMs = blockDurationMs(durationTermsOf(duration), strikes.length + 1, millionthsOf(this.#random()));
    const block: Block = {
      id: blockIdOf(promotion),
      state,
      version: 1,
      client: verdict.client,
      tenant: verdict.tenant,
      rule: verdict.rule,
      ruleHash: verdict.ruleHash,
      verdictId: verdict.id,
      blockedAtMs: nowMs,
      expiresAtMs: nowMs + lengthMs,
      strikes: strikes.length + 1,
      evidence: verdict.evidence,
      reason: overBudget ? overBudgetReason(verdict.rule) : mode === 'review' ? underReviewReason(verdict.rule) : '',
      actor: 'detector',
    };
    this.#keep(block);
    if (state === 'proposed') {
      note(this.#proposals, clientKey, { value: block.id, untilMs: block.expiresAtMs });
      return { kind: 'proposed', block };
    }
    this.#starts.set(verdict.rule, [...recent, nowMs]);
    const strike: Strike = { value: block.id, atMs: nowMs, untilMs: nowMs + duration.strikeTtlMs };
    note(this.#strikes, clientKey, [...strikes, strike]);
    const entry: BlockEntry = { clientKey, blockId: block.id, rule: block.rule, expiresAtMs: block.expiresAtMs };
    this.#entries.set(clientKey, entry);
    this.#record({ kind: 'added', sequence: this.#sequence + 1, entry });
    return { kind: 'activated', block };
  }

  #keep(block: Block): void {
    this.#blocks.set(block.id, block);
    this.#blocksMade += 1;
    this.#order.set(block.id, this.#blocksMade);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#maxBlocks) break;
      this.#blocks.delete(oldest);
      this.#order.delete(oldest);
    }
  }

  #record(change: Change): void {
    this.#sequence = change.sequence;
    this.#changes.push(change);
    // Cut in slabs: one shift per change would copy the whole log each time.
    if (this.#changes.length >= this.#maxChanges * 2) this.#changes = this.#changes.slice(-this.#maxChanges);
  }

  #cursorOf(page: readonly Block[]): string {
    return String(this.#order.get(page.at(-1)?.id ?? '') ?? 0);
  }

  #forgetStrike(clientKey: string, blockId: string): void {
    const left = (this.#strikes.get(clientKey) ?? []).filter(({ value }) => value !== blockId);
    this.#strikes.set(clientKey, left);
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs && this.#sweepAtMs - nowMs <= sweepEveryMs) return;
    this.#sweepAtMs = nowMs + sweepEveryMs;
    for (const [key, entry] of this.#entries) if (entry.expiresAtMs <= nowMs) this.#entries.delete(key);
    for (const map of [this.#verdicts, this.#proposals]) {
      for (const [key, { untilMs }] of map) if (untilMs <= nowMs) map.delete(key);
    }
    for (const map of [this.#tombstones, this.#allowed]) {
      for (const [key, untilMs] of map) if (untilMs <= nowMs) map.delete(key);
    }
    for (const [key, strikes] of this.#strikes) {
      if (!strikes.some(({ untilMs }) => untilMs > nowMs)) this.#strikes.delete(key);
    }
    for (const [rule, starts] of this.#starts) {
      if (!starts.some((atMs) => atMs > nowMs - budgetWindowMs)) this.#starts.delete(rule);
    }
  }
}
