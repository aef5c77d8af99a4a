import type { ClientKind } from '../client.ts';
import { segmentsOf } from '../route-pattern.ts';
import type { Facts } from './cells.ts';
import { type KeyedSubject, MatchKeys } from './match-key.ts';
import { plainSegmentsOf, readingsOf } from './path-readings.ts';
import type { Policy, PolicySet } from './policy.ts';
import { type Entry, kindBits, settleGroups } from './rank.ts';
import { folded, RouteIndex } from './route-index.ts';
import { fitsShape, shapeOf, type TemplateShape, takesManyPaths } from './template-shape.ts';

/** What a policy is matched against. */
export interface MatchSubject extends KeyedSubject {
  /** The request's target, as it came. */
  readonly path: string;
  /** The route's template, where there is one: its policies apply, and those of the path where it takes many paths. */
  readonly template?: string;
}

/**
 * Policies for a request, in the order of their file; of a group one alone. The list may be shared with other requests:
 * equal lists of one template are mostly one and the same, frozen.
 */
export type Matcher = (subject: MatchSubject) => readonly Policy[];

/** Folded once more where something was decoded: `%4C` is an `L`. */
const foldedReadings = (path: string): readonly (readonly string[])[] => {
  const readings = readingsOf(folded(path));
  return readings.length === 1 ? readings : readings.map((segments) => segments.map(folded));
};

const pathReadings = (path: string): readonly (readonly string[])[] => {
  const segments = plainSegmentsOf(path);
  return segments === null ? foldedReadings(path) : [segments];
};

/** The path in each way that a server may read it, and the template's own segments. */
export const readingsOfSubject = ({ path, template }: MatchSubject): readonly (readonly string[])[] => {
  if (template === undefined) return pathReadings(path);
  const own = segmentsOf(folded(template));
  return takesManyPaths(template) ? [own, ...pathReadings(path)] : [own];
};

export const factsOf = ({ method, tenant, plan = '', service = '' }: MatchSubject): Facts => [
  method,
  tenant,
  plan,
  service,
];

/** In the order of the file; of one policy's entries the narrowest first. */
const isBefore = (a: Entry, b: Entry): boolean => a.order < b.order || (a.order === b.order && a.rank > b.rank);

/** So few as match one request are sorted by hand in a fraction of what it takes to call a comparator. */
const sortFew = (entries: Entry[]): void => {
  for (let next = 1; next < entries.length; next += 1) {
    const entry = entries[next];
    if (!entry) return;
    let at = next;
    while (at > 0) {
      const before = entries[at - 1];
      if (!before || !isBefore(entry, before)) break;
      entries[at] = before;
      at -= 1;
    }
    entries[at] = entry;
  }
};

const maxFew = 16;

const sort = (entries: Entry[]): void => {
  if (entries.length <= maxFew) sortFew(entries);
  else entries.sort((a, b) => (isBefore(a, b) ? -1 : 1));
};

/** The same where groups have to be settled: rarer, and slower. */
const policiesInGroups = (found: readonly Entry[], bit: number): readonly Policy[] => {
  let last = -1;
  const entries = found.filter((entry) => {
    const first = (entry.kinds & bit) !== 0 && entry.order !== last;
    last = entry.order;
    return first;
  });
  return settleGroups(entries).map(({ policy }) => policy);
};

/**
 * What applies of what was found: for this kind of client, in the order of the file, each policy once by the narrowest of
 * its patterns, and of each group one alone.
 */
const policiesIn = (found: Entry[], kind: ClientKind): readonly Policy[] => {
  const bit = kindBits[kind];
  sort(found);
  const policies: Policy[] = [];
  let last = -1;
  for (const entry of found) {
    if (entry.order === last || (entry.kinds & bit) === 0) continue;
    if (entry.grouped) return policiesInGroups(found, bit);
    last = entry.order;
    policies.push(entry.policy);
  }
  return policies;
};

/** What is known of the paths of one template. */
interface Template {
  /** Which policies apply does not depend on the path: at all, or for the paths of a shape. */
  readonly pathFree: boolean;
  readonly shape: TemplateShape | null;
  readonly results: Map<number, readonly Policy[]>;
}

/** Templates are the host's, and few; a host that passes something else fills this again and again, no more. */
const maxTemplates = 4096;
const maxResults = 65_536;

class CompiledPolicies {
  readonly #index: RouteIndex;
  readonly #keys: MatchKeys;
  readonly #anyPath: boolean;
  readonly #ofAnyPath = new Map<number, readonly Policy[]>();
  readonly #templates = new Map<string, Template>();
  #results = 0;

  constructor(policies: readonly Policy[]) {
    this.#index = new RouteIndex(policies);
    this.#keys = new MatchKeys(policies);
    this.#anyPath = this.#index.takesAnyPath;
  }

  match(subject: MatchSubject): readonly Policy[] {
    if (!this.#keys.fit) return this.#search(subject);
    if (this.#anyPath) return this.#remembered(this.#ofAnyPath, subject);
    if (subject.template === undefined) return this.#search(subject);
    const { pathFree, shape, results } = this.#templateOf(subject.template);
    const covered = pathFree || (shape !== null && fitsShape(shape, subject.path));
    return covered ? this.#remembered(results, subject) : this.#search(subject);
  }

  #search(subject: MatchSubject): readonly Policy[] {
    const found: Entry[] = [];
    const facts = factsOf(subject);
    if (this.#anyPath) this.#index.find({ segments: [], facts, found });
    else for (const segments of readingsOfSubject(subject)) this.#index.find({ segments, facts, found });
    return policiesIn(found, subject.client.kind);
  }

  #remembered(results: Map<number, readonly Policy[]>, subject: MatchSubject): readonly Policy[] {
    const key = this.#keys.of(subject);
    const known = results.get(key);
    if (known !== undefined) return known;
    const policies = Object.freeze(this.#search(subject));
    if (this.#results >= maxResults) this.#forget();
    this.#results += 1;
    results.set(key, policies);
    return policies;
  }

  #templateOf(text: string): Template {
    const known = this.#templates.get(text);
    if (known) return known;
    if (this.#templates.size >= maxTemplates) this.#forget();
    const pathFree = !takesManyPaths(text);
    const shape = pathFree ? null : shapeOf(text, this.#index.root);
    const template: Template = { pathFree, shape, results: new Map() };
    this.#templates.set(text, template);
    return template;
  }

  #forget(): void {
    this.#templates.clear();
    this.#ofAnyPath.clear();
    this.#results = 0;
  }
}

/**
 * An index over the policies of one version: a match walks the path once (an ambiguous one, or one behind a template, up
 * to three times) and looks up method, tenant, plan and service, whatever the number of policies. Where the path cannot
 * matter, what was found before for such a request is found again by one or two look-ups.
 */
export const compilePolicies = ({ policies }: Pick<PolicySet, 'policies'>): Matcher => {
  const compiled = new CompiledPolicies(policies);
  return (subject) => compiled.match(subject);
};
