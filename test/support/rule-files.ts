import { parseRules } from '../../src/detect/rules.ts';
import { type Problem, TidegateError } from '../../src/errors.ts';

/** What is wrong with a file of rules; empty: nothing is. */
export const problemsOf = (text: string): readonly Problem[] => {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'RULES_INVALID') return error.problems;
    throw error;
  }
  return [];
};

/** A rule without a problem. */
export const complete = {
  name: 'r',
  mode: 'enforce',
  depth: { denied: 10, deniedShare: '80%' },
  windows: { length: '60s', hit: 3, of: 5 },
  block: { base: '15m' },
};
/** Behind `shared`: its `then` is a word of the rules, and no promise. */
export const consequence = (then: unknown): object => ({ then });
/** JSON is YAML. */
export const fileOf = (...rules: readonly object[]): string => JSON.stringify({ version: 1, rules });
/** A file of that rule, changed. */
export const changed = (change: object): string => fileOf({ ...complete, ...change });
