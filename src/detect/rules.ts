import { YAMLParseError } from 'yaml';
import type { BlockBudget } from '../blocklist/block-promoter.ts';
import { type Problem, TidegateError } from '../errors.ts';
import { parseYamlText, problemsOf, yamlTroubleOf } from '../problems.ts';
import type { Rule, RuleContent, RuleMatch, RuleSet } from './rule.ts';
import { ruleProblems } from './rule-checks.ts';
import { definitionOf, hashOfText } from './rule-definition.ts';
import { circleIn, type Extended, extendRules } from './rule-extends.ts';
import { type BudgetInput, maxRules, RuleFileSchema, type RuleInput } from './rule-schema.ts';
import { actionFrom, missingFields, type RuleTerms, sharedFrom, termsOf, valueProblems } from './rule-terms.ts';
import { type SharePath, shareAt, valueAt } from './rule-values.ts';
import { inWords } from './rule-words.ts';

/** In one order, whatever the file's: equal matches are equal texts. Outcomes have one value only. */
const matchFrom = ({ tenants, routes, policies, clientKinds }: NonNullable<RuleInput['match']>): RuleMatch => {
  const sorted = <T extends string>(list: readonly T[]): readonly T[] => [...new Set(list)].sort();
  return {
    ...(tenants && { tenants: sorted(tenants) }),
    ...(routes && { routes: sorted(routes) }),
    ...(policies && { policies: sorted(policies) }),
    ...(clientKinds && { clientKinds: sorted(clientKinds) }),
  };
};

const budgetFrom = (
  fields: BudgetInput | undefined,
  shares: { requestShare: number; clientShare: number },
  defaults: { blocksPerHour: number; blocksPerMinute: number },
): BlockBudget => ({
  blocksPerHour: fields?.blocksPerHour ?? defaults.blocksPerHour,
  blocksPerMinute: fields?.blocksPerMinute ?? defaults.blocksPerMinute,
  requestShare: shares.requestShare,
  clientShare: shares.clientShare,
});

const contentFrom = (fields: RuleInput, { ms, shares }: RuleTerms): RuleContent => {
  const { breadth, depth, windows, evidence, block, by = 'client' } = fields;
  return {
    by,
    match: matchFrom(fields.match ?? {}),
    condition: {
      when: fields.when ?? 'any',
      breadth: breadth ? { distinctRoutes: breadth.distinctRoutes } : null,
      depth: depth ? { denied: depth.denied ?? 1, deniedShare: shares['depth.deniedShare'] } : null,
    },
    windows: {
      lengthMs: ms['windows.length'],
      lastingMs: ms['windows.lasting'],
      hit: windows?.hit ?? 1,
      of: windows?.of ?? 1,
      overwhelming: windows?.overwhelming
        ? { denied: windows.overwhelming.denied, counts: windows.overwhelming.counts }
        : null,
    },
    minEarlyShare: shares['compliance.minEarlyShare'],
    minEvidence: evidence?.denied ?? 1,
    minClients: by === 'network' ? (evidence?.clients ?? 2) : 1,
    block: {
      baseMs: ms['block.base'],
      factor: block?.factor ?? 2,
      maxMs: ms['block.max'],
      jitter: block?.jitter ?? 0.1,
      strikeTtlMs: ms['block.strikeTtl'],
    },
    action: actionFrom(fields.action, ms['action.window']),
    shared: sharedFrom(fields.shared, ms['shared.then.window']),
    budget: budgetFrom(
      fields.budget,
      { requestShare: shares['budget.requestShare'], clientShare: shares['budget.clientShare'] },
      { blocksPerHour: 100, blocksPerMinute: 30 },
    ),
  };
};

const ruleFrom = (fields: RuleInput, terms: RuleTerms): Rule => {
  const content = contentFrom(fields, terms);
  const { canaryPercent, reviewByMs, precision } = terms;
  const { name, mode, owner = '' } = fields;
  const hash = hashOfText(definitionOf(content));
  return { name, hash, mode, canaryPercent, owner, reviewByMs, precision, ...content };
};

const repeatedNames = (entries: readonly unknown[]): Problem[] => {
  const names = entries.map((fields) => valueAt(fields, 'name'));
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (typeof name !== 'string' || first === index) return [];
    return [{ path: `rules[${index}].name`, message: `repeats the name of rules[${first}]` }];
  });
};

const documentFrom = (text: string): unknown => {
  try {
    return parseYamlText(text);
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined;
    throw new TidegateError('RULES_INVALID', 'The rule file is not YAML', {
      cause,
      problems: [{ path: line === undefined ? '' : `line ${line}`, message: yamlTroubleOf(cause) }],
    });
  }
};

const defaultBudget = { requestShare: 0.005, clientShare: 0.01 };
const defaultBlocks = { blocksPerHour: 200, blocksPerMinute: 100 };

/** A rule set from rules made in code. {@link parseRules} is the edge that judges. */
export const ruleSetOf = (
  rules: readonly Rule[],
  budget: BlockBudget = { ...defaultBlocks, ...defaultBudget },
): RuleSet => ({ version: hashOfText(JSON.stringify({ rules, budget })), rules, budget });

const budgetPaths: readonly SharePath[] = ['budget.requestShare', 'budget.clientShare'];

const fileBudgetProblems = (document: unknown): Problem[] =>
  budgetPaths.flatMap((path) => {
    const message = shareAt(document, path);
    return typeof message === 'string' ? [{ path, message }] : [];
  });

const fileBudgetFrom = (document: unknown): BlockBudget => {
  const [requestShare = 0, clientShare = 0] = budgetPaths.map((path) => Number(shareAt(document, path)));
  return budgetFrom(
    valueAt(document, 'budget') as BudgetInput | undefined,
    { requestShare, clientShare },
    defaultBlocks,
  );
};

const within = (index: number, problems: readonly Problem[]): Problem[] =>
  problems.map(({ path, message }) => ({ path: `rules[${index}]${path === '' ? '' : `.${path}`}`, message }));

const textOf = ({ path, message }: Problem): string => `${path} ${message}`;

const isOf = (index: number, { path }: Problem): boolean =>
  path === `rules[${index}]` || path.startsWith(`rules[${index}].`);

/** The rules of those entries that have no problem and extend none that has; their further problems join the others. */
const judgeWhole = (extended: Extended, problems: Problem[]): Rule[] => {
  const { entries, bases } = extended;
  for (const [index, fields] of entries.entries()) {
    if (fields === null) continue;
    const base = entries[bases[index]?.[0] ?? -1] ?? undefined;
    problems.push(...within(index, missingFields(fields, base)));
  }
  const refused = new Set([...entries.keys()].filter((index) => problems.some((problem) => isOf(index, problem))));
  const isJudged = (index: number): boolean => ![index, ...(bases[index] ?? [])].some((place) => refused.has(place));
  const judged = entries.map((fields, index) => {
    if (fields === null || !isJudged(index)) return null;
    const input = fields as unknown as RuleInput;
    const terms = termsOf(input);
    return { input, terms, problems: ruleProblems(input, terms) };
  });
  return judged.flatMap((entry, index) => {
    if (entry === null) return [];
    // What a rule extends has said it already.
    const said = new Set(bases[index]?.flatMap((base) => judged[base]?.problems.map(textOf) ?? []));
    problems.push(
      ...within(
        index,
        entry.problems.filter((problem) => !said.has(textOf(problem))),
      ),
    );
    return entry.problems.length > 0 ? [] : [ruleFrom(entry.input, entry.terms)];
  });
};

/** YAML (or JSON) → rules. Throws RULES_INVALID with every problem and its path. */
export const parseRules = (text: string): RuleSet => {
  const document = documentFrom(text);
  const circle = circleIn(document);
  if (circle !== null) {
    const problem = { path: circle, message: 'holds itself: an alias may not stand within what it names' };
    throw new TidegateError('RULES_INVALID', 'The rules have 1 problem', { problems: [problem] });
  }
  const problems = inWords(document, problemsOf(RuleFileSchema, document));
  const listed = valueAt(document, 'rules');
  const entries: readonly unknown[] = Array.isArray(listed) ? listed.slice(0, maxRules) : [];
  const extended = extendRules(entries);
  const rules = judgeWhole(extended, problems);
  for (const [index, fields] of entries.entries()) problems.push(...within(index, valueProblems(fields)));
  problems.push(...extended.problems, ...repeatedNames(entries), ...fileBudgetProblems(document));
  if (problems.length > 0) {
    const many = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new TidegateError('RULES_INVALID', `The rules have ${many}`, { problems });
  }
  return ruleSetOf(rules, fileBudgetFrom(document));
};

export type { Rule, RuleSet } from './rule.ts';
