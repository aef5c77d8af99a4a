import { readFile } from 'node:fs/promises';
import { messageOf, TidegateError } from '../errors.ts';
import type { RuleSet } from './rule.ts';
import { parseRules } from './rules.ts';

/** The rules of a file. Throws INPUT_INVALID when it cannot be read, RULES_INVALID with every problem in it. */
export const readRuleFile = async (path: string): Promise<RuleSet> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TidegateError('INPUT_INVALID', `cannot read the rule file ${path}: ${messageOf(cause)}`, { cause });
  });
  try {
    return parseRules(text);
  } catch (cause) {
    if (!(cause instanceof TidegateError)) throw cause;
    throw new TidegateError(cause.code, `${path}: ${cause.message}`, { cause, problems: cause.problems });
  }
};
