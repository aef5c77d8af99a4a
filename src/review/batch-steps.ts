import type { Block } from '../blocklist/block.ts';
import type { BlockReview, BlockStep } from '../blocklist/block-review.ts';
import { TidegateError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { BatchFailure } from './batches.ts';
import type { BulkAct } from './bulk-targets.ts';
import type { Desk, DeskRefusal } from './desk.ts';
import type { Reviewer } from './roles.ts';
import type { StepOutcome } from './walk.ts';

export interface StepParts {
  readonly blockList: BlockReview;
  readonly desk: Desk;
  readonly logger: Logger;
}

/** The act of a batch, done to one of its blocks. */
export const actOn = async (
  parts: StepParts,
  reviewer: Reviewer,
  { id, act }: { readonly id: string; readonly act: BulkAct },
): Promise<StepOutcome> => {
  try {
    const answer = await parts.desk.act(reviewer, id, act);
    return answer.kind === 'done' ? 'done' : { id, ...refusalWords(answer) };
  } catch (error) {
    return failureFrom(parts, id, error);
  }
};

/** One of its blocks as it was before the batch, where nobody has touched it since. */
export const takeBack = async (
  parts: StepParts,
  reviewer: Reviewer,
  { id, batchId, note }: { readonly id: string; readonly batchId: string; readonly note: string },
): Promise<StepOutcome> => {
  const { blockList, desk } = parts;
  try {
    const block = await desk.find(reviewer, id);
    if (block === null) return 'skipped';
    const standing = standingOf(block, await blockList.history(id), batchId);
    if (standing === 'untouched' || standing === 'taken-back') return 'skipped';
    if (standing === 'changed-since') return { id, code: 'changed-since', detail: `It is ${block.state} now.` };
    await blockList.transition(id, { kind: 'undo', actor: reviewer.name, note, batchId, ifVersion: block.version });
    return 'done';
  } catch (error) {
    return failureFrom(parts, id, error);
  }
};

/** What a batch has to do with a block, as its history tells. */
const standingOf = (
  block: Block,
  history: readonly BlockStep[],
  batchId: string,
): 'untouched' | 'changed' | 'taken-back' | 'changed-since' => {
  const steps = history.filter(({ kind }) => kind !== 'comment');
  const last = steps.at(-1);
  if (!steps.some((step) => step.batchId === batchId)) return 'untouched';
  if (last?.batchId !== batchId) return 'changed-since';
  if (last.kind === 'undo') return 'taken-back';
  return last.version === block.version ? 'changed' : 'changed-since';
};

const refusalWords = (refusal: DeskRefusal): { code: 'not-found' | 'forbidden' | 'conflict'; detail: string } => {
  if (refusal.kind === 'not-found') return { code: 'not-found', detail: 'There is no such block.' };
  if (refusal.kind === 'forbidden') return { code: 'forbidden', detail: refusal.overstep.detail };
  return { code: 'conflict', detail: `It is ${refusal.block.state}, in version ${refusal.block.version}.` };
};

/** What a store says of its failure names addresses and commands: it is for the log. */
const failureFrom = ({ logger }: StepParts, id: string, error: unknown): BatchFailure => {
  const code = codeOf(error);
  if (code !== 'unavailable' && error instanceof Error) return { id, code, detail: error.message };
  logger.warn({ err: error, block: id }, 'one block of a bulk change failed');
  return { id, code, detail: 'The block list did not answer.' };
};

const codeOf = (error: unknown): 'conflict' | 'invalid' | 'not-found' | 'unavailable' => {
  if (!(error instanceof TidegateError)) return 'unavailable';
  if (error.code === 'BLOCK_CONFLICT') return 'conflict';
  if (error.code === 'BLOCK_NOT_FOUND') return 'not-found';
  return error.code === 'INPUT_INVALID' ? 'invalid' : 'unavailable';
};
