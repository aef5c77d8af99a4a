import type { BlockView } from '../app/api-types.ts';
import { newKey } from '../app/client.ts';
import { refreshUnder } from '../app/live.ts';
import { type Failure, failureOf, Problem, Unreachable } from '../app/problem.ts';
import { part } from '../app/router.ts';
import { get, send, session } from '../app/session.ts';
import { type Act, afterAct } from './acts.ts';
import { expectBlock, learn } from './known.ts';
import type { BlockStep, History } from './types.ts';

/** One act on one block as somebody saw it. */
export interface Attempt {
  readonly block: BlockView;
  readonly act: Act;
  /** The same for a second attempt at the same: what the first one did is not done again. */
  readonly key: string;
}

/** Somebody else was faster. */
export interface Conflict {
  readonly attempt: Attempt;
  /** As it is by now. */
  readonly block: BlockView;
  /** What happened since the attempt's block. */
  readonly steps: readonly BlockStep[];
}

export type Outcome =
  | { readonly kind: 'done'; readonly block: BlockView }
  | { readonly kind: 'conflict'; readonly conflict: Conflict }
  /** `again`: the attempt to repeat; a lost answer keeps its key. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly again: Attempt };

export const attemptOf = (block: BlockView, act: Act): Attempt => ({ block, act, key: newKey() });

const pathOf = (id: string): string => `v1/blocks/${part(id)}`;

/** Whether it may have been done all the same: then only the same key may be sent again. */
const isUnsure = (failure: Failure): boolean =>
  failure instanceof Unreachable || failure.status >= 500 || (failure.status === 409 && /still/.test(failure.message));

const conflictFor = async (attempt: Attempt): Promise<Conflict> => {
  const path = pathOf(attempt.block.id);
  const [block, { steps }] = await Promise.all([get<BlockView>(path), get<History>(`${path}/history`)]);
  learn([block]);
  const since = steps.filter(({ version }) => version > attempt.block.version);
  return { attempt, block, steps: since };
};

const whatStopped = async (attempt: Attempt, failure: Failure): Promise<Outcome> => {
  const mayBeOthers = failure instanceof Problem && (failure.status === 412 || failure.kind === 'conflict');
  if (mayBeOthers) {
    try {
      const conflict = await conflictFor(attempt);
      if (conflict.block.version !== attempt.block.version) return { kind: 'conflict', conflict };
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error), again: { ...attempt, key: newKey() } };
    }
  }
  return { kind: 'failed', failure, again: isUnsure(failure) ? attempt : { ...attempt, key: newKey() } };
};

/** Does it if the block still is as it was seen, and shows it as done meanwhile. */
export const perform = async (attempt: Attempt): Promise<Outcome> => {
  const { block, act, key } = attempt;
  const unexpect = expectBlock(afterAct(block, act, session.peek()?.name ?? ''));
  try {
    const etag = `"${block.version}"`;
    const { body } = await send<BlockView>('POST', `${pathOf(block.id)}/${act.name}`, { body: act.body, etag, key });
    // A comment answers with itself, and leaves the block as it is.
    const next = act.name === 'comment' ? block : body;
    learn([next]);
    refreshUnder(pathOf(block.id));
    return { kind: 'done', block: next };
  } catch (error) {
    return await whatStopped(attempt, failureOf(error));
  } finally {
    unexpect();
  }
};
