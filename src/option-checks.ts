import { type Problem, TidegateError } from './errors.ts';

/** What one option has to be: a problem in words, or null. */
export type OptionCheck = (value: unknown) => string | null;

const article = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

const isPromise = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

/** What a value is, for a message. Never the value itself: it may be a secret. */
export const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  return isPromise(value) ? 'a promise: await it' : article(typeof value);
};

const must = (be: string, value: unknown): string => `must ${be}, is ${kindOf(value)}`;

/** An object with a method of this name. */
export const having =
  (method: string, be = `have ${method}()`): OptionCheck =>
  (value) => {
    if (typeof value === 'function' || Array.isArray(value)) return must(be, value);
    const member = (value as Readonly<Record<string, unknown>> | null | undefined)?.[method];
    return typeof member === 'function' ? null : must(be, value);
  };

export const callback: OptionCheck = (value) => (typeof value === 'function' ? null : must('be a function', value));

export const text: OptionCheck = (value) => (typeof value === 'string' ? null : must('be text', value));

export const flag: OptionCheck = (value) => (typeof value === 'boolean' ? null : must('be true or false', value));

export const positive: OptionCheck = (value) =>
  typeof value === 'number' && value > 0 ? null : must('be a number over 0', value);

export const oneOf =
  (choices: readonly unknown[]): OptionCheck =>
  (value) =>
    choices.includes(value) ? null : must(`be one of ${choices.join(', ')}`, value);

export const record: OptionCheck = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? null : must('be an object', value);

export const optional =
  (check: OptionCheck): OptionCheck =>
  (value) =>
    value === undefined ? null : check(value);

/** CONFIG_INVALID whose message names every problem: many see nothing else of it. */
export const refusedOptions = (what: string, problems: readonly Problem[]): TidegateError => {
  const list = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new TidegateError('CONFIG_INVALID', `${what}: ${list}`, { problems });
};

/**
 * Callers without types are told what they wrote, at the start instead of with every request. Throws CONFIG_INVALID, whose
 * message names every problem.
 */
export const checkOptions = (what: string, options: unknown, checks: Readonly<Record<string, OptionCheck>>): void => {
  const problems: Problem[] = [];
  const trouble = record(options);
  if (trouble !== null) problems.push({ path: 'options', message: trouble });
  else {
    for (const [path, check] of Object.entries(checks)) {
      const message = check((options as Readonly<Record<string, unknown>>)[path]);
      if (message !== null) problems.push({ path, message });
    }
  }
  if (problems.length === 0) return;
  throw refusedOptions(what, problems);
};

/** An answer that is true or false at once: taken for one, a promise would always be true. Throws INPUT_INVALID. */
export const answeredAtOnce = (callbackName: string, answer: boolean | undefined): boolean => {
  if (isPromise(answer)) {
    throw new TidegateError('INPUT_INVALID', `${callbackName}() gave a promise; it must answer at once, true or false`);
  }
  return Boolean(answer);
};
