import { createHash } from 'node:crypto';
import Type from 'typebox';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { parseDurationMs } from '../duration.ts';
import { type Problem, TidegateError } from '../errors.ts';
import { problemsOf, yamlTroubleOf } from '../problems.ts';
import { parseRoutePattern } from '../route-pattern.ts';
import {
  algorithms,
  consistencies,
  emissionIntervalUs,
  type Policy,
  type PolicyMatch,
  type PolicySet,
  scopeParts,
  storeFailureModes,
} from './policy.ts';

// A mapped array is no tuple to the type checker, which would make the union `never`.
const literals = <const T extends string>(values: readonly T[]) =>
  Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
const texts = (maxLength: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems: 1000 });

/** Largest limit and burst: with them, all microsecond arithmetic stays exact. */
const maxUnits = 1_000_000_000;
const maxWindowMs = 30 * 86_400_000;
const maxPolicies = 100_000;
const namePattern = '^[a-z0-9][a-z0-9._-]{0,63}$';

const PolicyFields = Type.Object(
  {
    name: Type.String({ pattern: namePattern }),
    match: Type.Optional(
      Type.Object(
        {
          routes: Type.Optional(texts(512)),
          tenants: Type.Optional(texts(128)),
          plans: Type.Optional(texts(128)),
          services: Type.Optional(texts(128)),
          clientKinds: Type.Optional(Type.Array(literals(['key', 'user', 'ip']), { minItems: 1 })),
        },
        { additionalProperties: false },
      ),
    ),
    scope: Type.Optional(Type.Array(literals(scopeParts), { uniqueItems: true })),
    algorithm: Type.Optional(literals(algorithms)),
    limit: Type.Integer({ minimum: 1, maximum: maxUnits }),
    window: Type.String(),
    burst: Type.Optional(Type.Integer({ minimum: 1, maximum: maxUnits })),
    cost: Type.Optional(Type.Integer({ minimum: 1, maximum: maxUnits })),
    onStoreFailure: Type.Optional(literals(storeFailureModes)),
    mode: Type.Optional(literals(['enforce', 'shadow'])),
    consistency: Type.Optional(literals(consistencies)),
    group: Type.Optional(Type.String({ pattern: namePattern })),
    priority: Type.Optional(Type.Integer({ minimum: -1000, maximum: 1000 })),
    candidateFor: Type.Optional(Type.String({ pattern: namePattern })),
  },
  { additionalProperties: false },
);

/** The JSON Schema of a policy file. */
export const PolicyFileSchema = Type.Object(
  { version: Type.Literal(1), policies: Type.Array(PolicyFields, { maxItems: maxPolicies }) },
  { additionalProperties: false },
);

/** One policy as a file or a caller writes it. */
export type PolicyInput = Type.Static<typeof PolicyFields>;

/** In one order, whatever the file's: equal matches are equal texts. */
const matchFrom = (match: PolicyMatch = {}): PolicyMatch => {
  const { routes, tenants, plans, services, clientKinds } = match;
  return {
    ...(routes && { routes }),
    ...(tenants && { tenants }),
    ...(plans && { plans }),
    ...(services && { services }),
    ...(clientKinds && { clientKinds }),
  };
};

const policyFrom = (fields: PolicyInput, windowMs: number): Policy => ({
  name: fields.name,
  match: matchFrom(fields.match),
  scope: scopeParts.filter((part) => (fields.scope ?? ['client']).includes(part)),
  algorithm: fields.algorithm ?? 'token-bucket',
  limit: fields.limit,
  windowMs,
  burst: fields.burst ?? fields.limit,
  cost: fields.cost ?? 1,
  onStoreFailure: fields.onStoreFailure ?? 'local',
  mode: fields.mode ?? (fields.candidateFor === undefined ? 'enforce' : 'shadow'),
  consistency: fields.consistency ?? 'exact',
  group: fields.group ?? null,
  priority: fields.priority ?? 0,
  candidateFor: fields.candidateFor ?? null,
});

/** Intervals round up to whole microseconds; more than 1 % off would be another limit than the one written down. */
const maxRoundingError = 0.01;

const semanticProblems = (policy: Policy, path: string): Problem[] => {
  const problems: Problem[] = [];
  const exactUs = (policy.windowMs * 1000) / policy.limit;
  if (emissionIntervalUs(policy) > exactUs * (1 + maxRoundingError)) {
    problems.push({
      path: `${path}.limit`,
      message: 'is so high for its window that rounding would change it by over 1 %',
    });
  }
  if (!Number.isSafeInteger(policy.burst * emissionIntervalUs(policy) * 2)) {
    problems.push({ path: `${path}.burst`, message: 'takes too long to refill: lower burst or window' });
  }
  if (policy.cost > policy.burst) {
    problems.push({
      path: `${path}.cost`,
      message: `is above the burst of ${policy.burst}: no request could ever pass`,
    });
  }
  for (const [index, pattern] of (policy.match.routes ?? []).entries()) {
    const fault = parseRoutePattern(pattern);
    if (typeof fault === 'string') problems.push({ path: `${path}.match.routes[${index}]`, message: fault });
  }
  return problems;
};

const windowOf = (fields: unknown): number | null => {
  const { window } = fields as { window?: unknown };
  const windowMs = typeof window === 'string' ? parseDurationMs(window) : null;
  return windowMs !== null && windowMs >= 1 && windowMs <= maxWindowMs ? windowMs : null;
};

/** Judges one entry; what its schema already refuses is not judged again. */
const judgeEntry = (
  fields: unknown,
  index: number,
  refused: ReadonlySet<string>,
): { policy?: Policy; problems: Problem[] } => {
  const path = `policies[${index}]`;
  if (typeof fields !== 'object' || fields === null) return { problems: [] };
  const windowMs = windowOf(fields);
  if (windowMs === null) {
    if (refused.has(`${path}.window`)) return { problems: [] };
    return {
      problems: [
        { path: `${path}.window`, message: 'must be a duration such as 500ms, 90s, 1m or 24h, from 1ms to 30d' },
      ],
    };
  }
  if ([...refused].some((problem) => problem === path || problem.startsWith(`${path}.`))) return { problems: [] };
  const policy = policyFrom(fields as PolicyInput, windowMs);
  return { policy, problems: semanticProblems(policy, path) };
};

const repeatedNames = (policies: readonly unknown[]): Problem[] => {
  const seen = new Map<unknown, number>();
  return policies.flatMap((fields, index) => {
    const name = (fields as { name?: unknown } | null)?.name;
    const first = seen.get(name);
    if (name === undefined || first === undefined) {
      seen.set(name, index);
      return [];
    }
    return [{ path: `policies[${index}].name`, message: `repeats the name of policies[${first}]` }];
  });
};

const documentFrom = (text: string): unknown => {
  try {
    return parseYaml(text, { maxAliasCount: 100 });
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
  warnings: [],
});

/** YAML (or JSON) → policies. Throws POLICY_INVALID with every problem and its path. */
export const parsePolicies = (text: string): PolicySet => policiesFrom(documentFrom(text));

/** A policy file's content, read → policies. Throws POLICY_INVALID with every problem and its path. */
export const policiesFrom = (document: unknown): PolicySet => {
  const problems = problemsOf(PolicyFileSchema, document);
  const refused = new Set(problems.map(({ path }) => path));
  const entries = (document as { policies?: unknown } | null)?.policies;
  const listed = Array.isArray(entries) ? entries.slice(0, maxPolicies) : [];
  const judged = listed.map((fields, index) => judgeEntry(fields, index, refused));
  problems.push(...judged.flatMap((entry) => entry.problems), ...repeatedNames(listed));
  if (problems.length > 0) {
    const many = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new TidegateError('POLICY_INVALID', `The policies have ${many}`, { problems });
  }
  return policySetOf(judged.flatMap(({ policy }) => policy ?? []));
};
