import { TidegateError } from '../errors.ts';
import type { Block, BlockState } from './block.ts';
import type { Transition } from './block-review.ts';
import { isListBlock, liftReason } from './promotion.ts';
import { labelAfter, type Undo } from './steps.ts';

/** Which state may follow which. A state with no successor is final: a new incident makes a new block. */
export const blockTransitions: Readonly<Record<BlockState, readonly BlockState[]>> = {
  shadow: [],
  proposed: ['active', 'lifted', 'expired', 'superseded'],
  active: ['confirmed', 'lifted', 'expired', 'superseded'],
  confirmed: ['lifted', 'expired', 'superseded'],
  lifted: [],
  expired: [],
  superseded: [],
};

export const canBecome = (from: BlockState, to: BlockState): boolean => blockTransitions[from].includes(to);

/** Whether gates enforce a block in this state. */
export const isEnforced = (state: BlockState): boolean => state === 'active' || state === 'confirmed';

/** Whether anything can still be done with it. */
export const isOpen = (state: BlockState): boolean => blockTransitions[state].length > 0;

/**
 * A block as it stands at `nowMs`. Nobody has to be awake for a block to end: what is stored as active reads as expired
 * once its time is over.
 */
export const blockAt = (block: Block, nowMs: number): Block =>
  block.expiresAtMs <= nowMs && canBecome(block.state, 'expired')
    ? { ...block, state: 'expired', version: block.version + 1 }
    : block;

/** Which state a transition leads to; those that say nothing of it leave it as it is. */
const stateAfter = (block: Block, kind: Transition['kind']): BlockState | null => {
  if (kind === 'activate') return canBecome(block.state, 'active') ? 'active' : null;
  if (kind === 'confirm') return canBecome(block.state, 'confirmed') ? 'confirmed' : null;
  if (kind === 'lift') return canBecome(block.state, 'lifted') ? 'lifted' : null;
  return isOpen(block.state) ? block.state : null;
};

export const conflictOf = ({ id, state, version }: Block): TidegateError =>
  new TidegateError('BLOCK_CONFLICT', `block ${id} is ${state} in version ${version}`);

export const unknownBlock = (blockId: string): TidegateError =>
  new TidegateError('BLOCK_NOT_FOUND', `no block has the id ${blockId}`);

/** What a person does to a block, other than taking the last of it back. */
export type Step = Exclude<Transition, { kind: 'undo' }>;

/**
 * The block as it was before the last step; `undo` null: the last one cannot be taken back. Throws BLOCK_CONFLICT where that
 * would not be open at `nowMs`.
 */
export const afterUndo = (
  block: Block,
  { actor, ifVersion }: Pick<Transition, 'actor' | 'ifVersion'>,
  { undo, nowMs }: { readonly undo: Undo | null; readonly nowMs: number },
): Block => {
  if (undo === null || undo.expiresAtMs <= nowMs || !isOpen(undo.state)) throw conflictOf(block);
  if (ifVersion !== undefined && ifVersion !== block.version) throw conflictOf(block);
  const { state, blockedAtMs, expiresAtMs, action, reason, assignee, label } = undo;
  const before = { state, blockedAtMs, expiresAtMs, action, reason, assignee, label };
  return { ...block, ...before, version: block.version + 1, actor };
};

/**
 * The block that a person's transition makes of one, which is as it stands at `nowMs`. A proposal that is activated lasts
 * from then on as long as it was proposed for. Throws BLOCK_CONFLICT; INPUT_INVALID where only a new import can do it.
 */
export const afterTransition = (block: Block, transition: Step, nowMs: number): Block => {
  const { kind, actor, note, ifVersion } = transition;
  const state = stateAfter(block, kind);
  if (state === null || (ifVersion !== undefined && ifVersion !== block.version)) throw conflictOf(block);
  if (isListBlock(block) && (kind === 'extend' || kind === 'change-action')) {
    throw new TidegateError('INPUT_INVALID', `${block.id} stands for a list: import it again with what it should be`);
  }
  const label = labelAfter(block.label, transition);
  const next = { ...block, state, label, version: block.version + 1, actor, reason: note };
  // Why it is proposed, say, is true whoever looks after it.
  if (transition.kind === 'assign') return { ...next, assignee: transition.assignee, reason: block.reason };
  if (transition.kind === 'lift') return { ...next, reason: liftReason(transition) };
  if (transition.kind === 'extend') return { ...next, expiresAtMs: transition.untilMs };
  if (transition.kind === 'change-action') return { ...next, action: transition.action };
  if (transition.kind === 'activate') {
    return { ...next, blockedAtMs: nowMs, expiresAtMs: nowMs + block.expiresAtMs - block.blockedAtMs };
  }
  return next;
};

/** The block as it ended because of something else: an allow entry, or a block that took its place. */
export const endedBy = (
  block: Block,
  end: { state: 'lifted' | 'superseded'; reason: string; actor: string },
): Block => ({
  ...block,
  version: block.version + 1,
  ...end,
});
