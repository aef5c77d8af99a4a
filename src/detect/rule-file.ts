import { readFile } from 'node:fs/promises';
import { fileTroubleOf, TidegateError } from '../errors.ts';
import type { RuleSet } from './rule.ts';
import { parseRules } from './rules.ts';

/** The rules of a file. Throws RULES_INVALID when it cannot be read, and with every problem in it. */
export const readRuleFile = async (path: string): Promise<RuleSet> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const why = fileTroubleOf(cause);
    throw new TidegateError('RULES_INVALID', `The rule file ${path} cannot be read: ${why}`, { cause });
  });
  try {
    return parseRules(text);
  } catch (cause) {
    if (!(cause instanceof TidegateError)) throw cause;
    const message = cause.message.replace(/^The rules have/, `${path} has`).replace(/^The rule file is/, `${path} is`);
    throw new TidegateError(cause.code, message, { cause, problems: cause.problems });
  }
};
