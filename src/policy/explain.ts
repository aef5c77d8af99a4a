import { parseRoutePattern, type RoutePattern } from '../route-pattern.ts';
import { type MatchSubject, readingsOfSubject } from './match.ts';
import type { Policy } from './policy.ts';
import { type Entry, entryOf, settleGroups } from './rank.ts';
import { folded } from './route-index.ts';

/** What one policy has to do with one request, and why. */
export interface Explanation {
  readonly policy: Policy;
  /** `loses`: it matches, but another of its group applies. */
  readonly verdict: 'applies' | 'loses' | 'differs';
  /** In words, to follow the policy's name. */
  readonly reason: string;
}

const takesMethod = (pattern: string, method: string): boolean =>
  pattern === '*' || pattern === method || (pattern === 'GET' && method === 'HEAD');

const takesSegments = ({ segments: wanted, open }: RoutePattern, given: readonly string[]): boolean => {
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, index) => segment === '*' || folded(segment) === given[index]);
};

interface Located {
  readonly order: number;
  readonly seat: number;
}

/** Its entries that match, as an index that looks at every pattern of every policy would find them. */
const entriesOf = (policy: Policy, subject: MatchSubject, located: Located): Entry[] => {
  const readings = readingsOfSubject(subject);
  return (policy.match.routes ?? ['* **']).flatMap((text) => {
    const pattern = parseRoutePattern(text);
    if (typeof pattern === 'string' || !takesMethod(pattern.method, subject.method)) return [];
    return readings.some((given) => takesSegments(pattern, given)) ? [entryOf(policy, pattern, located)] : [];
  });
};

const quoted = (names: readonly string[]): string => {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
};

/** What keeps a policy from matching, besides its routes; null: nothing. */
const differenceOf = ({ match }: Policy, subject: MatchSubject): string | null => {
  const { tenant, plan = '', service = '', client } = subject;
  if (match.tenants && !match.tenants.includes(tenant)) return `is for the tenants ${quoted(match.tenants)}`;
  if (match.plans && !match.plans.includes(plan)) return `is for the plans ${quoted(match.plans)}`;
  if (match.services && !match.services.includes(service)) return `is for the services ${quoted(match.services)}`;
  const kinds = match.clientKinds;
  return kinds && !kinds.includes(client.kind) ? `is for clients recognised by ${kinds.join(', ')}` : null;
};

const whyLost = ({ policy, rank }: Entry, rival: Entry): string => {
  const { name, priority } = rival.policy;
  const start = `matches, but ${name} applies in group ${policy.group}:`;
  if (priority !== policy.priority) return `${start} its priority is ${priority}, over ${policy.priority}`;
  return `${start} its match is ${rival.rank === rank ? 'as specific, and it comes first' : 'more specific'}`;
};

const whyApplies = ({ match, mode, candidateFor, group }: Policy): string => {
  const what = Object.keys(match).length === 0 ? 'is for every request' : 'matches';
  const among = group === null ? '' : `, wins in group ${group}`;
  const counted = mode === 'shadow' ? ', counted in shadow' : '';
  return `${what}${among}${candidateFor === null ? counted : `, counted as the candidate for ${candidateFor}`}`;
};

const narrowest = (entries: readonly Entry[]): Entry | undefined =>
  entries.reduce<Entry | undefined>((best, entry) => (best && best.rank >= entry.rank ? best : entry), undefined);

/**
 * What every policy has to do with one request, in the order of the file. Looks at each of them in turn: for people and
 * tests. Requests are matched by {@link compilePolicies}, which finds the same.
 */
export const explainPolicies = (policies: readonly Policy[], subject: MatchSubject): readonly Explanation[] => {
  const orders = new Map(policies.map(({ name }, order) => [name, order]));
  const reasons = new Map<Policy, string>();
  const matching = policies.flatMap((policy, order) => {
    const seat = policy.candidateFor === null ? order : (orders.get(policy.candidateFor) ?? order);
    const entry = narrowest(entriesOf(policy, subject, { order, seat }));
    const difference = differenceOf(policy, subject);
    if (entry && difference === null) return [entry];
    reasons.set(policy, difference ?? `has no route for ${subject.method} ${subject.path}`);
    return [];
  });
  const lost = new Map<Policy, string>();
  settleGroups(matching, (entry, rival) => lost.set(entry.policy, whyLost(entry, rival)));
  return policies.map((policy) => {
    const difference = reasons.get(policy);
    if (difference !== undefined) return { policy, verdict: 'differs', reason: difference };
    const loss = lost.get(policy);
    if (loss !== undefined) return { policy, verdict: 'loses', reason: loss };
    return { policy, verdict: 'applies', reason: whyApplies(policy) };
  });
};
