import type { Client } from '../client.ts';
import type { Policy, PolicySet } from './policy.ts';
import { parseRoutePattern, segmentsOf } from './route-pattern.ts';

/** What a policy is matched against. */
export interface MatchSubject {
  readonly method: string;
  /** The route template's path, or the request's when it matched no route; no query. */
  readonly path: string;
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

const childOf = (node: Node, segment: string): Node => {
  if (segment === '*') {
    node.any ??= newNode();
    return node.any;
  }
  const known = node.literal.get(segment);
  if (known) return known;
  const made = newNode();
  node.literal.set(segment, made);
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

const collect = (cells: ReadonlyMap<string, Entry[]>, subject: MatchSubject, found: Entry[]): void => {
  if (cells.size === 0) return;
  for (const method of [subject.method, '*']) {
    for (const tenant of [subject.tenant, '*']) {
      const entries = cells.get(cell(method, tenant));
      if (entries) found.push(...entries);
    }
  }
};

/** Deeper paths match no pattern by single segments, and hostile ones must not cost more. */
const maxSegments = 32;

/**
 * An index over the policies of one version: a match walks the path once and looks up method and tenant, whatever the
 * number of policies.
 */
export const compilePolicies = ({ policies }: PolicySet): Matcher => {
  const root = newNode();
  for (const [order, policy] of policies.entries()) insert(root, { order, policy });
  return (subject) => {
    const segments = segmentsOf(subject.path).slice(0, maxSegments);
    const found: Entry[] = [];
    let level: Node[] = [root];
    for (const segment of segments) {
      for (const node of level) collect(node.open, subject, found);
      level = level.flatMap((node) => [node.literal.get(segment) ?? [], node.any ?? []].flat());
      if (level.length === 0) break;
    }
    for (const node of level) {
      collect(node.open, subject, found);
      collect(node.ends, subject, found);
    }
    const applicable = found.filter(({ policy }) => policy.match.clientKinds?.includes(subject.client.kind) ?? true);
    // A policy with several patterns may have matched more than once.
    return [...new Set(applicable.sort((a, b) => a.order - b.order).map(({ policy }) => policy))];
  };
};
