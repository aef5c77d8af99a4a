import type { Condition, Rule } from './rule.ts';
import { deniedRoutes, type WindowTally } from './tally.ts';

/** What a rule makes of the windows of a client. */
export interface Judgement {
  /** Windows in which the condition held. */
  readonly hit: number;
  /** The same with overwhelming ones counted as several. */
  readonly weight: number;
}

/** The denied decisions that meet the condition in this window: 0 when it does not hold. */
const deniedBy = (rule: Rule, tally: WindowTally, shown: boolean): number => {
  const { condition } = rule;
  if (condition.kind === 'breadth') {
    const { distinctRoutes } = condition;
    const broad =
      deniedRoutes(tally) >= distinctRoutes || (shown && tally.other >= distinctRoutes) || isNew(tally, distinctRoutes);
    return broad ? tally.denied : 0;
  }
  return mostDenied(condition, tally);
};

/**
 * Whether nearly all denials are on folded routes, and many of them. The gate names the first routes of a client and
 * folds later ones together: a customer of many months is denied mostly on routes it has long known, a scanner on ever
 * new ones. How many they are is not known, so twice as many denials are asked for.
 */
const isNew = ({ other, denied }: WindowTally, distinctRoutes: number): boolean =>
  other >= 2 * distinctRoutes && other >= 0.8 * denied;

const mostDenied = (condition: Extract<Condition, { kind: 'depth' }>, tally: WindowTally): number => {
  let most = 0;
  for (const { denied, allowed } of tally.routes.values()) {
    const deep = denied >= condition.denied && denied >= condition.deniedShare * (denied + allowed);
    if (deep && denied > most) most = denied;
  }
  return most;
};

/** Whether the client waits as it is told, as far as anybody can tell. */
const complies = (rule: Rule, tally: WindowTally): boolean =>
  rule.minEarlyShare > 0 && tally.judged > 0 && tally.early < rule.minEarlyShare * tally.judged;

const weightOf = (rule: Rule, tally: WindowTally, shown: boolean): number => {
  const { lastingMs, overwhelming } = rule.windows;
  if (tally.lastDeniedAtMs - tally.firstDeniedAtMs < lastingMs || complies(rule, tally)) return 0;
  const denied = deniedBy(rule, tally, shown);
  if (denied === 0) return 0;
  return overwhelming !== null && denied >= overwhelming.denied ? overwhelming.counts : 1;
};

/** Judges a stretch of windows of one client. */
export const judge = (rule: Rule, stretch: readonly WindowTally[]): Judgement => {
  const { condition } = rule;
  const shown =
    condition.kind === 'breadth' && stretch.some((tally) => deniedRoutes(tally) >= condition.distinctRoutes);
  let hit = 0;
  let weight = 0;
  for (const tally of stretch) {
    const added = weightOf(rule, tally, shown);
    if (added > 0) hit += 1;
    weight += added;
  }
  return { hit, weight };
};
