import type { Block } from '../blocklist/block.ts';
import type { Refusals } from '../blocklist/block-feed.ts';
import type {
  Act,
  AddResult,
  AllowEntry,
  BlockPage,
  BlockQuery,
  ManualBlock,
  Standing,
  Transition,
} from '../blocklist/block-review.ts';
import { allowNotice } from '../blocklist/notices.ts';
import {
  allowedReason,
  defaultTombstoneMs,
  isListBlock,
  manualBlockOf,
  supersededReason,
} from '../blocklist/promotion.ts';
import {
  afterTransition,
  blockAt,
  conflictOf,
  endedBy,
  isEnforced,
  isOpen,
  unknownBlock,
} from '../blocklist/transitions.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { removeList } from './memory-block-list-import.ts';
import { type Book, strike } from './memory-block-list-promote.ts';
import { entryOfBlock } from './memory-block-list-state.ts';

const defaultPage = 100;
const maxPage = 500;

export const listBlocks = ({ state, nowMs }: Book, query: BlockQuery): BlockPage => {
  const limit = Math.min(maxPage, Math.max(1, query.limit ?? defaultPage));
  const cursor = query.cursor !== undefined && /^\d{1,15}$/.test(query.cursor) ? Number(query.cursor) : null;
  const blocks: Block[] = [];
  let lastOrder = 0;
  for (const stored of [...state.blocks.values()].reverse()) {
    if (cursor !== null && stored.order >= cursor) continue;
    const block = blockAt(stored.block, nowMs);
    if (query.states && !query.states.includes(block.state)) continue;
    if (query.rule !== undefined && block.rule !== query.rule) continue;
    if (query.subjectKey !== undefined && subjectKeyOf(block.subject) !== query.subjectKey) continue;
    if (blocks.length === limit) return { blocks, nextCursor: String(lastOrder) };
    blocks.push(block);
    lastOrder = stored.order;
  }
  return { blocks, nextCursor: null };
};

/** One step of one block. Throws BLOCK_NOT_FOUND, BLOCK_CONFLICT. */
export const transition = (book: Book, blockId: string, step: Transition): Block => {
  const { state, log, nowMs } = book;
  const before = state.blockAt(blockId, nowMs);
  if (before === null) throw unknownBlock(blockId);
  const block = afterTransition(before, step, nowMs);
  if (step.kind === 'activate' && state.allowedAtOrBehind(block.subject, nowMs).length > 0) throw conflictOf(before);
  if (isListBlock(block) && step.kind === 'lift') return removeList(book, block);
  const subjectKey = subjectKeyOf(block.subject);
  if (step.kind === 'activate') strike(book, block, state.blocks.get(blockId)?.strikeTtlMs ?? 0);
  if (step.kind === 'lift') {
    const untilMs = nowMs + (step.tombstoneMs ?? defaultTombstoneMs);
    if (untilMs > nowMs) state.note(state.tombstones, subjectKey, { value: block.subject, untilMs });
    if (step.reason === 'false-positive') takeStrikeBack(book, subjectKey, blockId);
  }
  state.keep(block, nowMs);
  if (block.state === 'proposed')
    state.note(state.proposals, subjectKey, { value: blockId, untilMs: block.expiresAtMs });
  else if (state.proposals.get(subjectKey)?.value === blockId) state.proposals.delete(subjectKey);
  if (isEnforced(block.state) && step.kind !== 'confirm') enforce(book, block);
  else if (isEnforced(before.state) && block.state === 'lifted') unenforce(book, block);
  else log.append({ kind: 'noted' }, block, nowMs);
  return block;
};

const takeStrikeBack = ({ state, nowMs }: Book, subjectKey: string, blockId: string): void => {
  const left = state.strikesOf(subjectKey, nowMs).filter(({ value }) => value !== blockId);
  if (left.length === 0) state.strikes.delete(subjectKey);
  else state.strikes.set(subjectKey, left);
};

const enforce = ({ state, log, nowMs }: Book, block: Block): void => {
  const entry = entryOfBlock(block);
  state.putEntry(entry);
  log.append({ kind: 'added', entries: [entry] }, block, nowMs);
};

/** An ended block takes its entry along: what takes a block's entry ends the block. */
const unenforce = ({ state, log, nowMs }: Book, block: Block): void => {
  const subjectKey = subjectKeyOf(block.subject);
  state.entries.delete(subjectKey);
  log.append({ kind: 'removed', entries: [{ subjectKey, blockId: block.id }] }, block, nowMs);
};

/** Ends the block and the proposal of a subject for one that takes their place. The entry is about to be overwritten. */
const supersede = (book: Book, subjectKey: string, { by, actor }: { by: string; actor: string }): void => {
  const { state, log, nowMs } = book;
  for (const blockId of [state.entryOf(subjectKey, nowMs)?.blockId, state.proposals.get(subjectKey)?.value]) {
    const block = blockId === undefined || blockId === by ? null : state.blockAt(blockId, nowMs);
    if (block === null || !isOpen(block.state) || isListBlock(block)) continue;
    const ended = endedBy(block, { state: 'superseded', reason: supersededReason(by), actor });
    state.keep(ended, nowMs);
    log.append({ kind: 'noted' }, ended, nowMs);
  }
  state.proposals.delete(subjectKey);
};

/** A block by hand. Throws INPUT_INVALID. */
export const add = (book: Book, manual: ManualBlock, blockId: string): AddResult => {
  const { state, nowMs } = book;
  const guards = state.allowedAtOrBehind(manual.subject, nowMs);
  const by = guards.find(({ kind }) => kind === 'allow') ?? guards[0];
  if (by) return { kind: 'refused', reason: by.kind === 'allow' ? 'allow-list' : 'canary', by };
  const block = manualBlockOf(manual, blockId, nowMs);
  supersede(book, subjectKeyOf(block.subject), { by: block.id, actor: manual.actor });
  state.keep(block, nowMs);
  enforce(book, block);
  return { kind: 'added', block };
};

/** Gates exempt the subject; then what is in force of exactly it, and its open proposal, are lifted. */
export const allow = (book: Book, entry: AllowEntry): void => {
  const { state, log, nowMs } = book;
  const subjectKey = subjectKeyOf(entry.subject);
  state.note(state.allowed, subjectKey, entry);
  const exemption = { subjectKey, untilMs: entry.untilMs };
  log.append({ kind: 'exempted', exemption }, allowNotice(nowMs, entry), nowMs);
  const end = { state: 'lifted', reason: allowedReason(entry.note), actor: entry.actor } as const;
  const enforced = state.entryOf(subjectKey, nowMs);
  const block = enforced && state.blockAt(enforced.blockId, nowMs);
  if (enforced && (block === null || isListBlock(block))) {
    state.entries.delete(subjectKey);
    const told = block ?? allowNotice(nowMs, entry);
    log.append({ kind: 'removed', entries: [{ subjectKey, blockId: enforced.blockId }] }, told, nowMs);
  } else if (block) {
    const ended = endedBy(block, end);
    state.keep(ended, nowMs);
    unenforce(book, ended);
  }
  const proposal = state.proposals.get(subjectKey);
  const proposed = proposal ? state.blockAt(proposal.value, nowMs) : null;
  state.proposals.delete(subjectKey);
  if (proposed?.state !== 'proposed') return;
  const dismissed = endedBy(proposed, end);
  state.keep(dismissed, nowMs);
  log.append({ kind: 'noted' }, dismissed, nowMs);
};

/** False: nothing was allowed. */
export const disallow = ({ state, log, nowMs }: Book, subject: BlockSubject, act: Act): boolean => {
  const subjectKey = subjectKeyOf(subject);
  const entry = state.allowed.get(subjectKey);
  if (entry === undefined || entry.untilMs <= nowMs) return false;
  state.allowed.delete(subjectKey);
  log.append({ kind: 'exempted', exemption: { subjectKey, untilMs: 0 } }, allowNotice(nowMs, entry, act), nowMs);
  return true;
};

export const allowEntries = ({ state, nowMs }: Book): readonly AllowEntry[] =>
  [...state.allowed.values()]
    .filter(({ untilMs }) => untilMs > nowMs)
    .sort((left, right) => left.untilMs - right.untilMs);

export const standing = ({ state, nowMs }: Book, subject: BlockSubject): Standing => ({
  entries: state.entriesAround(subject, nowMs),
  allowed: state.allowedAtOrBehind(subject, nowMs),
  tombstoneUntilMs: state.tombstoneUntilMs(subject, nowMs),
  strikes: state.strikesOf(subjectKeyOf(subject), nowMs).map(({ value, untilMs }) => ({ blockId: value, untilMs })),
  proposalId: state.proposalAround(subject, nowMs),
  identities: state.identitiesOf(subject, nowMs),
});

/** Adds to what is told of each block, and of all. */
export const noteRefusals = ({ state }: Book, refusals: readonly Refusals[]): void => {
  for (const told of refusals) {
    if (!state.blocks.has(told.blockId)) continue;
    const before = state.refusals.get(told.blockId);
    state.refusals.set(told.blockId, { ...sumOf(before, told), blockId: told.blockId });
    state.refusedInAll = sumOf(state.refusedInAll, told);
  }
};

type Sums = Omit<Refusals, 'blockId'>;

const sumOf = (before: Sums | undefined, told: Sums): Sums => ({
  refused: (before?.refused ?? 0) + told.refused,
  commands: (before?.commands ?? 0) + told.commands,
  bytes: (before?.bytes ?? 0) + told.bytes,
  lastAtMs: Math.max(before?.lastAtMs ?? 0, told.lastAtMs),
});
