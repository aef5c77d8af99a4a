import type { BlockAction } from '../blocklist/block.ts';
import type { SharedAddressTerms } from '../blocklist/block-promoter.ts';
import type { PrecisionFloor } from '../blocklist/rule-book.ts';
import type { Problem } from '../errors.ts';
import { problemsOf } from '../problems.ts';
import { parseRouteTest } from './route-test.ts';
import { LimitTerms, PrecisionTerms, requiredFields } from './rule-schema.ts';
import {
  canaryAt,
  type DurationPath,
  durationAt,
  durationPaths,
  reviewByAt,
  type SharePath,
  shareAt,
  sharePaths,
  valueAt,
} from './rule-values.ts';

/** What a rule writes as text, read. */
export interface RuleTerms {
  readonly ms: Readonly<Record<DurationPath, number>>;
  readonly shares: Readonly<Record<SharePath, number>>;
  readonly canaryPercent: number;
  readonly reviewByMs: number | null;
  readonly precision: PrecisionFloor | null;
}

const defaultMinLabels = 20;

const precisionFrom = (fields: unknown): PrecisionFloor | null =>
  valueAt(fields, 'precision') === 'none'
    ? null
    : {
        floor: Number(shareAt(fields, 'precision.floor')),
        minLabels: Number(valueAt(fields, 'precision.minLabels') ?? defaultMinLabels),
      };

export const termsOf = (fields: unknown): RuleTerms => {
  const numbers = <const P extends string>(paths: readonly P[], at: (fields: unknown, path: P) => number | string) =>
    Object.fromEntries(paths.map((path) => [path, Number(at(fields, path))])) as Record<P, number>;
  const reviewByMs = reviewByAt(fields);
  return {
    ms: numbers(durationPaths, durationAt),
    shares: numbers(sharePaths, shareAt),
    canaryPercent: Number(canaryAt(fields)),
    reviewByMs: typeof reviewByMs === 'number' ? reviewByMs : null,
    precision: precisionFrom(fields),
  };
};

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `refuse`, or a limit. */
const choiceProblems = (fields: unknown, path: string, word: string): Problem[] => {
  const given = valueAt(fields, path);
  if (given === undefined || given === word) return [];
  if (!isObject(given)) return [{ path, message: `must be ${word}, or a limit such as { limit: 20, window: 60s }` }];
  return problemsOf(LimitTerms, given).map((problem) => ({ ...problem, path: `${path}.${problem.path}` }));
};

const precisionProblems = (fields: unknown): Problem[] => {
  const given = valueAt(fields, 'precision');
  if (given === undefined || given === 'none') return [];
  if (!isObject(given))
    return [{ path: 'precision', message: 'must be none, or such as { floor: 60%, minLabels: 20 }' }];
  const isFloor = ({ path }: Problem): boolean => path === 'floor' || path.startsWith('floor.');
  const problems = problemsOf(PrecisionTerms, given).filter((problem) => !isFloor(problem));
  return problems.map((problem) => ({ ...problem, path: `precision.${problem.path}` }));
};

const listProblems = (fields: unknown, path: string, faultOf: (text: string) => string | null): Problem[] => {
  const given = valueAt(fields, path);
  if (!Array.isArray(given)) return [];
  return given.flatMap((text: unknown, index) => {
    const message = typeof text === 'string' ? faultOf(text) : null;
    return message === null ? [] : [{ path: `${path}[${index}]`, message }];
  });
};

const matchProblems = (fields: unknown): Problem[] => [
  ...listProblems(fields, 'match.routes', (text) =>
    parseRouteTest(text) ? null : 'must be METHOD /path, with * and a last ** as wildcards',
  ),
  ...['match.tenants', 'match.policies'].flatMap((path) =>
    listProblems(fields, path, (text) => (text === '*' ? 'must be a name; to match all, leave the list out' : null)),
  ),
];

/** What is wrong with the values that an entry itself writes, whatever it extends. */
export const valueProblems = (fields: unknown): Problem[] => {
  const problems: Problem[] = [];
  const add = (path: string, message: unknown): void => {
    if (typeof message === 'string') problems.push({ path, message });
  };
  for (const path of durationPaths) if (typeof valueAt(fields, path) === 'string') add(path, durationAt(fields, path));
  for (const path of sharePaths) add(path, shareAt(fields, path));
  if (shareAt(fields, 'depth.deniedShare') === 0)
    add('depth.deniedShare', 'must be over 0: it would hold for everyone');
  if (shareAt(fields, 'precision.floor') === 0)
    add('precision.floor', 'must be over 0: to be judged by nobody, say none');
  add('canary', canaryAt(fields));
  if (typeof valueAt(fields, 'reviewBy') === 'string') add('reviewBy', reviewByAt(fields));
  if (valueAt(fields, 'name') === 'manual') add('name', 'is what blocks of people are called: choose another');
  problems.push(...choiceProblems(fields, 'action', 'refuse'), ...choiceProblems(fields, 'shared.then', 'suppress'));
  return [...problems, ...precisionProblems(fields), ...matchProblems(fields)];
};

/** What an entry, with all that it extends, leaves open. `base`: what it extends, whose own problem it then is. */
export const missingFields = (fields: unknown, base: unknown): Problem[] =>
  Object.entries(requiredFields).flatMap(([path, what]) => {
    if (valueAt(fields, path) !== undefined) return [];
    const [part = '', inner] = path.split('.');
    if (inner !== undefined && !isObject(valueAt(fields, part))) return [];
    const isTheirs = base !== undefined && (inner === undefined || isObject(valueAt(base, part)));
    if (isTheirs) return [];
    return [{ path, message: `is missing: ${what}` }];
  });

export const actionFrom = (given: unknown, windowMs: number): BlockAction =>
  isObject(given) ? { kind: 'limit', limit: Number(valueAt(given, 'limit')), windowMs } : { kind: 'refuse' };

export const sharedFrom = (given: unknown, windowMs: number): SharedAddressTerms | null => {
  if (given === undefined) return null;
  const then = actionFrom(valueAt(given, 'then'), windowMs);
  return {
    identities: Number(valueAt(given, 'identities')),
    // biome-ignore lint/suspicious/noThenProperty: the word of the file; nobody awaits terms
    then: then.kind === 'limit' ? then : { kind: 'suppress' },
  };
};
