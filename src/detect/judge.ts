import type { Rule } from './rule.ts';
import { maxMembers } from './rule-schema.ts';
import { deniedByName, mostDenied, type WindowTally } from './tally.ts';

/** What a rule makes of the windows of a subject. */
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
  // Most windows end here: no route was denied more often than all were.
  const deep = depth === null || tally.denied < depth.denied ? 0 : mostDenied(tally, depth);
  const both = when === 'all' && breadth !== null && depth !== null;
  return both && (broad === 0 || deep === 0) ? 0 : Math.max(broad, deep);
};

const isBroad = (distinctRoutes: number, tally: WindowTally, shown: boolean): boolean =>
  tally.deniedRoutes >= distinctRoutes || (shown && tally.other >= distinctRoutes) || isNew(tally, distinctRoutes);

/**
 * Whether nearly all denials are on folded routes, and many of them. The gate names the first routes of a client and
 * folds later ones together: a customer of many months is denied mostly on routes it has long known, a scanner on ever
 * new ones. How many they are is not known, so twice as many denials are asked for.
 */
const isNew = ({ other, denied }: WindowTally, distinctRoutes: number): boolean =>
  other >= 2 * distinctRoutes && other >= 0.8 * denied;

/** Whether the client waits as it is told, as far as anybody can tell. */
const complies = (rule: Rule, tally: WindowTally): boolean =>
  rule.minEarlyShare > 0 && tally.judged > 0 && tally.early < rule.minEarlyShare * tally.judged;

const weightOf = (rule: Rule, tally: WindowTally, shown: boolean): number => {
  const { lastingMs, overwhelming } = rule.windows;
  if (tally.denied === 0 || tally.lastDeniedMs - tally.firstDeniedMs < lastingMs || complies(rule, tally)) return 0;
  const denied = deniedBy(rule, tally, shown);
  if (denied === 0) return 0;
  return overwhelming !== null && denied >= overwhelming.denied ? overwhelming.counts : 1;
};

/** Judges a stretch of windows of one subject. */
export const judge = (rule: Rule, stretch: readonly WindowTally[]): Judgement => {
  const { breadth } = rule.condition;
  const shown = breadth !== null && stretch.some(({ deniedRoutes }) => deniedRoutes >= breadth.distinctRoutes);
  let hit = 0;
  let weight = 0;
  for (const tally of stretch) {
    const added = weightOf(rule, tally, shown);
    if (added > 0) hit += 1;
    weight += added;
  }
  return { hit, weight };
};

/** Clients of a network that were denied in the stretch, with how often; at most {@link maxMembers}. Null: no network. */
export const membersOf = (stretch: readonly WindowTally[]): Map<string, number> | null => {
  const tables = stretch.flatMap(({ members }) => (members === null ? [] : [members]));
  return tables.length === 0 ? null : deniedByName(tables, maxMembers);
};

/** Whether a judgement is enough for a verdict. */
export const convicts = (rule: Rule, { weight }: Judgement, stretch: readonly WindowTally[]): boolean => {
  if (weight < rule.windows.hit) return false;
  if (rule.minEvidence > 1 && stretch.reduce((sum, { denied }) => sum + denied, 0) < rule.minEvidence) return false;
  return rule.minClients <= 1 || (membersOf(stretch)?.size ?? 0) >= rule.minClients;
};
