import type { Policy, PolicyMatch } from './policy.ts';
import { type Entry, isEnforced, outranks } from './rank.ts';
import { folded, RouteIndex } from './route-index.ts';
import type { Pattern } from './ties.ts';

/** Equal texts: the same requests, whatever the order of the lists. */
export const matchText = (match: PolicyMatch): string => {
  const { routes, tenants, plans, services, clientKinds } = match;
  const lists = [routes, tenants, plans, services, clientKinds];
  return JSON.stringify(lists.map((list) => (list ? [...new Set<string>(list)].sort() : null)));
};

const lists = ['tenants', 'plans', 'services', 'clientKinds'] as const;

/** Whether every name that `narrow` is for is one that `wide` is for. */
const coversNames = (wide: PolicyMatch, narrow: PolicyMatch): boolean =>
  lists.every((list) => {
    if (wide[list] === undefined) return true;
    const names = new Set<string>(wide[list]);
    return narrow[list]?.every((name) => names.has(name)) ?? false;
  });

const namesIn = (match: PolicyMatch): number => lists.reduce((sum, list) => sum + (match[list]?.length ?? 0), 1);

/** Names compared while one group is judged: what is left then is not judged. */
const maxCompared = 2_000_000;

/** The enforced policies of one group, to ask which of them take all that another one could have. */
export class Covers {
  readonly #index: RouteIndex;
  /** Place in the index → place in the file. */
  readonly #orders: readonly number[];
  #compared = 0;

  constructor(policies: readonly { readonly policy: Policy; readonly order: number }[]) {
    // Of equal matches the one that outranks the others covers all that they do.
    const best = new Map<string, { readonly policy: Policy; readonly order: number }>();
    for (const one of policies) {
      if (one.policy.mode !== 'enforce') continue;
      const text = matchText(one.policy.match);
      const known = best.get(text);
      if (!known || one.policy.priority > known.policy.priority) best.set(text, one);
    }
    const kept = [...best.values()].sort((a, b) => a.order - b.order);
    this.#index = new RouteIndex(kept.map(({ policy }) => policy));
    this.#orders = kept.map(({ order }) => order);
  }

  /** True when there were more to look at than is worth it. */
  get gaveUp(): boolean {
    return this.#compared > maxCompared;
  }

  /** Of the entries that match all that this pattern does those that outrank it. */
  #above({ entry, pattern }: Pattern): Entry[] {
    const { match, candidateFor } = entry.policy;
    const found: Entry[] = [];
    this.#index.find({
      segments: pattern.segments.map(folded),
      // A name that nobody has finds what is for any.
      facts: [pattern.method, match.tenants?.[0] ?? '', match.plans?.[0] ?? '', match.services?.[0] ?? ''],
      openOnly: pattern.open,
      found,
    });
    this.#compared += found.reduce((sum, other) => sum + namesIn(other.policy.match), found.length * namesIn(match));
    return found.filter((other) => {
      if (other.policy === entry.policy || other.policy.name === candidateFor || !isEnforced(other)) return false;
      const order = this.#orders[other.order] ?? 0;
      return coversNames(other.policy.match, match) && outranks({ ...other, order, seat: order }, entry);
    });
  }

  /** The policy that applies wherever one with these patterns could; null: none, or it was not looked for. */
  of(patterns: readonly Pattern[]): Policy | null {
    let covering: Set<Policy> | undefined;
    for (const pattern of patterns) {
      if (this.gaveUp) return null;
      const above = new Set(this.#above(pattern).map(({ policy }) => policy));
      const known = covering;
      covering = known ? new Set([...known].filter((policy) => above.has(policy))) : above;
      if (covering.size === 0) return null;
    }
    return covering?.values().next().value ?? null;
  }
}
