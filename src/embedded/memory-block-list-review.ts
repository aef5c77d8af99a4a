import type { Refusals } from '../blocklist/block-feed.ts';
import type { Act, AddResult, AllowEntry, ManualBlock, Standing } from '../blocklist/block-review.ts';
import { allowNotice } from '../blocklist/notices.ts';
import { allowedReason, isListBlock, manualBlockOf } from '../blocklist/promotion.ts';
import { allowedCode, stepOf, stepTaken } from '../blocklist/steps.ts';
import { endedBy } from '../blocklist/transitions.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import type { Book } from './memory-block-list-promote.ts';
import { enforce, supersede, unenforce } from './memory-block-list-steps.ts';

/** A block by hand; one that is there under its id was made before. */
export const add = (book: Book, manual: ManualBlock, blockId: string): AddResult => {
  const { state, nowMs } = book;
  const before = state.blockAt(blockId, nowMs);
  if (before) return { kind: 'added', block: before };
  const guards = state.allowedAtOrBehind(manual.subject, nowMs);
  const by = guards.find(({ kind }) => kind === 'allow') ?? guards[0];
  if (by) return { kind: 'refused', reason: by.kind === 'allow' ? 'allow-list' : 'canary', by };
  const block = manualBlockOf(manual, blockId, nowMs);
  supersede(book, subjectKeyOf(block.subject), { by: block.id, act: manual });
  state.keep(block, nowMs);
  enforce(book, block, stepTaken('made', manual));
  return { kind: 'added', block };
};

/** Gates exempt the subject; then what is in force of exactly it, and its open proposal, are lifted. */
export const allow = (book: Book, entry: AllowEntry): void => {
  const { state, log, nowMs } = book;
  const subjectKey = subjectKeyOf(entry.subject);
  state.note(state.allowed, subjectKey, entry);
  const exemption = { subjectKey, untilMs: entry.untilMs };
  log.append({ kind: 'exempted', exemption }, allowNotice(nowMs, entry), { timeMs: nowMs });
  const end = { state: 'lifted', reason: allowedReason(entry.note), actor: entry.actor } as const;
  const step = stepTaken('lift', entry, allowedCode);
  const enforced = state.entryOf(subjectKey, nowMs);
  const block = enforced && state.blockAt(enforced.blockId, nowMs);
  if (enforced && (block === null || isListBlock(block))) {
    state.entries.delete(subjectKey);
    const told = block ?? allowNotice(nowMs, entry);
    log.append({ kind: 'removed', entries: [{ subjectKey, blockId: enforced.blockId }] }, told, { timeMs: nowMs });
  } else if (block) {
    const ended = endedBy(block, end);
    state.keep(ended, nowMs);
    state.noteStep(stepOf(ended, step, nowMs), ended.id);
    unenforce(book, ended, step);
  }
  const proposal = state.proposals.get(subjectKey);
  const proposed = proposal ? state.blockAt(proposal.value, nowMs) : null;
  state.proposals.delete(subjectKey);
  if (proposed?.state !== 'proposed') return;
  const dismissed = endedBy(proposed, end);
  state.keep(dismissed, nowMs);
  state.noteStep(stepOf(dismissed, step, nowMs), dismissed.id);
  log.append({ kind: 'noted' }, dismissed, { timeMs: nowMs, step });
};

/** False: nothing was allowed. */
export const disallow = ({ state, log, nowMs }: Book, subject: BlockSubject, act: Act): boolean => {
  const subjectKey = subjectKeyOf(subject);
  const entry = state.allowed.get(subjectKey);
  if (entry === undefined || entry.untilMs <= nowMs) return false;
  state.allowed.delete(subjectKey);
  log.append({ kind: 'exempted', exemption: { subjectKey, untilMs: 0 } }, allowNotice(nowMs, entry, act), {
    timeMs: nowMs,
  });
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
