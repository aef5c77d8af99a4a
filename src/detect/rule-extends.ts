import type { Problem } from '../errors.ts';
import { nearName } from './near-name.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Taken over as one: half a choice is none. */
const whole: ReadonlySet<string> = new Set(['action', 'then']);

/** What abuse looks like is said as one: who says any of it takes nothing of it. */
const condition: readonly string[] = ['when', 'breadth', 'depth'];

/** What `base` says where `fields` say nothing, in parts of parts too; lists as they stand. */
const merged = (base: Fields, fields: Fields): Fields => {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(fields)) {
    const before = Object.hasOwn(base, name) ? base[name] : undefined;
    const inParts = !whole.has(name) && isFields(before) && isFields(value);
    result[name] = inParts ? merged(before, value) : value;
  }
  return result;
};

/** A mode that is inherited would block where nobody has written it: the schema asks each rule for name and mode. */
const inheritable = (base: Fields, fields: Fields): Fields => {
  const saysCondition = condition.some((name) => Object.hasOwn(fields, name));
  const isTaken = (name: string): boolean => !(saysCondition && condition.includes(name));
  return Object.fromEntries(Object.entries(base).filter(([name]) => isTaken(name)));
};

export interface Extended {
  /** By place in the file; null: what it extends is missing or goes in a circle. */
  readonly entries: readonly (Fields | null)[];
  /** Places of the rules that each takes from, itself not included. */
  readonly bases: readonly (readonly number[])[];
  readonly problems: readonly Problem[];
}

/** The way from a rule to what it extends and on: ends at a rule that extends none, or where it cannot go on. */
const chainOf = (entries: readonly unknown[], start: number, places: ReadonlyMap<string, number>) => {
  const chain = [start];
  for (let at = start; ; ) {
    const entry = entries[at];
    const base = isFields(entry) ? entry['extends'] : undefined;
    if (typeof base !== 'string') return { chain, lacks: null, circle: false, at };
    const next = places.get(base);
    if (next === undefined) return { chain, lacks: base, circle: false, at };
    const circle = chain.includes(next);
    chain.push(next);
    if (circle) return { chain, lacks: null, circle, at };
    at = next;
  }
};

/** Every entry with what it takes from the rules that it extends. */
export const extendRules = (entries: readonly unknown[]): Extended => {
  const places = new Map<string, number>();
  const names = entries.map((entry) => (isFields(entry) && typeof entry['name'] === 'string' ? entry['name'] : ''));
  for (const [index, name] of names.entries()) if (name !== '' && !places.has(name)) places.set(name, index);
  const problems: Problem[] = [];
  const bases: (readonly number[])[] = [];
  const extended = entries.map((_, index) => {
    const { chain, lacks, circle, at } = chainOf(entries, index, places);
    bases.push(chain.slice(1));
    const path = `rules[${index}].extends`;
    // Whoever extends the rule with the problem has none of its own.
    if (lacks !== null && at === index) {
      const near = nearName(lacks, [...places.keys()]);
      problems.push({ path, message: `names no rule of this file${near === null ? '' : `: did you mean ${near}?`}` });
    } else if (circle && chain.at(-1) === index) {
      problems.push({ path, message: `goes in a circle: ${chain.map((place) => names[place]).join(' -> ')}` });
    }
    if (lacks !== null || circle) return null;
    return chain
      .toReversed()
      .map((place) => entries[place])
      .reduce<Fields>((base, fields) => (isFields(fields) ? merged(inheritable(base, fields), fields) : base), {});
  });
  return { entries: extended, bases, problems };
};

/** Where a document holds itself, which YAML can write and no rule can mean: the path of the first such place. */
export const circleIn = (document: unknown): string | null => {
  const done = new WeakSet<object>();
  const walk = (value: unknown, path: string, above: ReadonlySet<object>): string | null => {
    if (typeof value !== 'object' || value === null || done.has(value)) return null;
    if (above.has(value)) return path;
    const below = new Set(above).add(value);
    for (const [name, part] of Object.entries(value)) {
      const found = walk(
        part,
        Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`,
        below,
      );
      if (found !== null) return found;
    }
    done.add(value);
    return null;
  };
  return walk(document, '', new Set());
};
