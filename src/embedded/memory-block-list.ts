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
import { trafficOf } from '../blocklist/budget.ts';
import type { LoggedChanges } from '../blocklist/change-log.ts';
import {
  checkAct,
  checkComment,
  checkedAllowEntry,
  checkedImport,
  checkedManualBlock,
  checkOverride,
  checkRefusalQuery,
  checkRefusals,
  checkRules,
  checkSwitch,
  checkTransition,
} from '../blocklist/checks.ts';
import { manualBlockIdOf } from '../blocklist/promotion.ts';
import type { NotedRule } from '../blocklist/rule-book.ts';
import { canonicalSubject } from '../blocklist/subject.ts';
import type { BlockSubject } from '../client.ts';
import type { Clock } from '../clock.ts';
import { importList } from './memory-block-list-import.ts';
import { ChangeRecords } from './memory-block-list-log.ts';
import { type Book, noteIdentities, noteTraffic, promote } from './memory-block-list-promote.ts';
import * as questions from './memory-block-list-query.ts';
import * as review from './memory-block-list-review.ts';
import { BlockListState } from './memory-block-list-state.ts';
import * as steps from './memory-block-list-steps.ts';
import * as switches from './memory-block-list-switches.ts';

export interface MemoryBlockListOptions {
  readonly clock: Clock;
  /** For the jitter of durations. [0, 1). Default: no jitter. */
  readonly random?: () => number;
  /** Beyond this ended ones are forgotten, the oldest first. Default 10,000. */
  readonly maxBlocks?: number;
  /** Records kept for followers; one that is further behind takes a snapshot. Default 10,000. */
  readonly maxChanges?: number;
  /** Entries in all those records, as imports pack many into one. Default 300,000. */
  readonly maxLoggedEntries?: number;
  /** Entries on one page of a snapshot. Default 5000. */
  readonly entriesPerPage?: number;
}

/** Per kind of note: verdicts, proposals, tombstones, strikes, addresses. */
const maxNotes = 100_000;

/**
 * The block list in this process: for one process, for tests and for replay. It says what the one in Redis has to do, in
 * as few words as possible: each file beside this one is one part of the contract.
 */
export class MemoryBlockList implements BlockList {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #entriesPerPage: number;
  readonly #state: BlockListState;
  readonly #log: ChangeRecords;
  #manual = 0;

  constructor(options: MemoryBlockListOptions) {
    const { clock, random = () => 0, maxBlocks = 10_000, maxChanges = 10_000 } = options;
    const { maxLoggedEntries = 300_000, entriesPerPage = 5000 } = options;
    this.#clock = clock;
    this.#random = random;
    this.#entriesPerPage = entriesPerPage;
    this.#state = new BlockListState({ maxBlocks, maxNotes });
    const epoch = `memory-${clock.nowMs()}-${clock.monotonicUs()}`;
    this.#log = new ChangeRecords({ epoch, maxRecords: maxChanges, maxEntries: maxLoggedEntries });
  }

  promote(promotion: Promotion): Promise<PromotionResult> {
    return this.#write((book) => promote(book, promotion, this.#random));
  }

  noteTraffic(notes: readonly TrafficNote[]): Promise<void> {
    return this.#write((book) => noteTraffic(book, notes));
  }

  noteIdentities(notes: readonly IdentityNote[]): Promise<void> {
    return this.#write((book) => noteIdentities(book, notes));
  }

  get(blockId: string): Promise<Block | null> {
    return this.#read(({ state, nowMs }) => state.blockAt(blockId, nowMs));
  }

  list(query: BlockQuery): Promise<BlockPage> {
    return this.#read((book) => questions.listBlocks(book, query));
  }

  count(filter: BlockFilter, most: number): Promise<BlockCount> {
    return this.#read((book) => questions.countBlocks(book, filter, most));
  }

  history(blockId: string): Promise<readonly BlockStep[]> {
    return this.#read((book) => steps.history(book, blockId));
  }

  comment(blockId: string, act: Act): Promise<BlockStep> {
    return this.#write((book) => {
      checkComment(act);
      return steps.comment(book, blockId, act);
    });
  }

  judgements(): Promise<readonly RuleJudgement[]> {
    return this.#read(questions.judgements);
  }

  noteRules(rules: readonly Omit<NotedRule, 'notedAtMs'>[]): Promise<void> {
    return this.#write((book) => {
      checkRules(rules);
      questions.noteRules(book, rules);
    });
  }

  notedRules(): Promise<readonly NotedRule[]> {
    return this.#read(questions.notedRules);
  }

  ruleByHash(hash: string): Promise<NotedRule | null> {
    return this.#read(({ state }) => state.rulesByHash.get(hash) ?? null);
  }

  transition(blockId: string, transition: Transition): Promise<Block> {
    return this.#write((book) => {
      checkTransition(transition, book.nowMs);
      return steps.transition(book, blockId, transition);
    });
  }

  add(block: ManualBlock): Promise<AddResult> {
    return this.#write((book) => {
      const manual = checkedManualBlock(block, book.nowMs);
      if (manual.key !== undefined) return review.add(book, manual, manualBlockIdOf(manual.key));
      this.#manual += 1;
      return review.add(book, manual, `m-${this.#manual}`);
    });
  }

  allow(entry: AllowEntry): Promise<void> {
    return this.#write((book) => review.allow(book, checkedAllowEntry(entry, book.nowMs)));
  }

  disallow(subject: BlockSubject, act: Act): Promise<boolean> {
    return this.#write((book) => {
      checkAct(act);
      return review.disallow(book, canonicalSubject(subject), act);
    });
  }

  allowEntries(): Promise<readonly AllowEntry[]> {
    return this.#read(review.allowEntries);
  }

  importList(list: ListImport): Promise<ImportResult> {
    return this.#write((book) => importList(book, checkedImport(list, book.nowMs)));
  }

  standing(subject: BlockSubject): Promise<Standing> {
    return this.#read((book) => review.standing(book, canonicalSubject(subject)));
  }

  refusals(blockIds: readonly string[]): Promise<readonly Refusals[]> {
    return this.#read(({ state }) => {
      checkRefusalQuery(blockIds);
      return blockIds.flatMap((blockId) => state.refusals.get(blockId) ?? []);
    });
  }

  allRefusals(): Promise<Omit<Refusals, 'blockId'>> {
    return this.#read(({ state }) => state.refusedInAll);
  }

  noteRefusals(refusals: readonly Refusals[]): Promise<void> {
    return this.#write((book) => {
      checkRefusals(refusals);
      review.noteRefusals(book, refusals);
    });
  }

  switches(): Promise<Switches> {
    return this.#read(switches.switchesOf);
  }

  setSwitch(what: Switched, off: Switch | null, act: Act): Promise<Switches> {
    return this.#write((book) => {
      checkSwitch(what, { off, act }, book.nowMs);
      return switches.setSwitch(book, what, { off, act });
    });
  }

  overrides(): Promise<readonly ModeOverride[]> {
    return this.#read(switches.overridesOf);
  }

  override(override: ModeOverride): Promise<void> {
    return this.#write((book) => {
      checkOverride(override, book.nowMs);
      switches.setOverride(book, override);
    });
  }

  endOverride(rule: string, act: Act): Promise<boolean> {
    return this.#write((book) => {
      checkAct(act);
      return switches.endOverride(book, rule, act);
    });
  }

  breakers(): Promise<readonly Breaker[]> {
    return this.#read(switches.breakersOf);
  }

  resetBreaker(rule: string, act: Act): Promise<boolean> {
    return this.#write((book) => {
      checkAct(act);
      return switches.resetBreaker(book, rule, act);
    });
  }

  traffic(): Promise<Traffic> {
    return this.#read(({ state, nowMs }) => trafficOf(state.traffic.values(), nowMs));
  }

  /** A page token is the position of the first page and the place of the last entry told: entries never move forward. */
  snapshot(page?: string): Promise<SnapshotPage> {
    return this.#read((book) => {
      const { state, nowMs } = book;
      const [sequence = this.#log.sequence, after = 0] = page === undefined ? [] : page.split(' ').map(Number);
      const { placed, hasMore } = state.entriesAfter(after, { most: this.#entriesPerPage, nowMs });
      const last = placed.at(-1)?.place ?? after;
      const exemptions = [...state.allowed].map(([subjectKey, { untilMs }]) => ({ subjectKey, untilMs }));
      return {
        epoch: this.#log.epoch,
        sequence,
        entries: placed.map(({ entry }) => entry),
        exemptions: page === undefined ? exemptions.filter(({ untilMs }) => untilMs > nowMs) : [],
        switches: switches.switchesOf(book),
        nextPage: hasMore ? `${sequence} ${last}` : null,
      };
    });
  }

  changesAfter(cursor: Cursor, maxChanges: number): Promise<Changes> {
    return this.#read(({ log }) => log.after(cursor, maxChanges));
  }

  loggedAfter(cursor: Cursor | null, maxChanges: number): Promise<LoggedChanges> {
    return this.#read(({ log }) => log.loggedAfter(cursor, maxChanges));
  }

  relayedUpTo(): Promise<Cursor | null> {
    return this.#read(({ log }) => log.relayed);
  }

  markRelayed(cursor: Cursor): Promise<void> {
    return this.#write(({ log }) => log.markRelayed(cursor));
  }

  leadRelay(holder: string, ttlMs: number): Promise<boolean> {
    return this.#write(({ log, nowMs }) => log.lead(holder, { ttlMs, nowMs }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** In one turn of the event loop, so that it is atomic; what it throws rejects. */
  async #read<T>(read: (book: Book) => T): Promise<T> {
    return read({ state: this.#state, log: this.#log, nowMs: this.#clock.nowMs() });
  }

  async #write<T>(write: (book: Book) => T): Promise<T> {
    return this.#read((book) => {
      this.#state.sweep(book.nowMs);
      return write(book);
    });
  }
}
