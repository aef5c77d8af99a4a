import type { Block } from '../blocklist/block.ts';
import type { BlockEntry } from '../blocklist/block-feed.ts';
import type { AllowEntry, ImportResult, ListImport, RefusedSubject } from '../blocklist/block-review.ts';
import { mostRefusedNamed } from '../blocklist/checks.ts';
import { listBlockIdOf, listBlockOf } from '../blocklist/promotion.ts';
import { type StepTaken, stepOf, stepTaken } from '../blocklist/steps.ts';
import { touches } from '../blocklist/subject.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { entriesPerRecord } from './memory-block-list-log.ts';
import type { Book } from './memory-block-list-promote.ts';

/** Puts what a list holds now in the place of what it held before. */
export const importList = (book: Book, list: ListImport): ImportResult => {
  const { state, nowMs } = book;
  const blockId = listBlockIdOf(list.list);
  const block = listBlockOf(list, state.blocks.get(blockId)?.block ?? null, nowMs);
  const held = new Map(state.entriesOfList(list.list, nowMs).map((entry) => [entry.subjectKey, entry]));
  const guarded = guardsOf(book);
  const refusedSubjects: RefusedSubject[] = [];
  const counts = { added: 0, renewed: 0, refused: 0, shadowed: 0 };
  const put: BlockEntry[] = [];
  for (const subject of list.subjects) {
    const subjectKey = subjectKeyOf(subject);
    const by = refusalOf(subject, guarded);
    const found = by ? 'refused' : standingOf(book, subjectKey, blockId);
    counts[found] += 1;
    if (by && refusedSubjects.length < mostRefusedNamed) refusedSubjects.push({ subjectKey, by });
    if (found === 'refused' || found === 'shadowed') continue;
    held.delete(subjectKey);
    put.push({ subjectKey, blockId, rule: list.list, expiresAtMs: list.untilMs, action: list.action });
  }
  const taken = stepTaken('made', list);
  const isNew = !state.blocks.has(blockId);
  state.keep(block, nowMs);
  if (!isNew) state.noteStep(stepOf(block, taken, nowMs), blockId);
  for (const entry of put) state.putEntry(entry);
  for (const subjectKey of held.keys()) state.entries.delete(subjectKey);
  tell(book, block, { added: put, removed: [...held.values()], taken });
  return { blockId, removed: held.size, ...counts, refusedSubjects };
};

interface Guard {
  readonly subject: BlockSubject;
  readonly by: RefusedSubject['by'];
}

/** Whom an import must not hit, what comes first first: the allow list, canaries and tombstones. */
const guardsOf = ({ state, nowMs }: Book): readonly Guard[] => {
  const allowed = [...state.allowed.values()].filter(({ untilMs }) => untilMs > nowMs);
  const of = (kind: AllowEntry['kind'], by: Guard['by']): Guard[] =>
    allowed.flatMap((entry) => (entry.kind === kind ? [{ subject: entry.subject, by }] : []));
  const buried = [...state.tombstones.values()].filter(({ untilMs }) => untilMs > nowMs);
  return [
    ...of('allow', 'allow-list'),
    ...of('canary', 'canary'),
    ...buried.map(({ value }): Guard => ({ subject: value, by: 'tombstone' })),
  ];
};

const refusalOf = (subject: BlockSubject, guards: readonly Guard[]): RefusedSubject['by'] | null =>
  guards.find((guard) => touches(subject, guard.subject))?.by ?? null;

const standingOf = ({ state, nowMs }: Book, subjectKey: string, blockId: string): 'added' | 'renewed' | 'shadowed' => {
  const entry = state.entryOf(subjectKey, nowMs);
  if (entry === null) return 'added';
  return entry.blockId === blockId ? 'renewed' : 'shadowed';
};

/** A list that a person has lifted: all its entries go. */
export const removeList = (book: Book, { lifted, taken }: { lifted: Block; taken: StepTaken }): void => {
  const { state, nowMs } = book;
  const removed = state.entriesOfList(lifted.rule, nowMs);
  for (const { subjectKey } of removed) state.entries.delete(subjectKey);
  tell(book, lifted, { added: [], removed, taken });
};

interface Told {
  readonly added: readonly BlockEntry[];
  readonly removed: readonly BlockEntry[];
  readonly taken: StepTaken;
}

/** In records of at most 1000 entries; where nothing went in or out, one all the same. */
const tell = ({ log, nowMs }: Book, block: Block, { added, removed, taken }: Told): void => {
  const at = { timeMs: nowMs, step: taken };
  for (let from = 0; from < removed.length; from += entriesPerRecord) {
    const entries = removed
      .slice(from, from + entriesPerRecord)
      .map(({ subjectKey, blockId }) => ({ subjectKey, blockId }));
    log.append({ kind: 'removed', entries }, block, at);
  }
  for (let from = 0; from < added.length; from += entriesPerRecord) {
    log.append({ kind: 'added', entries: added.slice(from, from + entriesPerRecord) }, block, at);
  }
  if (added.length + removed.length === 0) log.append({ kind: 'noted' }, block, at);
};
