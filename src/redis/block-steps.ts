import type { Block } from '../blocklist/block.ts';
import type { Act, BlockStep, Transition } from '../blocklist/block-review.ts';
import { checkComment, checkTransition } from '../blocklist/checks.ts';
import { defaultTombstoneMs, isListBlock, supersededReason } from '../blocklist/promotion.ts';
import {
  judgedBy,
  keepsPlace,
  madeStep,
  mostSteps,
  reasonCodeOf,
  type StepTaken,
  setsLabel,
  stepOf,
  stepTaken,
  toldBy,
  type Undo,
} from '../blocklist/steps.ts';
import { afterTransition, afterUndo, blockAt, conflictOf, unknownBlock } from '../blocklist/transitions.ts';
import { dropEnded } from './block-import.ts';
import { actionFrom, actionText, blockFromFields, blockFromReply } from './block-record.ts';
import { type BlockScripts, brokenReply } from './block-scripts.ts';
import { placed, protectors, sortKey } from './block-subject.ts';

/** Somebody else was faster each time: more tries would meet the same. */
const maxTries = 10;

type Fields = Readonly<Record<string, string>>;

/** What people do to single blocks of the list in Redis, and what was done. */
export class RedisBlockSteps {
  readonly #scripts: BlockScripts;

  constructor(scripts: BlockScripts) {
    this.#scripts = scripts;
  }

  /** Decided here, from the block as it was read, and written only where it still is that version. */
  async transition(blockId: string, transition: Transition): Promise<Block> {
    for (let tries = 1; ; tries += 1) {
      const nowMs = await this.#scripts.now();
      checkTransition(transition, nowMs);
      const fields = await this.#fields(blockId);
      const stored = blockFromFields(blockId, fields);
      if (!stored) throw unknownBlock(blockId);
      const before = blockAt(stored, nowMs);
      const after =
        transition.kind === 'undo'
          ? afterUndo(before, transition, { undo: undoFrom(fields), nowMs })
          : afterTransition(before, transition, nowMs);
      const asked = askedOf({ fields, before, after, nowMs }, transition);
      const reply = await this.#scripts.run('transition', asked);
      if (reply[0] === 'done') {
        if (isListBlock(after) && transition.kind === 'lift') await dropEnded(this.#scripts);
        return blockFromReply(reply);
      }
      if (reply[0] === 'protected' || tries >= maxTries) throw conflictOf(before);
    }
  }

  async comment(blockId: string, act: Act): Promise<BlockStep> {
    checkComment(act);
    const nowMs = await this.#scripts.now();
    const taken = stepTaken('comment', act);
    const reply = await this.#scripts.run('comment', { id: blockId, taken: JSON.stringify(taken) });
    if (reply[0] === 'missing') throw unknownBlock(blockId);
    return stepOf(blockAt(blockFromReply(reply), nowMs), taken, nowMs);
  }

  async history(blockId: string): Promise<readonly BlockStep[]> {
    const fields = await this.#fields(blockId);
    const block = blockFromFields(blockId, fields);
    if (!block) return [];
    const key = this.#scripts.key('steps', blockId);
    const texts = await this.#scripts.guard(this.#scripts.redis.lrange(key, 1 - mostSteps, -1));
    return [madeStep({ ...block, version: 1, assignee: '', ...madeFrom(block, fields) }), ...texts.map(stepFrom)];
  }

  async #fields(blockId: string): Promise<Fields> {
    return this.#scripts.guard(this.#scripts.redis.hgetall(this.#scripts.key('block', blockId)));
  }
}

type Made = Pick<Block, 'blockedAtMs' | 'expiresAtMs' | 'state' | 'action' | 'reason' | 'actor'>;

/** A block as it was made, of which a note is taken before its first change. */
const madeFrom = (block: Block, { made }: Fields): Made => {
  if (made === undefined) return block;
  const [blockedAtMs, expiresAtMs, state, action, reason, actor] = JSON.parse(made) as string[];
  return {
    blockedAtMs: Number(blockedAtMs),
    expiresAtMs: Number(expiresAtMs),
    state: (state ?? 'active') as Block['state'],
    action: actionFrom(action),
    reason: reason ?? '',
    actor: actor ?? '',
  };
};

const stepFrom = (text: string): BlockStep => {
  const [atMs, taken, left] = JSON.parse(text) as [number, StepTaken, string[]];
  const [version, state, expiresAtMs, action, assignee] = left;
  if (state === undefined) throw brokenReply('a step');
  return {
    atMs,
    ...taken,
    version: Number(version),
    state: state as Block['state'],
    expiresAtMs: Number(expiresAtMs),
    action: actionFrom(action),
    assignee: assignee ?? '',
  };
};

/** As {@link undoText} and the script wrote it. */
type UndoText = Omit<Undo, 'strikeUntilMs' | 'tombstone'> & {
  readonly strikeUntilMs: string;
  readonly tombstone?: readonly [string, string];
};

const undoFrom = ({ undo }: Fields): Undo | null => {
  if (undo === undefined) return null;
  const { strikeUntilMs, tombstone, ...rest } = JSON.parse(undo) as UndoText;
  return {
    ...rest,
    strikeUntilMs: Number(strikeUntilMs) || null,
    tombstone: tombstone ? { beforeMs: Number(tombstone[0]), afterMs: Number(tombstone[1]) } : null,
  };
};

interface Decided {
  readonly fields: Fields;
  readonly before: Block;
  readonly after: Block;
  readonly nowMs: number;
}

/** What a step changes, for the script. */
const askedOf = ({ fields, before, after, nowMs }: Decided, transition: Transition) => {
  const { subject, state, blockedAtMs, expiresAtMs, reason, actor, action, rule, assignee, label } = after;
  const labelledAtMs = labelledAfter({ fields, nowMs }, transition);
  const written = {
    ...{ state, blockedAtMs, expiresAtMs, reason, actor, action: actionText(action), assignee },
    ...{ label: label ?? '', labelledAtMs: labelledAtMs ?? '' },
  };
  return {
    id: before.id,
    version: fields.version,
    next: String(after.version),
    kind: transition.kind,
    taken: JSON.stringify(stepTaken(transition.kind, transition, reasonCodeOf(transition))),
    told: toldBy(before, after),
    ...placed(subject),
    sortKey: sortKey(subject),
    fields: Object.entries(written).flatMap(([name, value]) => [name, String(value)]),
    ...{ state, ends: expiresAtMs, action: actionText(action), rule, actor },
    isList: isListBlock(after),
    by: judgedBy(after) ?? '',
    labels: [fields.label ?? '', label ?? ''],
    labelledAtMs: labelledAtMs ?? 0,
    ...particularsOf({ fields, before, after, nowMs }, transition),
  };
};

const labelledAfter = ({ fields, nowMs }: Pick<Decided, 'fields' | 'nowMs'>, transition: Transition): number | null => {
  if (setsLabel(transition)) return nowMs;
  if (transition.kind === 'undo') return undoFrom(fields)?.labelledAtMs ?? null;
  return Number(fields.labelledAtMs ?? '') || null;
};

/** What only some kinds of step need. */
const particularsOf = ({ fields, before, after }: Decided, transition: Transition): object => {
  if (transition.kind === 'undo') return { ...protectors(after.subject), keepsPlace: keepsPlace(before, after) };
  const superseded = supersededReason(before.id);
  return {
    // What a list held is dropped with it.
    ...(isListBlock(after) && transition.kind === 'lift' ? {} : { undo: undoOf(before, fields) }),
    ...(transition.kind === 'activate' && {
      ...protectors(after.subject),
      superseded,
      ended: JSON.stringify(stepTaken('superseded', { ...transition, note: superseded })),
    }),
    ...(transition.kind === 'lift' && {
      tombstoneMs: transition.tombstoneMs ?? defaultTombstoneMs,
      takesStrikeBack: transition.reason === 'false-positive',
    }),
  };
};

const undoOf = (before: Block, fields: Fields): object => {
  const { state, blockedAtMs, expiresAtMs, action, reason, assignee, label } = before;
  const labelledAtMs = Number(fields.labelledAtMs ?? '') || null;
  return { state, blockedAtMs, expiresAtMs, action, reason, assignee, label, labelledAtMs };
};
