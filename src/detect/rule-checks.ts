import { formatDurationMs } from '../duration.ts';
import type { Problem } from '../errors.ts';
import { parseRoutePattern } from '../route-pattern.ts';
import type { RuleInput } from './rule-schema.ts';
import type { RuleTerms } from './rule-terms.ts';

const dayMs = 86_400_000;

const windowProblems = ({ windows }: RuleInput, { ms }: RuleTerms): Problem[] => {
  const problems: Problem[] = [];
  const { hit = 1, of = 1 } = windows ?? {};
  if (hit > of) problems.push({ path: 'windows.hit', message: `is above of, which is ${of}: it could never hold` });
  if (ms['windows.lasting'] >= ms['windows.length']) {
    problems.push({ path: 'windows.lasting', message: 'must be shorter than windows.length' });
  }
  if (of * ms['windows.length'] > dayMs) {
    problems.push({ path: 'windows.of', message: 'looks back over more than 24h: lower it, or windows.length' });
  }
  return problems;
};

/** How many routes the patterns can stand for; infinite where one of them is open. */
const routesMatched = (patterns: readonly string[]): number => {
  const routes = new Set<string>();
  for (const text of patterns) {
    const pattern = parseRoutePattern(text);
    // That is its own problem.
    if (typeof pattern === 'string') return Number.POSITIVE_INFINITY;
    // A parameter of a pattern fits any segment of a template.
    if (pattern.method === '*' || pattern.open || pattern.segments.includes('*')) return Number.POSITIVE_INFINITY;
    routes.add(text.toLowerCase());
  }
  return routes.size;
};

const conditionProblems = ({ breadth, depth, when, match }: RuleInput): Problem[] => {
  const problems: Problem[] = [];
  if (!breadth && !depth)
    problems.push({ path: '', message: 'needs breadth, depth or both: what does abuse look like?' });
  if (breadth && depth && when === undefined) {
    problems.push({ path: 'when', message: 'is missing: all or any, because the rule has both breadth and depth' });
  }
  if (when !== undefined && !(breadth && depth)) {
    problems.push({ path: 'when', message: 'is for rules with both breadth and depth: leave it out' });
  }
  const routes = match?.routes ? routesMatched(match.routes) : Number.POSITIVE_INFINITY;
  if (breadth && routes < breadth.distinctRoutes) {
    const message = `can never be reached: match.routes names only ${routes} ${routes === 1 ? 'route' : 'routes'}`;
    problems.push({ path: 'breadth.distinctRoutes', message });
  }
  return problems;
};

const groupingProblems = ({ by, match, evidence, shared }: RuleInput): Problem[] => {
  const problems: Problem[] = [];
  const matchesAddresses = match?.clientKinds?.includes('ip') ?? true;
  if (by === 'network' && !matchesAddresses) {
    const message = 'must have ip for a rule by network: other clients are in none';
    problems.push({ path: 'match.clientKinds', message });
  }
  if (by !== 'network' && evidence?.clients !== undefined) {
    problems.push({ path: 'evidence.clients', message: 'is for rules by network: leave it out' });
  }
  if (shared && !matchesAddresses) {
    problems.push({ path: 'shared', message: 'is for addresses, and match.clientKinds has no ip: leave it out' });
  }
  return problems;
};

/** What is wrong with a rule that is whole, and whose values are each valid. */
export const ruleProblems = (fields: RuleInput, terms: RuleTerms): Problem[] => {
  const { ms } = terms;
  const problems = [...windowProblems(fields, terms), ...conditionProblems(fields), ...groupingProblems(fields)];
  if (ms['block.base'] > ms['block.max']) {
    problems.push({ path: 'block.base', message: `is above block.max, which is ${formatDurationMs(ms['block.max'])}` });
  }
  return problems;
};
