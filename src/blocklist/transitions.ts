import type { Block, BlockState } from './block.ts';

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

/**
 * A block as it stands at `nowMs`. Nobody has to be awake for a block to end: what is stored as active reads as expired
 * once its time is over.
 */
export const blockAt = (block: Block, nowMs: number): Block =>
  block.expiresAtMs <= nowMs && canBecome(block.state, 'expired')
    ? { ...block, state: 'expired', version: block.version + 1 }
    : block;
