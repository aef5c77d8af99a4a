import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Problem } from '../errors.ts';
import { problemsOf } from '../problems.ts';
import { maxPolicies, PolicyFields, PolicyFileSchema } from './schema.ts';

/** Bounded: a file of a hundred thousand bad entries helps nobody. */
const maxProblems = 1000;

/** What holds the policies, without them. */
const FrameSchema = Type.Object(
  { version: PolicyFileSchema.properties.version, policies: Type.Array(Type.Unknown(), { maxItems: maxPolicies }) },
  { additionalProperties: false },
);

const compile = () => Compile(PolicyFields);
let compiled: ReturnType<typeof compile> | undefined;

const below = (path: string, field: string): string => (field === '' ? path : `${path}.${field}`);

export interface SchemaVerdict {
  readonly problems: readonly Problem[];
  /** The entries that were looked at: behind so many problems nobody looks any further. */
  readonly entries: readonly unknown[];
}

/**
 * What the schema refuses. The compiled check is two hundred times faster than listing what is wrong, so that is done
 * for the entries alone that need it: a hundred thousand good policies take a tenth of a second.
 */
export const checkSchema = (document: unknown): SchemaVerdict => {
  const problems = problemsOf(FrameSchema, document);
  const { policies } = (document ?? {}) as { policies?: unknown };
  if (!Array.isArray(policies)) return { problems, entries: [] };
  compiled ??= compile();
  const entries: unknown[] = [];
  for (const fields of policies.slice(0, maxPolicies)) {
    if (problems.length >= maxProblems) break;
    const path = `policies[${entries.length}]`;
    entries.push(fields);
    if (compiled.Check(fields)) continue;
    for (const problem of problemsOf(PolicyFields, fields)) {
      problems.push({ path: below(path, problem.path), message: problem.message });
    }
  }
  return { problems, entries };
};
