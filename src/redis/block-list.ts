import { randomBytes } from 'node:crypto';
import type { Block } from '../blocklist/block.ts';
import type {
  BlockEntry,
  BlockList,
  BlockPage,
  BlockQuery,
  Changes,
  Cursor,
  Lift,
  Promotion,
  PromotionResult,
  Snapshot,
} from '../blocklist/block-list.ts';
import {
  blockIdOf,
  budgetWindowMs,
  defaultTombstoneMs,
  durationTermsOf,
  liftReason,
  millionthsOf,
  overBudgetReason,
  underReviewReason,
} from '../blocklist/promotion.ts';
import { blockAt } from '../blocklist/transitions.ts';
import { type Client, clientKeyOf } from '../client.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { blockFromFields, brokenReply, changesFrom, entryFromLine, type FixedPart, fieldsOf } from './block-record.ts';
import { checkConnection, type RedisConnection } from './client.ts';
import { keyPrefix } from './keys.ts';
import { loadScript, runScript, type Script } from './scripts.ts';

export interface RedisBlockListOptions {
  /** From openRedis, or the host's own connection. Its owner closes it. */
  readonly redis: RedisConnection;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's clock, for replay and tests only. */
  readonly nowMs?: () => number;
  /** For the jitter of durations. [0, 1). Default: no jitter. */
  readonly random?: () => number;
  /** Changes kept for followers; one that is further behind takes a snapshot. Default 10,000. */
  readonly maxChanges?: number;
  /** The oldest leave the listing beyond this. Default 50,000. */
  readonly maxBlocks?: number;
}

const dayMs = 86_400_000;
/** How long a block can be looked up after it would have ended. */
const retentionMs = 30 * dayMs;
/** Log time may run slower than wall time: a key must not be gone before log time has passed its end. */
const replayKeyTtlMs = 3_600_000;
const defaultPage = 100;
const maxPage = 500;
/** How many blocks one listing reads at most to find those that match. */
const maxScanned = 20_000;
const entriesPerScan = 1000;

/** The block list in Redis, shared by all detectors and gates. Every write is one script; all keys are in one slot. */
export class RedisBlockList implements BlockList {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  readonly #nowMs: (() => number) | undefined;
  readonly #random: () => number;
  readonly #maxChanges: number;
  readonly #maxBlocks: number;
  readonly #promote = loadScript('block-promote');
  readonly #lift = loadScript('block-lift');
  readonly #changes = loadScript('block-changes');

  /** Throws CONFIG_INVALID. */
  constructor(options: RedisBlockListOptions) {
    checkConnection('new RedisBlockList()', options);
    const { redis, namespace = 'default', nowMs, random = () => 0, maxChanges = 10_000, maxBlocks = 50_000 } = options;
    this.#redis = redis;
    this.#prefix = `${keyPrefix(namespace)}{bl}:`;
    this.#nowMs = nowMs;
    this.#random = random;
    this.#maxChanges = maxChanges;
    this.#maxBlocks = maxBlocks;
  }

  async promote(promotion: Promotion): Promise<PromotionResult> {
    const { verdict } = promotion;
    const clientKey = clientKeyOf(verdict.client);
    const blockId = blockIdOf(promotion);
    const { client, tenant, rule, ruleHash, id: verdictId, evidence } = verdict;
    const fixed: FixedPart = { client, tenant, rule, ruleHash, verdictId, evidence };
    const keys = [
      ...this.#listKeys(),
      this.#key('blocks'),
      this.#key('block', blockId),
      this.#key('verdict', verdictId),
      this.#key('strikes', clientKey),
      this.#key('tombstone', clientKey),
      this.#key('allow', clientKey),
      this.#key('proposal', clientKey),
      this.#key('budget', rule),
    ];
    const reply = await this.#run(this.#promote, keys, this.#promoteArgs(promotion, JSON.stringify(fixed)));
    const [kind, id, reason, blockedAt, expiresAt, strikes, state] = reply;
    if (kind === 'already') return { kind, blockId: String(id) };
    if (kind === 'suppressed' && (reason === 'tombstone' || reason === 'allow-list' || reason === 'stale')) {
      return { kind, reason };
    }
    if (kind !== 'activated' && kind !== 'proposed') throw brokenReply('the result of a promotion');
    const fields = {
      fixed: JSON.stringify(fixed),
      state: String(state),
      version: '1',
      blockedAtMs: String(blockedAt),
      expiresAtMs: String(expiresAt),
      strikes: String(strikes),
      reason: String(reason),
      actor: 'detector',
    };
    return { kind, block: this.#blockOf(blockId, fields) };
  }

  async get(blockId: string): Promise<Block | null> {
    const nowMs = await this.#now();
    const [block] = await this.#read([blockId]);
    return block ? blockAt(block, nowMs) : null;
  }

  async list(query: BlockQuery): Promise<BlockPage> {
    const limit = Math.min(maxPage, Math.max(1, query.limit ?? defaultPage));
    const nowMs = await this.#now();
    const matches = (block: Block): boolean =>
      (query.states === undefined || query.states.includes(block.state)) &&
      (query.rule === undefined || block.rule === query.rule) &&
      (query.clientKey === undefined || clientKeyOf(block.client) === query.clientKey);
    const found: Block[] = [];
    let cursor = query.cursor !== undefined && /^\d{1,15}$/.test(query.cursor) ? query.cursor : '+inf';
    let lastOrder = cursor;
    for (let scanned = 0; scanned < maxScanned; scanned += maxPage) {
      const page = await this.#page(cursor);
      const blocks = await this.#read(page.map(({ id }) => id));
      for (const [index, { order }] of page.entries()) {
        const stored = blocks[index];
        const block = stored ? blockAt(stored, nowMs) : null;
        if (block && matches(block)) {
          if (found.length === limit) return { blocks: found, nextCursor: lastOrder };
          found.push(block);
        }
        lastOrder = order;
      }
      if (page.length < maxPage) return { blocks: found, nextCursor: null };
      cursor = lastOrder;
    }
    return { blocks: found, nextCursor: lastOrder };
  }

  async lift(blockId: string, lift: Lift): Promise<Block> {
    // The client of a block never changes, so reading it first takes nothing from the script's atomicity.
    const [block] = await this.#read([blockId]);
    if (!block) throw new TidegateError('BLOCK_NOT_FOUND', `no block has the id ${blockId}`);
    const clientKey = clientKeyOf(block.client);
    const keys = [
      ...this.#listKeys(),
      this.#key('block', blockId),
      this.#key('strikes', clientKey),
      this.#key('tombstone', clientKey),
      this.#key('proposal', clientKey),
    ];
    const [status, ...fields] = await this.#run(this.#lift, keys, [
      this.#nowMs?.() ?? 0,
      blockId,
      clientKey,
      lift.ifVersion ?? 0,
      lift.tombstoneMs ?? defaultTombstoneMs,
      liftReason(lift),
      lift.actor,
      lift.reason === 'false-positive' ? 1 : 0,
      this.#leastTtlMs(),
      this.#maxChanges,
    ]);
    if (status === 'missing') throw new TidegateError('BLOCK_NOT_FOUND', `no block has the id ${blockId}`);
    const stored = this.#blockOf(blockId, fieldsOf(fields));
    if (status === 'lifted') return stored;
    const now = blockAt(stored, await this.#now());
    throw new TidegateError('BLOCK_CONFLICT', `block ${blockId} is ${now.state} in version ${now.version}`);
  }

  /** Keeps this client off the list until then. A block in force stays: lift it. */
  async allow(client: Client, untilMs: number): Promise<void> {
    const ttlMs = Math.max(untilMs - (await this.#now()), this.#leastTtlMs());
    if (ttlMs <= 0) return;
    await this.#guard(this.#redis.set(this.#key('allow', clientKeyOf(client)), untilMs, 'PX', ttlMs));
  }

  /**
   * The position is read before the entries, which are scanned without stopping the server: what changes meanwhile is
   * told again by the changes after that position, and applying a change twice changes nothing.
   */
  async snapshot(): Promise<Snapshot> {
    const { epoch, sequence, ...position } = await this.#position();
    const nowMs = this.#nowMs?.() ?? position.nowMs;
    const entries = new Map<string, BlockEntry>();
    let scan = '0';
    do {
      const [next, flat] = await this.#guard(this.#redis.hscan(this.#key('entries'), scan, 'COUNT', entriesPerScan));
      for (const [clientKey, line] of Object.entries(fieldsOf(flat))) {
        const entry = entryFromLine(clientKey, line);
        if (entry.expiresAtMs > nowMs) entries.set(clientKey, entry);
      }
      scan = next;
    } while (scan !== '0');
    return { epoch, sequence, entries: [...entries.values()] };
  }

  async changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes> {
    const args = [cursor.epoch, cursor.sequence, maxChanges];
    const reply = await this.#run(this.#changes, this.#changeKeys(), args);
    if (reply[0] !== 0) return { kind: 'gap' };
    const changes = changesFrom(reply, 4);
    const sequence = changes.at(-1)?.sequence ?? cursor.sequence;
    return { kind: 'changes', cursor: { epoch: cursor.epoch, sequence }, changes };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #promoteArgs(promotion: Promotion, fixed: string): (string | number)[] {
    const { verdict, duration, mode, maxBlocksPerHour } = promotion;
    const terms = durationTermsOf(duration);
    return [
      this.#nowMs?.() ?? 0,
      randomBytes(8).toString('hex'),
      blockIdOf(promotion),
      clientKeyOf(verdict.client),
      verdict.rule,
      verdict.atMs,
      mode,
      maxBlocksPerHour,
      budgetWindowMs,
      terms.baseMs,
      terms.factorThousandths,
      terms.maxMs,
      terms.jitterMillionths,
      millionthsOf(this.#random()),
      duration.strikeTtlMs,
      fixed,
      underReviewReason(verdict.rule),
      overBudgetReason(verdict.rule),
      retentionMs,
      this.#leastTtlMs(),
      this.#maxChanges,
      this.#maxBlocks,
    ];
  }

  #key(...parts: string[]): string {
    return this.#prefix + parts.join(':');
  }

  #listKeys(): string[] {
    return [this.#key('list'), this.#key('entries'), this.#key('expiries'), this.#key('changes')];
  }

  #changeKeys(): string[] {
    return [this.#key('list'), this.#key('changes')];
  }

  #leastTtlMs(): number {
    return this.#nowMs ? replayKeyTtlMs : 0;
  }

  /** In a cluster, TIME alone would be asked of any node: a script reads the clock of the one that holds the list. */
  async #now(): Promise<number> {
    return this.#nowMs?.() ?? (await this.#position()).nowMs;
  }

  async #position(): Promise<{ epoch: string; sequence: number; nowMs: number }> {
    const [, epoch, sequence, nowMs] = await this.#run(this.#changes, this.#changeKeys(), ['', 0, 1]);
    return { epoch: String(epoch), sequence: Number(sequence), nowMs: Number(nowMs) };
  }

  /** Up to a page of ids below the cursor, newest first. */
  async #page(cursor: string): Promise<{ id: string; order: string }[]> {
    const below = cursor === '+inf' ? cursor : `(${cursor}`;
    const flat = await this.#guard(
      this.#redis.zrevrangebyscore(this.#key('blocks'), below, '-inf', 'WITHSCORES', 'LIMIT', 0, maxPage),
    );
    return Object.entries(fieldsOf(flat)).map(([id, order]) => ({ id, order }));
  }

  async #read(blockIds: readonly string[]): Promise<(Block | null)[]> {
    if (blockIds.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const blockId of blockIds) pipeline.hgetall(this.#key('block', blockId));
    const replies = await this.#guard(pipeline.exec());
    return blockIds.map((blockId, index) => {
      const [error, fields] = replies?.[index] ?? [brokenReply('a block'), null];
      if (error) throw this.#failure(error);
      return blockFromFields(blockId, fields as Record<string, string>);
    });
  }

  #blockOf(blockId: string, fields: Readonly<Record<string, string>>): Block {
    const block = blockFromFields(blockId, fields);
    if (!block) throw brokenReply('a block');
    return block;
  }

  async #run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown[]> {
    const reply = await this.#guard(runScript(this.#redis, script, { keys, args }));
    if (!Array.isArray(reply)) throw brokenReply(`the reply of ${script.name}`);
    return reply;
  }

  async #guard<T>(command: Promise<T>): Promise<T> {
    try {
      return await command;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(cause: unknown): TidegateError {
    if (cause instanceof TidegateError) return cause;
    return new TidegateError('STORE_FAILED', `Redis: ${messageOf(cause)}`, { cause, retryable: true });
  }
}
