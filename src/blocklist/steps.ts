import type { Block, Label } from './block.ts';
import type { Act, BlockStep, Transition } from './block-review.ts';

/** Newest steps kept of a block, the making of it among them. */
export const mostSteps = 200;

/** What one step changes of a block, as it was before it: what an undo puts back. */
export interface Undo
  extends Pick<Block, 'state' | 'blockedAtMs' | 'expiresAtMs' | 'action' | 'reason' | 'assignee' | 'label'> {
  readonly labelledAtMs: number | null;
  /** End of the strike that the block was; null: it was none. */
  readonly strikeUntilMs: number | null;
  /** Of the subject, before and after the step, 0 where there is none; null: the step left it alone. */
  readonly tombstone: { readonly beforeMs: number; readonly afterMs: number } | null;
}

export const labelAfter = (label: Label | null, transition: Transition): Label | null => {
  if (transition.kind === 'confirm') return 'confirmed';
  return transition.kind === 'lift' ? transition.reason : label;
};

export const setsLabel = ({ kind }: Transition): boolean => kind === 'confirm' || kind === 'lift';

/** Of a lift why; of the lift by an allow entry that it was one. */
export const allowedCode = 'allow-list';
export const reasonCodeOf = (transition: Transition): string => (transition.kind === 'lift' ? transition.reason : '');

/** What is told of a step beside the block as it left it. */
export type StepTaken = Pick<BlockStep, 'kind' | 'actor' | 'note' | 'reasonCode' | 'batchId'>;

export const stepTaken = (kind: BlockStep['kind'], { actor, note, batchId = '' }: Act, reasonCode = ''): StepTaken => ({
  kind,
  actor,
  note,
  reasonCode,
  batchId,
});

/** A step that left a block like this. */
export const stepOf = (block: Block, taken: StepTaken, atMs: number): BlockStep => ({
  atMs,
  ...taken,
  version: block.version,
  state: block.state,
  expiresAtMs: block.expiresAtMs,
  action: block.action,
  assignee: block.assignee,
});

/** The first step of every block, which was never written down. */
export const madeStep = (block: Block): BlockStep =>
  stepOf(block, stepTaken('made', { actor: block.actor, note: block.reason }), block.blockedAtMs);

/** What a rule's judgements are counted by; null: nobody counts those of a block by hand or of a list. */
export const judgedBy = ({ origin, rule, ruleHash }: Block): string | null =>
  origin === 'detector' ? `${ruleHash} ${rule}` : null;

/** What gates are told by a step. */
export const toldBy = (before: Block, after: Block): 'added' | 'removed' | 'noted' => {
  const [was, is] = [entryTerms(before), entryTerms(after)];
  if (was === is) return 'noted';
  return is === '' ? 'removed' : 'added';
};

/** As gates know it; '': they do not. The block of a list is no entry. */
const entryTerms = ({ state, origin, expiresAtMs, action }: Block): string =>
  (state === 'active' || state === 'confirmed') && origin !== 'list' ? JSON.stringify([expiresAtMs, action]) : '';

/** Whether a block held a place of the kind that it gets back: gates blocked for it, or it was what is proposed. */
export const keepsPlace = (before: Block, after: Block): boolean => {
  const isHeld = (block: Block): boolean => block.state === 'active' || block.state === 'confirmed';
  const isOpen = isHeld(before) || before.state === 'proposed';
  return after.origin === 'list' || (isOpen && isHeld(before) === isHeld(after));
};
