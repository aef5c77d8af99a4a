import { networkOf } from '../address.ts';
import type { ImportResult, ListImport, RefusedSubject } from '../blocklist/block-review.ts';
import { checkedImport, mostRefusedNamed } from '../blocklist/checks.ts';
import { listBlockIdOf, listBlockOf } from '../blocklist/promotion.ts';
import { stepTaken } from '../blocklist/steps.ts';
import { rangeOf, rangesInside } from '../blocklist/subject.ts';
import { type BlockSubject, subjectKeyOf } from '../client.ts';
import { TidegateError } from '../errors.ts';
import { actionText, fixedPartOf } from './block-record.ts';
import { type BlockScripts, brokenReply } from './block-scripts.ts';
import { shardOf, storedOf, subjectKeyFrom } from './block-subject.ts';

/** One script puts so many, and one change record holds them: a millisecond or two, in which Redis serves nobody else. */
const entriesPerStep = 1000;
/** Sent together, so that a step need not wait for the answer of the one before. */
const stepsAtOnce = 4;

interface PlacedSubject {
  readonly subject: BlockSubject;
  readonly stored: string;
  readonly shard: number;
}

const counted = ['added', 'renewed', 'refused', 'shadowed'] as const;

/**
 * Imports a list step by step. What it held before stays in force until everything new is there, and ends at once then.
 * An import that dies on the way leaves both; the next one of the list tidies up.
 */
export const importList = async (scripts: BlockScripts, given: ListImport): Promise<ImportResult> => {
  const nowMs = await scripts.now();
  const list = checkedImport(given, nowMs);
  const blockId = listBlockIdOf(list.list);
  const block = listBlockOf(list, null, nowMs);
  const [begun, ...lengths] = await scripts.run('import', {
    step: 'begin',
    id: blockId,
    rule: list.list,
    fixed: fixedPartOf(block),
    ends: list.untilMs,
    action: actionText(list.action),
    actor: list.actor,
    reason: list.note,
    taken: JSON.stringify(stepTaken('made', list)),
  });
  const step = { id: blockId, import: String(begun) };
  const guard = guardFor(lengths.map(Number));
  const sums = [0, 0, 0, 0];
  const refusedSubjects: RefusedSubject[] = [];
  const steps = stepsOf(list.subjects);
  for (let from = 0; from < steps.length; from += stepsAtOnce) {
    const replies = await Promise.all(
      steps
        .slice(from, from + stepsAtOnce)
        .map((subjects) => scripts.run('import', { ...step, step: 'put', ...putOf(subjects, guard) })),
    );
    for (const reply of replies) {
      for (const [at, count] of checked(reply.slice(0, sums.length), list).entries())
        sums[at] = (sums[at] ?? 0) + count;
      refusedSubjects.push(...refusedFrom(reply.slice(sums.length)));
    }
  }
  const [ended = 0] = checked(await scripts.run('import', { ...step, step: 'finish' }), list);
  const removed = ended > 0 ? await dropEnded(scripts) : 0;
  const counts = Object.fromEntries(counted.map((name, at) => [name, sums[at] ?? 0])) as Record<
    (typeof counted)[number],
    number
  >;
  return { blockId, ...counts, removed, refusedSubjects: refusedSubjects.slice(0, mostRefusedNamed) };
};

/** Subjects and by what they were refused, in turns. */
const refusedFrom = (flat: readonly unknown[]): RefusedSubject[] =>
  flat.flatMap((stored, at) =>
    at % 2 === 0 ? [{ subjectKey: subjectKeyFrom(String(stored)), by: flat[at + 1] as RefusedSubject['by'] }] : [],
  );

/** Drops what imports that have ended have left, and tells gates. Returns how many entries that were. */
export const dropEnded = async (scripts: BlockScripts): Promise<number> => {
  let removed = 0;
  let from = 0;
  let gone: readonly unknown[] | undefined;
  while (from >= 0) {
    const [next, count, ...names] = await scripts.run('walk', { from, entries: entriesPerStep, gone });
    gone = names;
    removed += Number(count);
    from = Number(next);
  }
  return removed;
};

const checked = (reply: readonly unknown[], { list }: ListImport): number[] => {
  if (reply[0] === 'superseded') {
    throw new TidegateError('BLOCK_CONFLICT', `the list ${list} was lifted or imported by somebody else meanwhile`);
  }
  const numbers = reply.map(Number);
  if (numbers.some(Number.isNaN)) throw brokenReply('the counts of an import');
  return numbers;
};

/** In order of their shards, so that one step writes few of them. */
const stepsOf = (subjects: readonly BlockSubject[]): readonly (readonly PlacedSubject[])[] => {
  const sorted = subjects
    .map((subject): PlacedSubject => {
      const stored = storedOf(subjectKeyOf(subject));
      return { subject, stored, shard: shardOf(stored) };
    })
    .sort((left, right) => left.shard - right.shard);
  const steps: PlacedSubject[][] = [];
  for (let from = 0; from < sorted.length; from += entriesPerStep)
    steps.push(sorted.slice(from, from + entriesPerStep));
  return steps;
};

interface Guard {
  readonly around: readonly (readonly [string])[];
  readonly inside: ReturnType<typeof rangesInside>;
}

/** What else than itself may protect a subject: looked up only as far as any network is protected at all. */
const guardFor =
  (lengths: readonly number[]) =>
  (subject: BlockSubject): Guard | null => {
    if (lengths.length === 0 && subject.kind !== 'network' && subject.tenant === undefined) return null;
    const range = rangeOf(subject);
    const [base = ''] = subject.id.split('/', 1);
    const networks = lengths.flatMap((length) => {
      const id = range && length < range.prefixLength ? networkOf(base, { v4: length, v6: length }) : null;
      return id === null ? [] : [{ kind: 'network' as const, id }];
    });
    if (networks.length === 0 && subject.kind !== 'network' && subject.tenant === undefined) return null;
    const tenants = subject.tenant === undefined ? [{}] : [{ tenant: subject.tenant }, {}];
    const own = { kind: subject.kind, id: subject.id };
    const around = [own, ...networks].flatMap((one) => tenants.map((tenant) => ({ ...one, ...tenant })));
    return { around: around.map((one) => [storedOf(subjectKeyOf(one))]), inside: rangesInside(subject) };
  };

const putOf = (subjects: readonly PlacedSubject[], guard: (subject: BlockSubject) => Guard | null) => {
  const shards: [number, ...string[]][] = [];
  const guards: Record<string, Guard> = {};
  for (const { subject, stored, shard } of subjects) {
    const last = shards.at(-1);
    if (last?.[0] === shard) last.push(stored);
    else shards.push([shard, stored]);
    const found = guard(subject);
    if (found) guards[stored] = found;
  }
  return { shards, guards };
};
