import type { Block, Label } from '../blocklist/block.ts';
import type { Act, BlockStep, Transition } from '../blocklist/block-review.ts';
import { defaultTombstoneMs, isListBlock, supersededReason } from '../blocklist/promotion.ts';
import {
  judgedBy,
  keepsPlace,
  madeStep,
  reasonCodeOf,
  type StepTaken,
  setsLabel,
  stepOf,
  stepTaken,
  toldBy,
  type Undo,
} from '../blocklist/steps.ts';
import {
  afterTransition,
  afterUndo,
  blockAt,
  conflictOf,
  endedBy,
  isOpen,
  type Step,
  unknownBlock,
} from '../blocklist/transitions.ts';
import { subjectKeyOf } from '../client.ts';
import { removeList } from './memory-block-list-import.ts';
import { type Book, strike } from './memory-block-list-promote.ts';
import { entryOfBlock, type StoredBlock } from './memory-block-list-state.ts';

/** One step of one block. Throws BLOCK_NOT_FOUND, BLOCK_CONFLICT. */
export const transition = (book: Book, blockId: string, step: Transition): Block => {
  const { state, nowMs } = book;
  const stored = state.blocks.get(blockId);
  if (stored === undefined) throw unknownBlock(blockId);
  const taken = stepTaken(step.kind, step, reasonCodeOf(step));
  const block = step.kind === 'undo' ? undone(book, stored, step) : stepped(book, stored, step);
  if (isListBlock(block) && step.kind === 'lift') removeList(book, { lifted: block, taken });
  else tellStep(book, { before: blockAt(stored.block, nowMs), block, taken });
  state.noteStep(stepOf(block, taken, nowMs), blockId);
  return block;
};

const stepped = (book: Book, stored: StoredBlock, step: Step): Block => {
  const { state, nowMs } = book;
  const before = blockAt(stored.block, nowMs);
  const block = afterTransition(before, step, nowMs);
  const subjectKey = subjectKeyOf(block.subject);
  const hadStrike = state.strikesOf(subjectKey, nowMs).find(({ value }) => value === block.id);
  if (step.kind === 'activate') {
    if (state.allowedAtOrBehind(block.subject, nowMs).length > 0) throw conflictOf(before);
    strike(book, block, stored.strikeTtlMs);
  }
  const isLifted = step.kind === 'lift' && !isListBlock(block);
  const tombstone = isLifted ? buried(book, block, step.tombstoneMs ?? defaultTombstoneMs) : null;
  if (isLifted && step.reason === 'false-positive') takeStrikeBack(book, block);
  const labelledAtMs = setsLabel(step) ? nowMs : stored.labelledAtMs;
  judge(book, block, labelledAtMs);
  state.keep(block, nowMs);
  const { state: was, blockedAtMs, expiresAtMs, action, reason, assignee, label } = before;
  const undo: Undo = {
    ...{ state: was, blockedAtMs, expiresAtMs, action, reason, assignee, label },
    labelledAtMs: stored.labelledAtMs,
    strikeUntilMs: hadStrike?.untilMs ?? null,
    tombstone,
  };
  // What a list held is dropped with it.
  state.noteUndo(block.id, { labelledAtMs, undo: isListBlock(block) && step.kind === 'lift' ? null : undo });
  return block;
};

const undone = (book: Book, stored: StoredBlock, step: Transition): Block => {
  const { state, nowMs } = book;
  const { undo } = stored;
  const before = blockAt(stored.block, nowMs);
  const block = afterUndo(before, step, { undo, nowMs });
  if (undo === null || !hasRoom(book, { before, block })) throw conflictOf(before);
  const subjectKey = subjectKeyOf(block.subject);
  const { tombstone } = undo;
  const heldUntilMs = Math.max(nowMs, state.tombstones.get(subjectKey)?.untilMs ?? 0);
  // One that came later is somebody else's.
  if (tombstone !== null && heldUntilMs === Math.max(nowMs, tombstone.afterMs)) {
    state.tombstones.delete(subjectKey);
    if (tombstone.beforeMs > nowMs) {
      state.note(state.tombstones, subjectKey, { value: block.subject, untilMs: tombstone.beforeMs });
    }
  }
  takeStrikeBack(book, block);
  if (undo.strikeUntilMs !== null) strike(book, block, undo.strikeUntilMs - nowMs);
  judge(book, block, undo.labelledAtMs);
  state.keep(block, nowMs);
  state.noteUndo(block.id, { labelledAtMs: undo.labelledAtMs, undo: null });
  return block;
};

/** Whether nothing has taken the place that an undo gives back. */
const hasRoom = ({ state, nowMs }: Book, { before, block }: { before: Block; block: Block }): boolean => {
  if (keepsPlace(before, block)) return true;
  if (state.allowedAtOrBehind(block.subject, nowMs).length > 0) return false;
  const subjectKey = subjectKeyOf(block.subject);
  const proposal = state.proposals.get(subjectKey);
  const proposed = proposal && proposal.untilMs > nowMs ? proposal.value : block.id;
  return proposed === block.id && (state.entryOf(subjectKey, nowMs)?.blockId ?? block.id) === block.id;
};

/** Writes the entry and the proposal that a block has now, and tells gates and the audit. */
const tellStep = (book: Book, { before, block, taken }: { before: Block; block: Block; taken: StepTaken }): void => {
  const { state, log, nowMs } = book;
  const subjectKey = subjectKeyOf(block.subject);
  if (block.state === 'proposed') {
    state.note(state.proposals, subjectKey, { value: block.id, untilMs: block.expiresAtMs });
  } else if (state.proposals.get(subjectKey)?.value === block.id) state.proposals.delete(subjectKey);
  const told = toldBy(before, block);
  if (told === 'added') enforce(book, block, taken);
  else if (told === 'removed') unenforce(book, block, taken);
  else log.append({ kind: 'noted' }, block, { timeMs: nowMs, step: taken });
};

const buried = ({ state, nowMs }: Book, { subject }: Block, tombstoneMs: number): Undo['tombstone'] => {
  if (tombstoneMs === 0) return null;
  const subjectKey = subjectKeyOf(subject);
  const beforeMs = state.tombstones.get(subjectKey)?.untilMs ?? 0;
  state.note(state.tombstones, subjectKey, { value: subject, untilMs: nowMs + tombstoneMs });
  return { beforeMs, afterMs: nowMs + tombstoneMs };
};

const takeStrikeBack = ({ state, nowMs }: Book, block: Block): void => {
  const subjectKey = subjectKeyOf(block.subject);
  const left = state.strikesOf(subjectKey, nowMs).filter(({ value }) => value !== block.id);
  if (left.length === 0) state.strikes.delete(subjectKey);
  else state.strikes.set(subjectKey, left);
};

/** Counts the label that a block has now for the rule that made it. */
const judge = ({ state }: Book, block: Block, labelledAtMs: number | null): void => {
  const by = judgedBy(block);
  const judged = by === null ? undefined : state.judged.get(by);
  if (!judged) return;
  judged.labels.delete(block.id);
  if (block.label === null || labelledAtMs === null) return;
  judged.labels.set(block.id, { label: block.label satisfies Label, atMs: labelledAtMs });
};

export const enforce = ({ state, log, nowMs }: Book, block: Block, step: StepTaken): void => {
  const entry = entryOfBlock(block);
  state.putEntry(entry);
  log.append({ kind: 'added', entries: [entry] }, block, { timeMs: nowMs, step });
};

/** An ended block takes its entry along: what takes a block's entry ends the block. */
export const unenforce = ({ state, log, nowMs }: Book, block: Block, step: StepTaken): void => {
  const subjectKey = subjectKeyOf(block.subject);
  state.entries.delete(subjectKey);
  log.append({ kind: 'removed', entries: [{ subjectKey, blockId: block.id }] }, block, { timeMs: nowMs, step });
};

/** Ends the block and the proposal of a subject for one that takes their place. The entry is about to be overwritten. */
export const supersede = (book: Book, subjectKey: string, { by, act }: { by: string; act: Act }): void => {
  const { state, log, nowMs } = book;
  for (const blockId of [state.entryOf(subjectKey, nowMs)?.blockId, state.proposals.get(subjectKey)?.value]) {
    const block = blockId === undefined || blockId === by ? null : state.blockAt(blockId, nowMs);
    if (block === null || !isOpen(block.state) || isListBlock(block)) continue;
    const ended = endedBy(block, { state: 'superseded', reason: supersededReason(by), actor: act.actor });
    state.keep(ended, nowMs);
    const step = stepTaken('superseded', { ...act, note: ended.reason });
    state.noteStep(stepOf(ended, step, nowMs), ended.id);
    log.append({ kind: 'noted' }, ended, { timeMs: nowMs, step });
  }
  state.proposals.delete(subjectKey);
};

export const comment = ({ state, log, nowMs }: Book, blockId: string, act: Act): BlockStep => {
  const block = state.blockAt(blockId, nowMs);
  if (block === null) throw unknownBlock(blockId);
  const taken = stepTaken('comment', act);
  const step = stepOf(block, taken, nowMs);
  state.noteStep(step, blockId);
  log.append({ kind: 'noted' }, block, { timeMs: nowMs, step: taken });
  return step;
};

export const history = ({ state }: Book, blockId: string): readonly BlockStep[] => {
  const stored = state.blocks.get(blockId);
  return stored ? [madeStep(stored.made), ...stored.steps] : [];
};
