import type { Block, BlockState } from '../blocklist/block.ts';
import type { BlockFilter, BlockReview } from '../blocklist/block-review.ts';
import { isListBlock } from '../blocklist/promotion.ts';
import { canBecome, isOpen } from '../blocklist/transitions.ts';
import { deedOverstep } from './authority.ts';
import type { Desk, DeskAct } from './desk.ts';
import { leastRole, mostAtOnce } from './limits.ts';
import { type Reviewer, type Role, roles } from './roles.ts';

/** What can be done to many blocks at once. */
export type BulkAct = Exclude<DeskAct, { kind: 'undo' }>;

export type BulkTargets =
  | { readonly ids: readonly string[] }
  /** Within what whoever asks may see. */
  | { readonly filter: BlockFilter };

export interface Preview {
  /** How many blocks are meant. */
  readonly count: number;
  /** False: more than {@link mostAtOnce}, which nobody may change at once. */
  readonly isExact: boolean;
  /** Some of them. */
  readonly sample: readonly Block[];
  /** Those of them that it would not work for, as far as can be told before; the first {@link mostRefused}. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
  readonly refusedCount: number;
  /** The least role that may do all of it; null: none may. */
  readonly needs: Role | null;
}

export const mostSampled = 20;
export const mostRefused = 200;
const pageSize = 500;
const readAtOnce = 32;
/** A filter that hits one block in a million still ends: a page reads a bounded number of blocks. */
const mostPages = 200;

const leadsTo: Readonly<Partial<Record<BulkAct['kind'], BlockState>>> = {
  confirm: 'confirmed',
  activate: 'active',
  lift: 'lifted',
};

const allStates = ['shadow', 'proposed', 'active', 'confirmed', 'lifted', 'expired', 'superseded'] as const;

const isPossible = (act: BulkAct, state: BlockState): boolean => {
  const next = leadsTo[act.kind];
  return next === undefined ? isOpen(state) : canBecome(state, next);
};

/** A filter that names no state means the blocks that it can be done to. */
export const filterFor = (act: BulkAct, filter: BlockFilter): BlockFilter =>
  filter.states === undefined ? { ...filter, states: allStates.filter((state) => isPossible(act, state)) } : filter;

/** Runs over many with a bound on how many are under way; the answers are in the order of what was given. */
const mapBounded = async <T, R>(given: readonly T[], run: (one: T) => Promise<R>): Promise<R[]> => {
  const answers: R[] = [];
  for (let at = 0; at < given.length; at += readAtOnce) {
    answers.push(...(await Promise.all(given.slice(at, at + readAtOnce).map(run))));
  }
  return answers;
};

export interface Found {
  readonly blocks: readonly Block[];
  /** Ids that were given and are none, or are out of reach. */
  readonly missing: readonly string[];
  /** False: the filter means more than anybody may change at once. */
  readonly isExact: boolean;
}

export interface TargetParts {
  readonly desk: Pick<Desk, 'find'>;
  readonly blockList: Pick<BlockReview, 'list'>;
}

/** Which blocks are meant, now. */
export const findTargets = async (
  { desk, blockList }: TargetParts,
  { reviewer, act, targets }: { readonly reviewer: Reviewer; readonly act: BulkAct; readonly targets: BulkTargets },
): Promise<Found> => {
  if ('ids' in targets) {
    const ids = [...new Set(targets.ids)];
    const found = await mapBounded(ids, (id) => desk.find(reviewer, id));
    return {
      blocks: found.filter((block) => block !== null),
      missing: ids.filter((_, index) => found[index] === null),
      isExact: true,
    };
  }
  const filter = filterFor(act, targets.filter);
  const blocks: Block[] = [];
  let pages = 0;
  for (let cursor: string | undefined = ''; cursor !== undefined; pages += 1) {
    if (pages === mostPages) return { blocks, missing: [], isExact: false };
    const from: { cursor?: string } = cursor === '' ? {} : { cursor };
    const page = await blockList.list({ ...filter, ...from, sort: 'oldest', limit: pageSize });
    blocks.push(...page.blocks);
    if (blocks.length > mostAtOnce) return { blocks: blocks.slice(0, mostAtOnce), missing: [], isExact: false };
    cursor = page.nextCursor ?? undefined;
  }
  return { blocks, missing: [], isExact: true };
};

const higher = (one: Role | null, other: Role | null): Role | null =>
  one === null || other === null ? null : roles.indexOf(one) > roles.indexOf(other) ? one : other;

/** What a bulk change would come to. Nothing is changed. */
export const previewOf = (
  found: Found,
  { reviewer, act, nowMs }: { readonly reviewer: Reviewer; readonly act: BulkAct; readonly nowMs: number },
): Preview => {
  const { blocks, missing, isExact } = found;
  const count = blocks.length + missing.length;
  let needs = isExact ? leastRole(({ blocksAtOnce }) => count <= blocksAtOnce) : null;
  const refused = missing.map((id) => ({ id, reason: 'There is no such block.' }));
  for (const block of blocks) {
    const overstep = deedOverstep(reviewer, { block, deed: act, nowMs });
    if (overstep) needs = higher(needs, overstep.needs);
    const reason = overstep?.detail ?? impossible(block, act);
    if (reason !== null) refused.push({ id: block.id, reason });
  }
  return {
    count,
    isExact,
    sample: blocks.slice(0, mostSampled),
    refused: refused.slice(0, mostRefused),
    refusedCount: refused.length,
    needs,
  };
};

const impossible = (block: Block, act: BulkAct): string | null => {
  if (!isPossible(act, block.state)) return `It is ${block.state}.`;
  const isShaped = act.kind === 'extend' || act.kind === 'change-action';
  return isShaped && isListBlock(block) ? 'It stands for a list: import that again.' : null;
};
