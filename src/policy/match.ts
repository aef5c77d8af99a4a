import type { Client } from '../client.ts';
import { parseRoutePattern, segmentsOf } from '../route-pattern.ts';
import { readingsOf } from './path-readings.ts';
import type { Policy, PolicySet } from './policy.ts';

/** What a policy is matched against. */
export interface MatchSubject {
  readonly method: string;
  /** The request's target, as it came. */
  readonly path: string;
  /** The route's template, where there is one: its policies apply, and those of the path where it takes many paths. */
  readonly template?: string;
  readonly tenant: string;
  /** Empty: none. */
  readonly plan?: string;
  readonly service?: string;
  readonly client: Client;
}

/** Policies for a request, in the order of their file. */
export type Matcher = (subject: MatchSubject) => readonly Policy[];

interface Entry {
  readonly order: number;
  readonly policy: Policy;
}

/** By method and tenant, so that thousands of tenants' own policies cost a request one look-up each. */
type Cells = Map<string, Map<string, Entry[]>>;

/** One step of a path; the entries of a node apply to paths that end here, the open ones to all below as well. */
interface Node {
  readonly literal: Map<string, Node>;
  any: Node | undefined;
  readonly ends: Cells;
  readonly open: Cells;
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

const addTo = (cells: Cells, { method, tenant }: { method: string; tenant: string }, entry: Entry): void => {
  const byTenant = cells.get(method) ?? new Map<string, Entry[]>();
  cells.set(method, byTenant);
  const entries = byTenant.get(tenant);
  if (entries) entries.push(entry);
  else byTenant.set(tenant, [entry]);
};

const insert = (root: Node, entry: Entry): void => {
  const tenants = entry.policy.match.tenants ?? ['*'];
  for (const text of entry.policy.match.routes ?? ['* **']) {
    const pattern = parseRoutePattern(text);
    if (typeof pattern === 'string') continue;
    const node = pattern.segments.reduce(childOf, root);
    const cells = pattern.open ? node.open : node.ends;
    for (const tenant of tenants) addTo(cells, { method: pattern.method, tenant }, entry);
  }
};

const collectTenants = (byTenant: ReadonlyMap<string, Entry[]> | undefined, tenant: string, found: Entry[]): void => {
  if (!byTenant) return;
  for (const entry of byTenant.get(tenant) ?? []) found.push(entry);
  if (tenant !== '*') for (const entry of byTenant.get('*') ?? []) found.push(entry);
};

const collect = (cells: Cells, { method, tenant }: MatchSubject, found: Entry[]): void => {
  if (cells.size === 0) return;
  collectTenants(cells.get(method), tenant, found);
  // Who answers GET answers HEAD with the same work.
  if (method === 'HEAD') collectTenants(cells.get('GET'), tenant, found);
  collectTenants(cells.get('*'), tenant, found);
};

/** Deeper paths match no pattern by single segments, and hostile ones must not cost more. */
const maxSegments = 32;

interface Reading {
  readonly segments: readonly string[];
  readonly subject: MatchSubject;
}

const walk = (root: Node, { segments, subject }: Reading, found: Entry[]): void => {
  let level: Node[] = [root];
  for (let depth = 0; depth < segments.length && depth < maxSegments; depth += 1) {
    const segment = folded(segments[depth] ?? '');
    const next: Node[] = [];
    for (const node of level) {
      collect(node.open, subject, found);
      const literal = node.literal.get(segment);
      if (literal) next.push(literal);
      if (node.any) next.push(node.any);
    }
    if (next.length === 0) return;
    level = next;
  }
  for (const node of level) {
    collect(node.open, subject, found);
    collect(node.ends, subject, found);
  }
};

/** A gateway may serve everything on `/*`: a template that takes many paths must not hide which one was asked for. */
const takesManyPaths = (template: string): boolean => template.includes(':') || template.includes('*');

const readingsOfSubject = ({ path, template }: MatchSubject): readonly (readonly string[])[] => {
  if (template === undefined) return readingsOf(path);
  const own = segmentsOf(template);
  return takesManyPaths(template) ? [own, ...readingsOf(path)] : [own];
};

const isLeaf = (node: Node): boolean => node.literal.size === 0 && !node.any;

/** In the order of the file, each policy once: it may have been found by several patterns or readings. */
const applicable = (found: Entry[], { client }: MatchSubject): Policy[] => {
  const policies: Policy[] = [];
  if (found.length > 1) found.sort((a, b) => a.order - b.order);
  for (const { policy } of found) {
    const kinds = policy.match.clientKinds;
    if (policies.at(-1) !== policy && (!kinds || kinds.includes(client.kind))) policies.push(policy);
  }
  return policies;
};

/**
 * An index over the policies of one version: a match walks the path once (an ambiguous one, or one behind a template, up
 * to three times) and looks up method and tenant, whatever the number of policies.
 */
export const compilePolicies = ({ policies }: PolicySet): Matcher => {
  const root = newNode();
  for (const [order, policy] of policies.entries()) insert(root, { order, policy });
  // Where no policy names a path, none has to be taken apart.
  const anyPath = isLeaf(root) && root.ends.size === 0;
  return (subject) => {
    const found: Entry[] = [];
    if (anyPath) {
      collect(root.open, subject, found);
      return applicable(found, subject);
    }
    for (const segments of readingsOfSubject(subject)) walk(root, { segments, subject }, found);
    return applicable(found, subject);
  };
};
