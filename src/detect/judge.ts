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
const deniedBy = ({ condition }: Rule, tally: WindowTally, shown: boolean): number => {
  const { when, breadth, depth } = condition;
  const broad = breadth !== null && isBroad(breadth.distinctRoutes, tally, shown) ? tally.denied : 0;
  const deep = depth === null ? 0 : mostDenied(depth, tally);
  const both = when === 'all' && breadth !== null && depth !== null;
  return both && (broad === 0 || deep === 0) ? 0 : Math.max(broad, deep);
};

const isBroad = (distinctRoutes: number, tally: WindowTally, shown: boolean): boolean =>
  deniedRoutes(tally) >= distinctRoutes || (shown && tally.other >= distinctRoutes) || isNew(tally, distinctRoutes);

/**
 * Whether nearly all denials are on folded routes, and many of them. The gate names the first routes of a client and
 * folds later ones together: a customer of many months is denied mostly on routes it has long known, a scanner on ever
 * new ones. How many they are is not known, so twice as many denials are asked for.
 */
const isNew = ({ other, denied }: WindowTally, distinctRoutes: number): boolean =>
  other >= 2 * distinctRoutes && other >= 0.8 * denied;

const mostDenied = (condition: NonNullable<Condition['depth']>, tally: WindowTally): number => {
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
  const { breadth } = rule.condition;
  const shown = breadth !== null && stretch.some((tally) => deniedRoutes(tally) >= breadth.distinctRoutes);
  let hit = 0;
  let weight = 0;
  for (const tally of stretch) {
    const added = weightOf(rule, tally, shown);
    if (added > 0) hit += 1;
    weight += added;
  }
  return { hit, weight };
};
