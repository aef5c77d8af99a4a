import type { Block } from '../blocklist/block.ts';
import type { BlockReview, BlockStep, Transition } from '../blocklist/block-review.ts';
import type { Clock } from '../clock.ts';
import { TidegateError } from '../errors.ts';
import { deedOverstep, isInReach, type Overstep } from './authority.ts';
import type { Reviewer } from './roles.ts';

type WithoutActor<T> = T extends unknown ? Omit<T, 'actor' | 'ifVersion'> : never;

/** A transition as a person asks for it. */
export type DeskAct = WithoutActor<Transition>;

export type DeskRefusal =
  /** There is none, or it is of a tenant that is out of reach: both look alike. */
  | { readonly kind: 'not-found' }
  | { readonly kind: 'forbidden'; readonly overstep: Overstep }
  /** Its version is none of those that the decision was made on. */
  | { readonly kind: 'stale'; readonly block: Block }
  /** Its state does not allow this. */
  | { readonly kind: 'conflict'; readonly block: Block; readonly detail: string };

export type DeskAnswer = { readonly kind: 'done'; readonly block: Block } | DeskRefusal;

export interface DeskOptions {
  readonly blockList: BlockReview;
  readonly clock: Clock;
  /** Called after an act that can change what people said of a rule. */
  readonly onLabel?: () => void;
}

/** Somebody else was faster each time: more tries would meet the same. */
const maxTries = 5;

const labelling: ReadonlySet<DeskAct['kind']> = new Set(['confirm', 'lift', 'undo']);

/** One act by one person on one block: who may, and what became of it. */
export class Desk {
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Null: none in reach. */
  async find({ tenants }: Reviewer, blockId: string): Promise<Block | null> {
    const block = await this.#options.blockList.get(blockId);
    return block !== null && isInReach(block, tenants) ? block : null;
  }

  /**
   * Checked against the block as it is, and done only while it still is. `ifVersions`: those that will do; default any.
   * Throws INPUT_INVALID for an end, a note or an action that no role may write.
   */
  async act(
    reviewer: Reviewer,
    blockId: string,
    { ifVersions, ...act }: DeskAct & { readonly ifVersions?: readonly number[] },
  ): Promise<DeskAnswer> {
    const { blockList, clock, onLabel } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const block = await this.find(reviewer, blockId);
      if (block === null) return { kind: 'not-found' };
      if (ifVersions !== undefined && !ifVersions.includes(block.version)) return { kind: 'stale', block };
      const overstep = deedOverstep(reviewer, { block, deed: act, nowMs: clock.nowMs() });
      if (overstep) return { kind: 'forbidden', overstep };
      const conflict = await this.#transition(block, { ...act, actor: reviewer.name, ifVersion: block.version });
      if (conflict.kind === 'done' && labelling.has(act.kind)) onLabel?.();
      if (conflict.kind === 'done') return conflict;
      const current = (await blockList.get(blockId)) ?? block;
      if (current.version === block.version) return { ...conflict, block: current };
      if (ifVersions !== undefined || tries >= maxTries) return { kind: 'stale', block: current };
    }
  }

  /** A word about a block, which stays as it is. */
  async comment(
    reviewer: Reviewer,
    blockId: string,
    note: string,
  ): Promise<{ readonly kind: 'done'; readonly step: BlockStep; readonly block: Block } | DeskRefusal> {
    const { blockList, clock } = this.#options;
    const block = await this.find(reviewer, blockId);
    if (block === null) return { kind: 'not-found' };
    const overstep = deedOverstep(reviewer, { block, deed: { kind: 'comment' }, nowMs: clock.nowMs() });
    if (overstep) return { kind: 'forbidden', overstep };
    return { kind: 'done', block, step: await blockList.comment(blockId, { actor: reviewer.name, note }) };
  }

  async #transition(block: Block, transition: Transition): Promise<Extract<DeskAnswer, { kind: 'done' | 'conflict' }>> {
    try {
      return { kind: 'done', block: await this.#options.blockList.transition(block.id, transition) };
    } catch (error) {
      if (!(error instanceof TidegateError) || error.code !== 'BLOCK_CONFLICT') throw error;
      return { kind: 'conflict', block, detail: error.message };
    }
  }
}
