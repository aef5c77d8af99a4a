import type { TSchema } from 'typebox';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import { Errors } from 'typebox/value';
import { Lexer, LineCounter, Parser, parseDocument } from 'yaml';
import { messageOf, type Problem } from './errors.ts';

const maxPartLength = 64;

/** Names come from whoever wrote the file: a path stays one short line. */
const shownPart = (part: string): string => {
  const shown = part.length > maxPartLength ? `${part.slice(0, maxPartLength - 1)}…` : part;
  return /^[\w $@.:~…-]*$/.test(shown) ? shown : JSON.stringify(shown);
};

const pathOf = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => shownPart(part.replaceAll('~1', '/').replaceAll('~0', '~')))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`), '');

/** JSON where it says what was given: it has no NaN and no infinity, and code can hand over what it has no word for. */
const spelled = (value: unknown): string => {
  if (typeof value !== 'string' && typeof value !== 'object') return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return 'a value that holds itself';
  }
};

const shorten = (value: unknown): string => {
  const text = spelled(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
};

const valueAt = (root: unknown, pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (value, part) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined,
      root,
    );

/** Says one schema error in words; several of one path (a union, a type and its range) become one problem. */
const messageFor = (errors: readonly TLocalizedValidationError[], value: unknown): string => {
  const allowed = errors.flatMap((error) => {
    if (error.keyword === 'const') return [shorten(error.params.allowedValue)];
    return error.keyword === 'enum' ? error.params.allowedValues.map(shorten) : [];
  });
  const first = errors.find((error) => error.keyword === 'type') ?? errors[0];
  const rule = allowed.length > 0 ? `must be ${allowed.join(' or ')}` : (first?.message ?? 'is not valid');
  return value === undefined ? rule : `${rule}, is ${shorten(value)}`;
};

/** typebox stops at eight by itself. Bounded still: a file of a hundred thousand bad entries helps nobody. */
const maxErrors = 1000;

const allErrors = (schema: TSchema, value: unknown): TLocalizedValidationError[] => {
  const { maxErrors: before } = Settings.Get();
  Settings.Set({ maxErrors });
  try {
    return Errors(schema, value);
  } finally {
    Settings.Set({ maxErrors: before });
  }
};

/** Levels of one text, of which a mapping in a list is three. No file of ours has more than a dozen. */
const maxYamlDepth = 100;

/** Without a call within a call: what makes values of a text may run out of stack where V8 ends the process for it. */
const checkDepth = (text: string): void => {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > maxYamlDepth) throw new RangeError(`nests deeper than ${maxYamlDepth} levels`);
  }
};

/** YAML (or JSON) → a value. Throws YAMLParseError, and others where the text is made to exhaust who reads it. */
export const parseYamlText = (text: string): unknown => {
  checkDepth(text);
  const lines = new LineCounter();
  // Pretty errors copy a part of the text each, and there may be as many as words: only the first is told.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [first] = document.errors;
  if (first === undefined) return document.toJS({ maxAliasCount: 100 });
  first.linePos = [lines.linePos(first.pos[0])];
  throw first;
};

/** What stops a text from being YAML, without the place that the parser puts at its end: that is the problem's path. */
export const yamlTroubleOf = (thrown: unknown): string =>
  (messageOf(thrown).split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');

/** Everything that is wrong with `value`, one problem per path: `policies[2].limit`. Empty: it fits the schema. */
export const problemsOf = (schema: TSchema, value: unknown): Problem[] => {
  const problems = new Map<string, TLocalizedValidationError[]>();
  const found: Problem[] = [];
  for (const error of allErrors(schema, value)) {
    if (error.keyword === 'boolean') continue;
    if (error.keyword === 'anyOf') continue;
    if (error.keyword === 'additionalProperties') {
      for (const name of error.params.additionalProperties) {
        found.push({ path: pathOf(`${error.instancePath}/${name}`), message: 'is not a known field' });
      }
    } else if (error.keyword === 'required') {
      for (const name of error.params.requiredProperties) {
        found.push({ path: pathOf(`${error.instancePath}/${name}`), message: 'is missing' });
      }
    } else {
      problems.set(error.instancePath, [...(problems.get(error.instancePath) ?? []), error]);
    }
  }
  for (const [pointer, errors] of problems) {
    found.push({ path: pathOf(pointer), message: messageFor(errors, valueAt(value, pointer)) });
  }
  return found;
};
