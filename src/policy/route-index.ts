import { maxSegments, parseRoutePattern } from '../route-pattern.ts';
import { addToCells, type Cells, type Collection, collectIn, type Lists, newCells } from './cells.ts';
import type { Policy, PolicyMatch } from './policy.ts';
import { entryOf } from './rank.ts';

/** One step of a path; `ends` is for paths that end here, `open` for those and all below. */
export interface Node {
  /** The first literal segment stands here, all others in the map: most nodes have one. */
  name: string | null;
  named: Node | null;
  others: Map<string, Node> | null;
  star: Node | null;
  ends: Cells | null;
  open: Cells | null;
}

const newNode = (): Node => ({ name: null, named: null, others: null, star: null, ends: null, open: null });

/** Servers that tell `/Login` from `/login` are the fewer ones: a limit is for both. */
export const folded = (text: string): string => text.toLowerCase();

/** The node of a literal segment, which is folded. */
export const literalBelow = (node: Node, segment: string): Node | null =>
  node.name === segment ? node.named : (node.others?.get(segment) ?? null);

/** How many literal segments a node tells apart. */
export const literalsOf = (node: Node): number => (node.name === null ? 0 : 1 + (node.others?.size ?? 0));

const newNodeBelow = (node: Node, segment: string): Node => {
  const made = newNode();
  if (node.name === null) {
    node.name = segment;
    node.named = made;
  } else {
    node.others ??= new Map();
    node.others.set(segment, made);
  }
  return made;
};

const nodeBelow = (node: Node, segment: string): Node => {
  if (segment !== '*') return literalBelow(node, folded(segment)) ?? newNodeBelow(node, folded(segment));
  node.star ??= newNode();
  return node.star;
};

/** One string for equal names: a hundred thousand policies for a hundred tenants name each of them a thousand times. */
class Names {
  readonly #known = new Map<string, string>();

  shared(names: readonly string[]): readonly string[] {
    return [...new Set(names)].map((name) => {
      const known = this.#known.get(name);
      if (known === undefined) this.#known.set(name, name);
      return known ?? name;
    });
  }
}

const listsOf = (method: string, { tenants, plans, services }: PolicyMatch, names: Names): Lists => {
  const lists = [method === '*' ? undefined : [method], tenants, plans, services];
  const last = lists.findLastIndex((list) => list !== undefined);
  return lists.slice(0, last + 1).map((list) => (list ? names.shared(list) : null));
};

/** What a walk looks for, and where it puts it. */
export interface Quest extends Collection {
  /** Folded. */
  readonly segments: readonly string[];
  /** Only entries for any rest: what covers a pattern that ends in `**`. */
  readonly openOnly?: boolean;
}

const walk = (node: Node, depth: number, quest: Quest): void => {
  const { segments } = quest;
  if (node.open !== null) collectIn(node.open, 0, quest);
  if (depth === segments.length) {
    if (node.ends !== null && quest.openOnly !== true) collectIn(node.ends, 0, quest);
    return;
  }
  if (depth === maxSegments) return;
  const literal = literalBelow(node, segments[depth] ?? '');
  if (literal !== null) walk(literal, depth + 1, quest);
  if (node.star !== null) walk(node.star, depth + 1, quest);
};

/** The patterns of many policies, found by walking a path once, whatever their number. */
export class RouteIndex {
  readonly root: Node = newNode();

  constructor(policies: readonly Policy[]) {
    const orders = new Map(policies.map(({ name }, order) => [name, order]));
    const names = new Names();
    for (const [order, policy] of policies.entries()) {
      const seat = policy.candidateFor === null ? order : (orders.get(policy.candidateFor) ?? order);
      for (const text of policy.match.routes ?? ['* **']) {
        const pattern = parseRoutePattern(text);
        if (typeof pattern === 'string') continue;
        const node = pattern.segments.reduce(nodeBelow, this.root);
        const place = pattern.open ? 'open' : 'ends';
        node[place] ??= newCells();
        const lists = listsOf(pattern.method, policy.match, names);
        addToCells(node[place], lists, entryOf(policy, pattern, { order, seat }));
      }
    }
  }

  /** No policy names a path: none has to be taken apart. */
  get takesAnyPath(): boolean {
    const { star, ends } = this.root;
    return literalsOf(this.root) === 0 && star === null && ends === null;
  }

  find(quest: Quest): void {
    walk(this.root, 0, quest);
  }
}
