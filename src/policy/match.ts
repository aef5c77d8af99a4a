import type { Client } from '../client.ts';
import type { Policy, PolicySet } from './policy.ts';
import { parseRoutePattern, readingsOf, segmentsOf } from './route-pattern.ts';

/** What a policy is matched against. */
export interface MatchSubject {
  readonly method: string;
  /** The request's target, as it came. */
  readonly path: string;
  /** The route's template, where there is one: its policies apply, and those of the path where it takes many paths. */
  readonly template?: string;
  readonly tenant: string;
  readonly client: Client;
}

/** Policies for a request, in the order of their file. */
export type Matcher = (subject: MatchSubject) => readonly Policy[];

interface Entry {
  readonly order: number;
  readonly policy: Policy;
}

/** One step of a path; the entries of a node apply to paths that end here, the open ones to all below as well. */
interface Node {
  readonly literal: Map<string, Node>;
  any: Node | undefined;
  readonly ends: Map<string, Entry[]>;
  readonly open: Map<string, Entry[]>;
}

const newNode = (): Node => ({ literal: new Map(), any: undefined, ends: new Map(), open: new Map() });

/** Servers that tell `/Login` from `/login` are the fewer ones: a limit is for both. */
const folded = (segment: string): string => segment.toLowerCase();

const childOf = (node: Node, segment: string): Node => {
  if (segment === '*') {
    node.any ??= newNode();
    return node.any;
  }
  const known = node.literal.get(folded(segment));
  if (known) return known;
  const made = newNode();
  node.literal.set(folded(segment), made);
  return made;
};

/** Keyed by method and tenant, so that thousands of tenants' own policies cost a request one look-up each. */
const cell = (method: string, tenant: string): string => `${method} ${tenant}`;

const insert = (root: Node, entry: Entry): void => {
  const tenants = entry.policy.match.tenants ?? ['*'];
  for (const text of entry.policy.match.routes ?? ['* **']) {
    const pattern = parseRoutePattern(text);
    if (typeof pattern === 'string') continue;
    const node = pattern.segments.reduce(childOf, root);
    for (const tenant of tenants) {
      const cells = pattern.open ? node.open : node.ends;
      const key = cell(pattern.method, tenant);
      cells.set(key, [...(cells.get(key) ?? []), entry]);
    }
  }
};

/** Who answers GET answers HEAD with the same work. */
const methodsOf = (method: string): readonly string[] => (method === 'HEAD' ? ['HEAD', 'GET', '*'] : [method, '*']);

const collect = (cells: ReadonlyMap<string, Entry[]>, subject: MatchSubject, found: Entry[]): void => {
  if (cells.size === 0) return;
  for (const method of methodsOf(subject.method)) {
    for (const tenant of [subject.tenant, '*']) {
      const entries = cells.get(cell(method, tenant));
      if (entries) found.push(...entries);
    }
  }
};

/** Deeper paths match no pattern by single segments, and hostile ones must not cost more. */
const maxSegments = 32;

const walk = (root: Node, segments: readonly string[], subject: MatchSubject): Entry[] => {
  const found: Entry[] = [];
  let level: Node[] = [root];
  for (const segment of segments.slice(0, maxSegments)) {
    for (const node of level) collect(node.open, subject, found);
    level = level.flatMap((node) => [node.literal.get(folded(segment)) ?? [], node.any ?? []].flat());
    if (level.length === 0) return found;
  }
  for (const node of level) {
    collect(node.open, subject, found);
    collect(node.ends, subject, found);
  }
  return found;
};

/** A gateway may serve everything on `/*`: a template that takes many paths must not hide which one was asked for. */
const takesManyPaths = (template: string): boolean => /[*:]/.test(template);

const readingsOfSubject = ({ path, template }: MatchSubject): readonly (readonly string[])[] => {
  if (template === undefined) return readingsOf(path);
  const own = segmentsOf(template);
  return takesManyPaths(template) ? [own, ...readingsOf(path)] : [own];
};

/**
 * An index over the policies of one version: a match walks the path once (an ambiguous one, or one behind a template, up
 * to three times) and looks up method and tenant, whatever the number of policies.
 */
export const compilePolicies = ({ policies }: PolicySet): Matcher => {
  const root = newNode();
  for (const [order, policy] of policies.entries()) insert(root, { order, policy });
  return (subject) => {
    const found = readingsOfSubject(subject).flatMap((segments) => walk(root, segments, subject));
    const applicable = found.filter(({ policy }) => policy.match.clientKinds?.includes(subject.client.kind) ?? true);
    // A policy may have matched by several patterns or readings.
    return [...new Set(applicable.sort((a, b) => a.order - b.order).map(({ policy }) => policy))];
  };
};
