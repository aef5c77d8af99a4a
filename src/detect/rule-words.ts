import type { Problem } from '../errors.ts';
import { nearName } from './near-name.ts';
import { RuleFileSchema } from './rule-schema.ts';
import { sharePaths, valueAt } from './rule-values.ts';

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

/** The names that may stand where `path` does. */
const namesBeside = (path: string): readonly string[] => {
  const parts = path.split('.').slice(0, -1);
  let shape: Shape | undefined = RuleFileSchema as Shape;
  for (const part of parts) {
    shape = shape?.properties?.[part.replace(/\[\d+\]$/, '')];
    if (part.endsWith(']')) shape = shape?.items;
  }
  return Object.keys(shape?.properties ?? {});
};

const outcomeWords: Readonly<Record<string, string>> = {
  blocked: 'must be denied: what a block refused is no evidence, or every block would renew itself',
  allowed: 'must be denied: what a client was allowed is no evidence against it, however much that is',
};

/** Where 0 would hold in every window of everyone. */
const thresholds = new Set([
  'breadth.distinctRoutes',
  'depth.denied',
  'windows.hit',
  'windows.of',
  'windows.overwhelming.denied',
  'windows.overwhelming.counts',
  'evidence.denied',
  'evidence.clients',
  'shared.identities',
]);

/** A problem of the schema in words that tell what to do. `entry` is the rule, `field` the path within it. */
const wordsFor = (entry: unknown, field: string, message: string): string => {
  const outcome = /^match\.outcomes\[(\d+)\]$/.exec(field);
  if (outcome) {
    const given = valueAt(entry, `match.outcomes.${outcome[1]}`);
    return (typeof given === 'string' && outcomeWords[given]) || message;
  }
  const given = valueAt(entry, field);
  if (given === 0 && thresholds.has(field)) return `${message}: it would hold for everyone`;
  if (field === 'mode' && given === undefined) return 'is missing: off, shadow, review or enforce';
  return message;
};

/** Judged by hand: of a choice of types the schema says what each of them lacks. */
const byHand = new Set<string>([...sharePaths, 'canary', 'action', 'shared.then', 'precision']);
const isByHand = (field: string): boolean =>
  byHand.has(field) || ['action.', 'shared.then.', 'precision.'].some((part) => field.startsWith(part));

/** What the schema refuses, said as people need it. */
export const inWords = (document: unknown, problems: readonly Problem[]): Problem[] =>
  problems.flatMap(({ path, message }) => {
    const [, index, field = ''] = /^rules\[(\d+)\]\.?(.*)$/s.exec(path) ?? [];
    if (isByHand(field) || (index === undefined && isByHand(path))) return [];
    if (message === 'is not a known field') {
      const name = path.split('.').at(-1) ?? '';
      const near = nearName(name, namesBeside(path));
      return [{ path, message: near === null ? message : `${message}: did you mean ${near}?` }];
    }
    if (index === undefined) return [{ path, message }];
    return [{ path, message: wordsFor(valueAt(document, `rules.${index}`), field, message) }];
  });
