import { createHash } from 'node:crypto';
import { YAMLParseError } from 'yaml';
import { type Problem, TidegateError } from '../errors.ts';
import { parseYamlText, yamlTroubleOf } from '../problems.ts';
import { combinationsOf, judgeEntry } from './judge.ts';
import type { Policy, PolicySet } from './policy.ts';
import { candidateProblems, inheritGroups, repeatedNames } from './references.ts';
import { checkSchema } from './schema-problems.ts';
import { warningsOf } from './warnings.ts';

export { PolicyFileSchema, type PolicyInput } from './schema.ts';

/** The index has an entry for each combination of what the policies list, and all of them must fit into memory. */
const maxCombinations = 1_000_000;

/** From here on a program has written the file: nobody names a field twice in it by mistake, which only YAML would notice. */
const minJsonLength = 256 * 1024;

/** A large file of JSON, which YAML would take two hundred times as long to read; undefined: it is none. */
const largeJsonFrom = (text: string): unknown => {
  if (text.length < minJsonLength || !text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Curly YAML is no JSON, and of what is neither YAML says the line.
    return undefined;
  }
};

const documentFrom = (text: string): unknown => {
  const json = largeJsonFrom(text);
  if (json !== undefined) return json;
  try {
    return parseYamlText(text);
  } catch (cause) {
    const line = cause instanceof YAMLParseError ? cause.linePos?.[0].line : undefined;
    throw new TidegateError('POLICY_INVALID', 'The policy file is not YAML', {
      cause,
      problems: [{ path: line === undefined ? '' : `line ${line}`, message: yamlTroubleOf(cause) }],
    });
  }
};

/** Fields in one order and defaults filled in: two spellings of the same policies have the same version. */
const versionOf = (policies: readonly Policy[]): string =>
  createHash('sha256').update(JSON.stringify(policies)).digest('hex').slice(0, 12);

/** A policy set from policies made in code. Throws nothing: {@link parsePolicies} is the edge that judges. */
export const policySetOf = (policies: readonly Policy[]): PolicySet => ({
  version: versionOf(policies),
  policies,
  warnings: warningsOf(policies),
});

/** YAML (or JSON) → policies. Throws POLICY_INVALID with every problem and its path. */
export const parsePolicies = (text: string): PolicySet => policiesFrom(documentFrom(text));

/** `policies[3].match.routes[0]` → 3, `match.routes[0]`. */
const placeOf = (path: string): { index: number; field: string } | null => {
  const found = /^policies\[(\d+)\]\.?(.*)$/s.exec(path);
  return found ? { index: Number(found[1]), field: found[2] ?? '' } : null;
};

const refusedFields = (problems: readonly Problem[]): ReadonlyMap<number, ReadonlySet<string>> => {
  const refused = new Map<number, Set<string>>();
  for (const { path } of problems) {
    const place = placeOf(path);
    if (place) refused.set(place.index, (refused.get(place.index) ?? new Set()).add(place.field));
  }
  return refused;
};

const none: ReadonlySet<string> = new Set();

const combinationProblems = (policies: readonly (Policy | undefined)[]): Problem[] => {
  const combinations = policies.reduce((sum, policy) => sum + (policy ? combinationsOf(policy.match) : 0), 0);
  return combinations > maxCombinations
    ? [{ path: 'policies', message: `list ${combinations} combinations in all, at most ${maxCombinations}` }]
    : [];
};

/** A policy file's content, read → policies. Throws POLICY_INVALID with every problem and its path. */
export const policiesFrom = (document: unknown): PolicySet => {
  const { problems: refusals, entries: listed } = checkSchema(document);
  const problems = [...refusals];
  const refused = refusedFields(refusals);
  const judged = listed.map((fields, index) => judgeEntry(fields, `policies[${index}]`, refused.get(index) ?? none));
  const policies = judged.map(({ policy }) => policy);
  for (const entry of judged) problems.push(...entry.problems);
  problems.push(...repeatedNames(listed), ...candidateProblems(policies, listed), ...combinationProblems(policies));
  if (problems.length > 0) {
    const many = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new TidegateError('POLICY_INVALID', `The policies have ${many}`, { problems });
  }
  const hasPriority = (index: number): boolean => (listed[index] as { priority?: unknown }).priority !== undefined;
  return policySetOf(
    inheritGroups(
      policies.flatMap((policy) => policy ?? []),
      hasPriority,
    ),
  );
};
