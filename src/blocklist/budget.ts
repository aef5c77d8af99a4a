import type { BlockBudget, PromotionMode, TrafficNote } from './block-promoter.ts';
import { promotionModes } from './block-promoter.ts';
import type { Breaker, Traffic } from './block-switches.ts';

/** How long budgets look back, and how long a breaker stays half-open. */
export const budgetWindowMs = 3_600_000;
export const budgetMinuteMs = 60_000;
/** Stands for all rules together. */
export const allRules = '*';

/** What one block hits, and when it was made. */
export interface BlockStart {
  readonly atMs: number;
  /** 1; of a network the clients in it that were denied. */
  readonly clients: number;
  /** Allowed requests in its evidence. */
  readonly requests: number;
}

/** What blocks hit together. */
export interface Spent {
  readonly blocks: number;
  readonly clients: number;
  readonly requests: number;
}

/** A breaker as it is stored; none stored is a closed one. */
export interface StoredBreaker {
  readonly state: 'open' | 'half-open';
  readonly sinceMs: number;
  readonly reason: string;
}

/** As it stands now: half-open for an hour without tripping is closed, by itself. */
export const breakerAt = (stored: StoredBreaker | undefined, nowMs: number): StoredBreaker | null =>
  stored === undefined || (stored.state === 'half-open' && nowMs - stored.sinceMs >= budgetWindowMs) ? null : stored;

/** What was started later than `afterMs`. */
export const spentOf = (starts: readonly BlockStart[], afterMs: number): Spent => {
  const counted = starts.filter(({ atMs }) => atMs > afterMs);
  const sum = (of: (start: BlockStart) => number): number => counted.reduce((total, start) => total + of(start), 0);
  return { blocks: counted.length, clients: sum(({ clients }) => clients), requests: sum(({ requests }) => requests) };
};

export interface BudgetQuestion {
  readonly budget: BlockBudget;
  /** Of this rule, or of all. */
  readonly starts: readonly BlockStart[];
  readonly breaker: StoredBreaker | null;
  readonly candidate: Omit<BlockStart, 'atMs'>;
  readonly traffic: Traffic;
  readonly nowMs: number;
}

/**
 * `over`: the breaker opens now. `open`: it is open already. Counted are the blocks of the last hour and minute; where the
 * breaker is half-open, those since it was reset, or a reset would trip again at once.
 */
export const budgetAnswer = (question: BudgetQuestion): 'within' | 'over' | 'open' => {
  const { budget, starts, breaker, candidate, traffic, nowMs } = question;
  if (breaker?.state === 'open') return 'open';
  const resetMs = breaker?.sinceMs ?? Number.NEGATIVE_INFINITY;
  if (spentOf(starts, Math.max(resetMs, nowMs - budgetMinuteMs)).blocks >= budget.blocksPerMinute) return 'over';
  const hour = spentOf(starts, Math.max(resetMs, nowMs - budgetWindowMs));
  if (hour.blocks < budget.blocksPerHour) return 'within';
  const fits =
    hour.clients + candidate.clients <= budget.clientShare * traffic.clients &&
    hour.requests + candidate.requests <= budget.requestShare * traffic.allowed;
  return fits ? 'within' : 'over';
};

/** What is shown of a breaker: the spending is always that of the whole last hour. */
export const breakerOf = (
  rule: string,
  facts: { readonly stored: StoredBreaker | null; readonly starts: readonly BlockStart[]; readonly nowMs: number },
): Breaker => {
  const { stored, starts, nowMs } = facts;
  const spent = spentOf(starts, nowMs - budgetWindowMs);
  return stored === null ? { rule, state: 'closed', sinceMs: 0, reason: '', ...spent } : { rule, ...stored, ...spent };
};

/**
 * The last hour over all partitions. Minutes overlap in the clients they saw: of each partition the minute with the most
 * clients counts, and the sum over partitions is at most what there were. A share of too few is the safe mistake.
 */
export const trafficOf = (notes: Iterable<TrafficNote>, nowMs: number): Traffic => {
  let allowed = 0;
  const clients = new Map<number, number>();
  for (const note of notes) {
    if (note.windowStartMs <= nowMs - budgetWindowMs || note.windowStartMs > nowMs) continue;
    allowed += note.allowed;
    clients.set(note.partition, Math.max(clients.get(note.partition) ?? 0, note.clients));
  }
  return { allowed, clients: [...clients.values()].reduce((total, count) => total + count, 0) };
};

/** The lesser of the two: an override takes away, never adds. */
export const cappedMode = (mode: PromotionMode, cap: PromotionMode | null): PromotionMode =>
  cap !== null && promotionModes.indexOf(cap) < promotionModes.indexOf(mode) ? cap : mode;

export const overBudgetReason = (rule: string): string =>
  rule === allRules ? 'over the budget of all rules together' : `over the budget of rule ${rule}`;
