import { createHash } from 'node:crypto';
import Type from 'typebox';
import { YAMLParseError } from 'yaml';
import type { BlockBudget } from '../blocklist/block-promoter.ts';
import { clientKinds } from '../client.ts';
import { formatDurationMs, parseDurationMs } from '../duration.ts';
import { type Problem, TidegateError } from '../errors.ts';
import { parseYamlText, problemsOf, yamlTroubleOf } from '../problems.ts';
import { parseRouteTest } from './route-test.ts';
import { type Rule, type RuleSet, ruleModes } from './rule.ts';

// A mapped array is no tuple to the type checker, which would make the union `never`.
const literals = <const T extends string>(values: readonly T[]) =>
  Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));
const texts = (maxLength: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength }), { minItems: 1, maxItems: 1000 });
const closed = { additionalProperties: false };

const maxCount = 1_000_000_000;
const count = Type.Integer({ minimum: 1, maximum: maxCount });
const maxRules = 64;

const RuleFields = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
    mode: literals(ruleModes),
    match: Type.Optional(
      Type.Object(
        {
          tenants: Type.Optional(texts(128)),
          routes: Type.Optional(texts(512)),
          policies: Type.Optional(texts(64)),
          clientKinds: Type.Optional(Type.Array(literals(clientKinds), { minItems: 1 })),
        },
        closed,
      ),
    ),
    // Evidence remembers at most 64 routes of a client and window.
    breadth: Type.Optional(Type.Object({ distinctRoutes: Type.Integer({ minimum: 2, maximum: 64 }) }, closed)),
    depth: Type.Optional(
      Type.Object({ denied: count, deniedShare: Type.Number({ exclusiveMinimum: 0, maximum: 1 }) }, closed),
    ),
    windows: Type.Object(
      {
        length: Type.String(),
        lasting: Type.Optional(Type.String()),
        hit: Type.Integer({ minimum: 1, maximum: 60 }),
        of: Type.Integer({ minimum: 1, maximum: 60 }),
        overwhelming: Type.Optional(
          Type.Object(
            {
              denied: count,
              counts: Type.Integer({ minimum: 1, maximum: 60 }),
            },
            closed,
          ),
        ),
      },
      closed,
    ),
    compliance: Type.Optional(Type.Object({ minEarlyShare: Type.Number({ minimum: 0, maximum: 1 }) }, closed)),
    block: Type.Object(
      {
        base: Type.String(),
        factor: Type.Optional(Type.Number({ minimum: 1, maximum: 10 })),
        max: Type.Optional(Type.String()),
        jitter: Type.Optional(Type.Number({ minimum: 0, maximum: 0.9 })),
        strikeTtl: Type.Optional(Type.String()),
      },
      closed,
    ),
    budget: Type.Optional(Type.Object({ blocksPerHour: Type.Integer({ minimum: 0, maximum: 100_000 }) }, closed)),
  },
  closed,
);

/** The JSON Schema of a rule file. */
export const RuleFileSchema = Type.Object(
  { version: Type.Literal(1), rules: Type.Array(RuleFields, { maxItems: maxRules }) },
  closed,
);

type Fields = Type.Static<typeof RuleFields>;

const secondMs = 1000;
const dayMs = 86_400_000;

/** Every duration of a rule file: where it is, its range, and what holds when it is absent. */
const durations = {
  'windows.length': { leastMs: secondMs, mostMs: 3_600_000, defaultMs: null },
  'windows.lasting': { leastMs: 0, mostMs: 3_600_000, defaultMs: 0 },
  'block.base': { leastMs: secondMs, mostMs: 30 * dayMs, defaultMs: null },
  'block.max': { leastMs: secondMs, mostMs: 30 * dayMs, defaultMs: dayMs },
  'block.strikeTtl': { leastMs: secondMs, mostMs: 90 * dayMs, defaultMs: 7 * dayMs },
} as const satisfies Record<string, { leastMs: number; mostMs: number; defaultMs: number | null }>;
type DurationPath = keyof typeof durations;

const valueAt = (root: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
      root,
    );

/** A duration of a rule, or the problem with it. An absent one without default is the schema's business. */
const durationAt = (fields: unknown, path: DurationPath): number | string => {
  const { leastMs, mostMs, defaultMs } = durations[path];
  const text = valueAt(fields, path);
  if (text === undefined) return defaultMs ?? 0;
  const ms = typeof text === 'string' ? parseDurationMs(text) : null;
  if (ms !== null && ms >= leastMs && ms <= mostMs) return ms;
  return `must be a duration such as 90s, 15m or 24h, from ${formatDurationMs(leastMs)} to ${formatDurationMs(mostMs)}`;
};

const semanticProblems = (fields: Fields, ms: Record<DurationPath, number>): Problem[] => {
  const problems: Problem[] = [];
  const { windows } = fields;
  if ((fields.breadth === undefined) === (fields.depth === undefined)) {
    problems.push({ path: '', message: 'needs either breadth or depth, and not both' });
  }
  if (windows.hit > windows.of) problems.push({ path: 'windows.hit', message: `is above of, which is ${windows.of}` });
  if (ms['windows.lasting'] >= ms['windows.length']) {
    problems.push({ path: 'windows.lasting', message: 'must be shorter than windows.length' });
  }
  if (windows.of * ms['windows.length'] > dayMs) {
    problems.push({ path: 'windows.of', message: 'looks back over more than 24h' });
  }
  if (ms['block.base'] > ms['block.max']) {
    problems.push({ path: 'block.base', message: `is above block.max, which is ${formatDurationMs(ms['block.max'])}` });
  }
  for (const [index, pattern] of (fields.match?.routes ?? []).entries()) {
    if (parseRouteTest(pattern)) continue;
    problems.push({
      path: `match.routes[${index}]`,
      message: 'must be METHOD /path, with * and a last ** as wildcards',
    });
  }
  return problems;
};

const defaultBudget: BlockBudget = { blocksPerHour: 100, blocksPerMinute: 100, requestShare: 0.005, clientShare: 0.01 };

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);

const ruleFrom = (fields: Fields, ms: Record<DurationPath, number>): Rule => {
  const { overwhelming, hit, of } = fields.windows;
  const rule: Omit<Rule, 'hash'> = {
    name: fields.name,
    mode: fields.mode,
    canaryPercent: 100,
    owner: '',
    reviewByMs: null,
    by: 'client',
    match: fields.match ?? {},
    condition: { when: 'any', breadth: fields.breadth ?? null, depth: fields.depth ?? null },
    windows: {
      lengthMs: ms['windows.length'],
      hit,
      of,
      lastingMs: ms['windows.lasting'],
      overwhelming: overwhelming ?? null,
    },
    minEarlyShare: fields.compliance?.minEarlyShare ?? 0,
    block: {
      baseMs: ms['block.base'],
      factor: fields.block.factor ?? 2,
      maxMs: ms['block.max'],
      jitter: fields.block.jitter ?? 0.1,
      strikeTtlMs: ms['block.strikeTtl'],
    },
    minEvidence: 1,
    minClients: 1,
    action: { kind: 'refuse' },
    shared: null,
    budget: { ...defaultBudget, blocksPerHour: fields.budget?.blocksPerHour ?? 100 },
  };
  return { ...rule, hash: hashOf(rule) };
};

/** Judges one entry; what its schema already refuses is not judged again. */
const judgeEntry = (fields: unknown, refused: boolean): { rule?: Rule; problems: Problem[] } => {
  const problems: Problem[] = [];
  const ms: Partial<Record<DurationPath, number>> = {};
  for (const path of Object.keys(durations) as DurationPath[]) {
    const value = durationAt(fields, path);
    if (typeof value === 'number') ms[path] = value;
    else if (typeof valueAt(fields, path) === 'string') problems.push({ path, message: value });
  }
  if (refused || problems.length > 0) return { problems };
  const known = ms as Record<DurationPath, number>;
  problems.push(...semanticProblems(fields as Fields, known));
  return problems.length > 0 ? { problems } : { rule: ruleFrom(fields as Fields, known), problems };
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

/** A rule set from rules made in code. {@link parseRules} is the edge that judges. */
export const ruleSetOf = (rules: readonly Rule[]): RuleSet => ({
  version: hashOf(rules),
  rules,
  budget: { ...defaultBudget, blocksPerHour: 200 },
});

/** YAML (or JSON) → rules. Throws RULES_INVALID with every problem and its path. */
export const parseRules = (text: string): RuleSet => {
  const document = documentFrom(text);
  const problems = problemsOf(RuleFileSchema, document);
  const listed = valueAt(document, 'rules');
  const entries: readonly unknown[] = Array.isArray(listed) ? listed.slice(0, maxRules) : [];
  const rules: Rule[] = [];
  for (const [index, fields] of entries.entries()) {
    const path = `rules[${index}]`;
    const refused = problems.some((problem) => problem.path === path || problem.path.startsWith(`${path}.`));
    const judged = judgeEntry(fields, refused);
    if (judged.rule) rules.push(judged.rule);
    for (const problem of judged.problems) {
      problems.push({ path: problem.path === '' ? path : `${path}.${problem.path}`, message: problem.message });
    }
  }
  problems.push(...repeatedNames(entries));
  if (problems.length > 0) {
    const many = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new TidegateError('RULES_INVALID', `The rules have ${many}`, { problems });
  }
  return ruleSetOf(rules);
};

export type { Rule, RuleSet } from './rule.ts';
