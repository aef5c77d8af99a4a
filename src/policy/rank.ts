import { type ClientKind, clientKinds } from '../client.ts';
import type { RoutePattern } from '../route-pattern.ts';
import { maxSegments } from '../route-pattern.ts';
import type { Policy } from './policy.ts';

/** One route pattern of one policy, as the index holds it. What every match looks at stands in the entry itself. */
export interface Entry {
  readonly policy: Policy;
  /** Place in the file. */
  readonly order: number;
  /** Its own place, or that of the live policy whose place a candidate takes: who comes first of equals. */
  readonly seat: number;
  /** Priority, then how specific the match is, in one whole number: the higher one applies. */
  readonly rank: number;
  /** A bit for each kind of client that it is for. */
  readonly kinds: number;
  readonly grouped: boolean;
}

/** The bit of a kind of client. */
export const kindBits = { key: 1, user: 2, ip: 4 } as const satisfies Record<ClientKind, number>;

const routeSteps = maxSegments + 1;
const specificities = 1 << 17;
const lowestPriority = -1000;

const digit = (given: unknown): 0 | 1 => (given === undefined ? 0 : 1);

/**
 * How narrow a match is, from the first of these that differs: literal segments of the route, segments that are `*`, an end
 * instead of `**`, a method, tenants, plans, services, kinds of client. More is narrower.
 */
export const specificityOf = ({ match }: Pick<Policy, 'match'>, { method, segments, open }: RoutePattern): number => {
  const stars = segments.filter((segment) => segment === '*').length;
  let specificity = (segments.length - stars) * routeSteps + stars;
  for (const more of [open ? 0 : 1, method === '*' ? 0 : 1] as const) specificity = specificity * 2 + more;
  for (const list of [match.tenants, match.plans, match.services, match.clientKinds]) {
    specificity = specificity * 2 + digit(list);
  }
  return specificity;
};

/** Priority before specificity. */
export const rankOf = (policy: Policy, pattern: RoutePattern): number =>
  (policy.priority - lowestPriority) * specificities + specificityOf(policy, pattern);

export const entryOf = (
  policy: Policy,
  pattern: RoutePattern,
  { order, seat }: { order: number; seat: number },
): Entry => {
  const kinds = (policy.match.clientKinds ?? clientKinds).reduce((bits, kind) => bits | kindBits[kind], 0);
  return { policy, order, seat, rank: rankOf(policy, pattern), kinds, grouped: policy.group !== null };
};

/** Whether the first applies where only one of the two can. */
export const outranks = (entry: Entry, other: Entry): boolean =>
  entry.rank === other.rank ? entry.seat < other.seat : entry.rank > other.rank;

/** Competes for its group's place. What is in shadow changes nothing for anyone. */
export const isEnforced = ({ policy }: Entry): boolean => policy.mode === 'enforce';

/** The entry that takes the place which `entry` would need, or null where it applies. `winner` is its group's. */
const rivalOf = (entry: Entry, winner: Entry | undefined, entries: readonly Entry[]): Entry | null => {
  const { group, candidateFor } = entry.policy;
  if (!winner || winner === entry) return null;
  if (winner.policy.name !== candidateFor) return outranks(winner, entry) ? winner : null;
  // In its live policy's place it would have to win against all others.
  const others = entries.filter((other) => other !== winner && isEnforced(other) && other.policy.group === group);
  return others.find((other) => outranks(other, entry)) ?? null;
};

/** By group the enforced entry that applies. */
const winnersOf = (entries: readonly Entry[]): ReadonlyMap<string, Entry> => {
  const winners = new Map<string, Entry>();
  for (const entry of entries) {
    const { group } = entry.policy;
    if (group === null || !isEnforced(entry)) continue;
    const best = winners.get(group);
    if (!best || outranks(entry, best)) winners.set(group, entry);
  }
  return winners;
};

/**
 * What applies of the entries that match one request, each policy once: of each group's enforced ones the highest. One in
 * shadow is counted where it would apply were it enforced: a candidate in the place of its live policy, others beside all.
 * `lost` hears of the others, and of what took their place.
 */
export const settleGroups = (
  entries: readonly Entry[],
  lost?: (entry: Entry, rival: Entry) => void,
): readonly Entry[] => {
  if (!entries.some(({ grouped }) => grouped)) return entries;
  const winners = winnersOf(entries);
  return entries.filter((entry) => {
    const { group } = entry.policy;
    const rival = group === null ? null : rivalOf(entry, winners.get(group), entries);
    if (rival) lost?.(entry, rival);
    return rival === null;
  });
};
