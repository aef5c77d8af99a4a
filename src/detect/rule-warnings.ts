import type { Problem } from '../errors.ts';
import { type Condition, type Rule, type RuleSet, ruleModes } from './rule.ts';

type Warning = readonly [field: string, message: string];

const ownerWarnings = ({ owner, reviewByMs }: Rule, nowMs: number): Warning[] => {
  const warnings: Warning[] = [];
  if (owner === '') warnings.push(['owner', 'is missing: who is asked when it blocks the wrong one?']);
  if (reviewByMs === null)
    warnings.push(['reviewBy', 'is missing: a rule that nobody looks at again outlives its cause']);
  else if (reviewByMs <= nowMs) {
    const day = new Date(reviewByMs).toISOString().slice(0, 10);
    warnings.push(['reviewBy', `was ${day}: look at what the rule blocked, then set a new date`]);
  }
  return warnings;
};

/** Of the 95 % interval: n right of n have a lower end of n / (n + z²). */
const zSquared = 1.96 ** 2;

const precisionWarnings = ({ precision }: Rule): Warning[] => {
  if (precision === null) return [];
  const { floor, minLabels } = precision;
  const best = minLabels / (minLabels + zSquared);
  if (floor <= best) return [];
  const most = `${Math.floor(best * 100)}%`;
  return [
    [
      'precision.floor',
      `is out of reach with ${minLabels} labels: had people found all of them right, the lower end would be ${most}`,
    ],
  ];
};

const blocksAddresses = ({ match, by }: Rule): boolean =>
  by === 'network' || match.clientKinds === undefined || match.clientKinds.includes('ip');

const termWarnings = (rule: Rule): Warning[] => {
  const { mode, canaryPercent, shared, action, windows, condition } = rule;
  const warnings: Warning[] = [];
  const isFull = mode === 'enforce' && canaryPercent === 100;
  if (isFull && shared === null && action.kind === 'refuse' && blocksAddresses(rule)) {
    const message = 'is missing: addresses are refused however many people share them; or begin with a canary of 10%';
    warnings.push(['shared', message]);
  }
  const { overwhelming } = windows;
  const { breadth, depth } = condition;
  if (overwhelming !== null && depth !== null && breadth === null && overwhelming.denied <= depth.denied) {
    const message = `is not above depth.denied: every window that holds counts as ${overwhelming.counts}`;
    warnings.push(['windows.overwhelming.denied', message]);
  }
  return warnings;
};

const meetsAny = (part: Condition['breadth'] | Condition['depth'], other: Condition): boolean => {
  if (part === null) return false;
  if ('distinctRoutes' in part) return other.breadth !== null && part.distinctRoutes >= other.breadth.distinctRoutes;
  const { depth } = other;
  return depth !== null && part.denied >= depth.denied && part.deniedShare >= depth.deniedShare;
};

const partsOf = ({ breadth, depth }: Condition) => [breadth, depth].filter((part) => part !== null);

/** Whether the other condition holds wherever this one does. */
const implies = (condition: Condition, other: Condition): boolean => {
  const parts = partsOf(condition);
  const only = (one: Partial<Condition>): Condition => ({ when: 'any', breadth: null, depth: null, ...one });
  const impliesPart = (part: Condition): boolean =>
    condition.when === 'all' ? parts.some((own) => meetsAny(own, part)) : parts.every((own) => meetsAny(own, part));
  const others = [
    ...(other.breadth ? [only({ breadth: other.breadth })] : []),
    ...(other.depth ? [only({ depth: other.depth })] : []),
  ];
  if (other.when === 'all') return others.every(impliesPart);
  return others.some(impliesPart) || parts.every((own) => meetsAny(own, other));
};

const listCovers = (list: readonly string[] | undefined, other: readonly string[] | undefined): boolean =>
  list === undefined || (other?.every((item) => list.includes(item)) ?? false);

const matchCovers = ({ match }: Rule, { match: other }: Rule): boolean =>
  listCovers(match.tenants, other.tenants) &&
  listCovers(match.routes, other.routes) &&
  listCovers(match.policies, other.policies) &&
  listCovers(match.clientKinds, other.clientKinds);

const windowsCover = ({ windows }: Rule, { windows: other }: Rule): boolean => {
  if (windows.lengthMs !== other.lengthMs || windows.lastingMs > other.lastingMs) return false;
  if (windows.hit > other.hit || windows.of < other.of) return false;
  if (other.overwhelming === null) return true;
  const { overwhelming } = windows;
  if (overwhelming === null) return windows.hit === 1;
  return overwhelming.denied <= other.overwhelming.denied && overwhelming.counts >= other.overwhelming.counts;
};

const rank = ({ mode }: Rule): number => ruleModes.indexOf(mode);

/** Whether `rule` concludes, and may do as much, wherever `other` does. */
const covers = (rule: Rule, other: Rule): boolean =>
  rule.by === other.by &&
  rank(rule) >= rank(other) &&
  rule.canaryPercent >= other.canaryPercent &&
  rule.minEarlyShare <= other.minEarlyShare &&
  rule.minEvidence <= other.minEvidence &&
  rule.minClients <= other.minClients &&
  rule.block.baseMs >= other.block.baseMs &&
  matchCovers(rule, other) &&
  windowsCover(rule, other) &&
  implies(other.condition, rule.condition);

const pairWarnings = (rules: readonly Rule[], rule: Rule, index: number): Warning[] => {
  if (rule.mode === 'off') return [];
  const others = rules.filter((other, place) => place !== index && other.mode !== 'off');
  const same = rules.slice(0, index).find(({ hash, mode }) => hash === rule.hash && mode !== 'off');
  if (same) return [['', `has the same content as ${same.name}: leave one of them out`]];
  const cover = others.find((other) => other.hash !== rule.hash && covers(other, rule));
  if (!cover) return [];
  return [['', `adds nothing: ${cover.name} concludes wherever it does, and blocks at least as long`]];
};

/**
 * What is valid, but hardly meant: rules without an owner or a review date or past it, addresses refused whoever shares
 * them, a precision that cannot be shown, rules that another one covers or repeats. In the order of the rules.
 */
export const ruleWarnings = ({ rules }: RuleSet, nowMs: number): readonly Problem[] =>
  rules.flatMap((rule, index) => {
    const own = [...ownerWarnings(rule, nowMs), ...termWarnings(rule), ...precisionWarnings(rule)];
    const found = [...own, ...pairWarnings(rules, rule, index)];
    return found.map(([field, message]) => ({ path: `rules[${index}]${field === '' ? '' : `.${field}`}`, message }));
  });
