import type { Block } from '../blocklist/block.ts';
import type { Changes, Cursor, Refusals, SnapshotPage } from '../blocklist/block-feed.ts';
import type { BlockList } from '../blocklist/block-list.ts';
import type { IdentityNote, Promotion, PromotionResult, TrafficNote } from '../blocklist/block-promoter.ts';
import type {
  Act,
  AddResult,
  AllowEntry,
  BlockCount,
  BlockFilter,
  BlockPage,
  BlockQuery,
  BlockStep,
  ImportResult,
  ListImport,
  ManualBlock,
  RuleJudgement,
  Standing,
  Transition,
} from '../blocklist/block-review.ts';
import type { Breaker, ModeOverride, Switch, Switched, Switches, Traffic } from '../blocklist/block-switches.ts';
import type { LoggedChanges } from '../blocklist/change-log.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import type { BlockSubject } from '../client.ts';
import { RedisBlockFeed } from './block-feed.ts';
import { RedisBlockPages } from './block-pages.ts';
import { RedisBlockPromoter } from './block-promoter.ts';
import { RedisChangeLog } from './block-relay.ts';
import { RedisBlockReview } from './block-review.ts';
import { BlockScripts } from './block-scripts.ts';
import { RedisBlockSteps } from './block-steps.ts';
import { RedisBlockSwitches } from './block-switchboard.ts';
import { checkConnection, type RedisConnection } from './client.ts';
import { RedisRuleBook } from './rule-book.ts';

export interface RedisBlockListOptions {
  /** From openRedis, or the host's own connection. Its owner closes it. */
  readonly redis: RedisConnection;
  /** Keeps installations apart that share a Redis. Default `default`. */
  readonly namespace?: string;
  /** Replaces the server's clock, for replay and tests only. */
  readonly nowMs?: () => number;
  /** For the jitter of durations. [0, 1). Default: no jitter. */
  readonly random?: () => number;
  /** Records kept for followers; one that is further behind takes a snapshot. Default 10,000. */
  readonly maxChanges?: number;
  /** Entries in all those records, as imports pack many into one. Default 300,000. */
  readonly maxLoggedEntries?: number;
  /** The oldest leave the listing beyond this, ended ones first; each takes about 2.4 kB. Default 1,000,000. */
  readonly maxBlocks?: number;
  /** Entries on one page of a snapshot, about. Default 5000. */
  readonly entriesPerPage?: number;
}

/** The block list in Redis, shared by all detectors and gates. Every write is one script; all keys are in one slot. */
export class RedisBlockList implements BlockList {
  readonly #feed: RedisBlockFeed;
  readonly #promoter: RedisBlockPromoter;
  readonly #review: RedisBlockReview;
  readonly #steps: RedisBlockSteps;
  readonly #pages: RedisBlockPages;
  readonly #rules: RedisRuleBook;
  readonly #switches: RedisBlockSwitches;
  readonly #log: RedisChangeLog;

  /** Throws CONFIG_INVALID. */
  constructor(options: RedisBlockListOptions) {
    checkConnection('new RedisBlockList()', options);
    const { redis, namespace = 'default', nowMs, random = () => 0, entriesPerPage = 5000 } = options;
    const { maxChanges = 10_000, maxLoggedEntries = 300_000, maxBlocks = 1_000_000 } = options;
    const scripts = new BlockScripts({ redis, namespace, nowMs, maxChanges, maxLoggedEntries, maxBlocks });
    this.#feed = new RedisBlockFeed(scripts, entriesPerPage);
    this.#promoter = new RedisBlockPromoter(scripts, random);
    this.#review = new RedisBlockReview(scripts);
    this.#steps = new RedisBlockSteps(scripts);
    this.#pages = new RedisBlockPages(scripts);
    this.#rules = new RedisRuleBook(scripts);
    this.#switches = new RedisBlockSwitches(scripts);
    this.#log = new RedisChangeLog(scripts);
  }

  promote(promotion: Promotion): Promise<PromotionResult> {
    return this.#promoter.promote(promotion);
  }

  noteTraffic(notes: readonly TrafficNote[]): Promise<void> {
    return this.#promoter.noteTraffic(notes);
  }

  noteIdentities(notes: readonly IdentityNote[]): Promise<void> {
    return this.#promoter.noteIdentities(notes);
  }

  get(blockId: string): Promise<Block | null> {
    return this.#review.get(blockId);
  }

  list(query: BlockQuery): Promise<BlockPage> {
    return this.#pages.list(query);
  }

  count(filter: BlockFilter, most: number): Promise<BlockCount> {
    return this.#pages.count(filter, most);
  }

  history(blockId: string): Promise<readonly BlockStep[]> {
    return this.#steps.history(blockId);
  }

  comment(blockId: string, act: Act): Promise<BlockStep> {
    return this.#steps.comment(blockId, act);
  }

  judgements(): Promise<readonly RuleJudgement[]> {
    return this.#review.judgements();
  }

  noteRules(rules: readonly Omit<NotedRule, 'notedAtMs'>[]): Promise<void> {
    return this.#rules.noteRules(rules);
  }

  notedRules(): Promise<readonly NotedRule[]> {
    return this.#rules.notedRules();
  }

  ruleByHash(hash: string): Promise<NotedRule | null> {
    return this.#rules.ruleByHash(hash);
  }

  transition(blockId: string, transition: Transition): Promise<Block> {
    return this.#steps.transition(blockId, transition);
  }

  add(block: ManualBlock): Promise<AddResult> {
    return this.#review.add(block);
  }

  allow(entry: AllowEntry): Promise<void> {
    return this.#review.allow(entry);
  }

  disallow(subject: BlockSubject, act: Act): Promise<boolean> {
    return this.#review.disallow(subject, act);
  }

  allowEntries(): Promise<readonly AllowEntry[]> {
    return this.#review.allowEntries();
  }

  importList(list: ListImport): Promise<ImportResult> {
    return this.#review.importList(list);
  }

  standing(subject: BlockSubject): Promise<Standing> {
    return this.#review.standing(subject);
  }

  refusals(blockIds: readonly string[]): Promise<readonly Refusals[]> {
    return this.#review.refusals(blockIds);
  }

  allRefusals(): Promise<Omit<Refusals, 'blockId'>> {
    return this.#review.allRefusals();
  }

  switches(): Promise<Switches> {
    return this.#switches.switches();
  }

  setSwitch(what: Switched, off: Switch | null, act: Act): Promise<Switches> {
    return this.#switches.setSwitch(what, off, act);
  }

  overrides(): Promise<readonly ModeOverride[]> {
    return this.#switches.overrides();
  }

  override(override: ModeOverride): Promise<void> {
    return this.#switches.override(override);
  }

  endOverride(rule: string, act: Act): Promise<boolean> {
    return this.#switches.endOverride(rule, act);
  }

  breakers(): Promise<readonly Breaker[]> {
    return this.#switches.breakers();
  }

  resetBreaker(rule: string, act: Act): Promise<boolean> {
    return this.#switches.resetBreaker(rule, act);
  }

  traffic(): Promise<Traffic> {
    return this.#switches.traffic();
  }

  snapshot(page?: string): Promise<SnapshotPage> {
    return this.#feed.snapshot(page);
  }

  changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes> {
    return this.#feed.changesAfter(cursor, maxChanges);
  }

  noteRefusals(refusals: readonly Refusals[]): Promise<void> {
    return this.#feed.noteRefusals(refusals);
  }

  loggedAfter(cursor: Cursor | null, maxChanges: number): Promise<LoggedChanges> {
    return this.#log.loggedAfter(cursor, maxChanges);
  }

  relayedUpTo(): Promise<Cursor | null> {
    return this.#log.relayedUpTo();
  }

  markRelayed(cursor: Cursor): Promise<void> {
    return this.#log.markRelayed(cursor);
  }

  leadRelay(holder: string, ttlMs: number): Promise<boolean> {
    return this.#log.leadRelay(holder, ttlMs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
