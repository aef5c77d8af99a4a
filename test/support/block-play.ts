import type { BlockList } from '../../src/blocklist/block-list.ts';
import type { RuleJudgement } from '../../src/blocklist/block-review.ts';
import { type BlockSubject, subjectKeyOf } from '../../src/client.ts';
import { TidegateError } from '../../src/errors.ts';
import { type BlockAct, modelTerms } from './block-model.ts';
import { budget, promotionOf } from './promotions.ts';

const person = { actor: 'ada', note: '' } as const;
const second = 1000;

/** The model's subjects: two clients, one elsewhere, and the network of the first two. */
export const playSubjects: readonly BlockSubject[] = [
  { kind: 'ip', id: '203.0.113.9' },
  { kind: 'ip', id: '203.0.113.10' },
  { kind: 'ip', id: '198.51.100.1' },
  { kind: 'network', id: '203.0.113.8/30' },
];

const subjectOf = (index: number): BlockSubject => {
  const subject = playSubjects[index];
  if (!subject) throw new Error(`no subject ${index}`);
  return subject;
};

export interface Played {
  /** In the words of the model. */
  readonly answer: string;
  /** Of the block that an `add` made. */
  readonly id: string;
}

const promoted = async (list: BlockList, act: Extract<BlockAct, { act: 'promote' }>, play: PlayTime) => {
  const { base, factor, max, strikeTtl, perHour, perMinute } = modelTerms;
  const result = await list.promote(
    promotionOf(
      { id: act.verdict, atMs: play.nowMs(), subject: subjectOf(act.subject) },
      {
        mode: act.mode,
        duration: { baseMs: base * second, factor, maxMs: max * second, jitter: 0, strikeTtlMs: strikeTtl * second },
        budget: {
          rule: { ...budget, blocksPerHour: perHour, blocksPerMinute: perMinute },
          all: { ...budget, blocksPerHour: 10_000, blocksPerMinute: 10_000 },
        },
      },
    ),
  );
  if (result.kind === 'already') return `already ${result.blockId}`;
  if (result.kind === 'suppressed') return `suppressed ${result.reason}`;
  const { state, id, expiresAtMs } = result.block;
  return `${state} ${id} until ${(expiresAtMs - play.startMs) / second}`;
};

const stepped = async (list: BlockList, act: Extract<BlockAct, { id: string }>, play: PlayTime) => {
  const version = act.ifVersion === undefined ? person : { ...person, ifVersion: act.ifVersion };
  const transition =
    act.act === 'lift'
      ? ({
          kind: 'lift',
          reason: act.falsePositive ? 'false-positive' : 'goodwill',
          tombstoneMs: act.tombstone * second,
          ...version,
        } as const)
      : act.act === 'extend'
        ? ({ kind: 'extend', untilMs: play.nowMs() + act.seconds * second, ...version } as const)
        : act.act === 'assign'
          ? ({ kind: 'assign', assignee: act.assignee, ...version } as const)
          : ({ kind: act.act, ...version } as const);
  try {
    const block = await list.transition(act.id, transition);
    return `${block.state} ${block.version} until ${(block.expiresAtMs - play.startMs) / second}`;
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'BLOCK_CONFLICT') return 'conflict';
    if (error instanceof TidegateError && error.code === 'BLOCK_NOT_FOUND') return 'missing';
    throw error;
  }
};

export interface PlayTime {
  readonly startMs: number;
  nowMs(): number;
  wait(seconds: number): void;
}

/** Does it to a list, and says what it answered. */
export const actOnList = async (list: BlockList, act: BlockAct, play: PlayTime): Promise<Played> => {
  const answered = (answer: string): Played => ({ answer, id: '' });
  if (act.act === 'promote') return answered(await promoted(list, act, play));
  if (act.act === 'reset') return answered((await list.resetBreaker('breadth', person)) ? 'reset' : 'nothing');
  if (act.act === 'wait') {
    play.wait(act.seconds);
    return answered('waited');
  }
  if ('id' in act) return answered(await stepped(list, act, play));
  const subject = subjectOf(act.subject);
  if (act.act === 'disallow') return answered((await list.disallow(subject, person)) ? 'disallowed' : 'nothing');
  const untilMs = play.nowMs() + act.seconds * second;
  if (act.act === 'allow') {
    await list.allow({ subject, kind: 'allow', untilMs, ...person });
    return answered('allowed');
  }
  const result = await list.add({ subject, action: { kind: 'refuse' }, untilMs, ...person });
  if (result.kind === 'refused') return answered('refused');
  return { answer: `added until ${(result.block.expiresAtMs - play.startMs) / second}`, id: result.block.id };
};

/** Everything that can be seen of a list now, as the lines of the model. */
export const seenOfList = async (list: BlockList, play: PlayTime): Promise<readonly string[]> => {
  const { blocks } = await list.list({ limit: 500 });
  const { entries, sequence } = await list.snapshot();
  const lines = blocks.map(
    ({ id, state, version, expiresAtMs, label, assignee }) =>
      `${id} ${state} ${version} until ${(expiresAtMs - play.startMs) / second} ${label ?? '-'} ${assignee || '-'}`,
  );
  const judged = await list.judgements();
  const sum = (of: (one: RuleJudgement) => number): number => judged.reduce((total, one) => total + of(one), 0);
  lines.push(`confirmed ${sum((one) => one.confirmed)}`, `false-positive ${sum((one) => one.falsePositives)}`);
  lines.push(`goodwill ${sum((one) => one.goodwill)}`);
  for (const [index, subject] of playSubjects.entries()) {
    const entry = entries.find(({ subjectKey }) => subjectKey === subjectKeyOf(subject));
    const { strikes } = await list.standing(subject);
    lines.push(`entry ${index} ${entry?.blockId ?? '-'}`, `strikes ${index} ${strikes.length}`);
  }
  return [...lines, `changes ${sequence}`].sort();
};
