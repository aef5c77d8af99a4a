import type { Problem } from '../errors.ts';
import { Covers, matchText } from './covers.ts';
import type { Policy } from './policy.ts';
import { type Pattern, patternsOf, tiesOf } from './ties.ts';

/** A policy and its place in the file. */
interface Placed {
  readonly policy: Policy;
  readonly order: number;
}

type Warnings = Map<number, Problem>;

const warn = (warnings: Warnings, order: number, problem: { field?: string; message: string }): void => {
  if (warnings.has(order)) return;
  const path = problem.field === undefined ? `policies[${order}]` : `policies[${order}].${problem.field}`;
  warnings.set(order, { path, message: problem.message });
};

const gather = <T>(items: readonly T[], keyOf: (item: T) => string | null): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === null) continue;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(item);
  }
  return groups;
};

const differingCandidates = (placed: readonly Placed[], warnings: Warnings): void => {
  const byName = new Map(placed.map(({ policy }) => [policy.name, policy]));
  for (const { policy, order } of placed) {
    const live = policy.candidateFor === null ? undefined : byName.get(policy.candidateFor);
    if (!live || matchText(live.match) === matchText(policy.match)) continue;
    const message = `is not that of ${live.name}, which it is the candidate for: the two are not counted for the same requests`;
    warn(warnings, order, { field: 'match', message });
  }
};

/** Equal texts: counters that count alike. Null: its limit stands by itself. */
const countsAlike = ({ policy }: Placed): string | null => {
  const { scope, algorithm, match, windowMs, cost, consistency, onStoreFailure, group, mode } = policy;
  if (group !== null || mode !== 'enforce') return null;
  return JSON.stringify([scope, algorithm, windowMs, cost, consistency, onStoreFailure, matchText(match)]);
};

/** Of limits that count alike those that another one always reaches first. */
const idleLimits = (placed: readonly Placed[], warnings: Warnings): void => {
  for (const alike of gather(placed, countsAlike).values()) {
    if (alike.length < 2) continue;
    const tightFirst = [...alike].sort(
      (a, b) => a.policy.limit - b.policy.limit || a.policy.burst - b.policy.burst || a.order - b.order,
    );
    let tightest: Policy | undefined;
    for (const { policy, order } of tightFirst) {
      if (tightest && tightest.burst <= policy.burst) {
        const message = `can never decide: ${tightest.name} counts the same requests and allows no more`;
        warn(warnings, order, { message });
      } else tightest = policy;
    }
  }
};

const coveredMembers = (members: readonly Placed[], patterns: ReadonlyMap<Placed, Pattern[]>): Warnings => {
  const warnings: Warnings = new Map();
  const covers = new Covers(members);
  for (const member of members) {
    const cover = covers.of(patterns.get(member) ?? []);
    if (!cover) continue;
    const message = `can never apply: ${cover.name} of group ${cover.group} matches all that it does, and goes before it`;
    warn(warnings, member.order, { message });
  }
  if (covers.gaveUp) {
    const message = `has too many policies for the same requests to look at: group ${members[0]?.policy.group}`;
    warn(warnings, members.at(-1)?.order ?? 0, { field: 'group', message });
  }
  return warnings;
};

const groupConflicts = (placed: readonly Placed[], warnings: Warnings): void => {
  const seats = new Map(placed.map(({ policy, order }) => [policy.name, order]));
  for (const [group, members] of gather(placed, ({ policy }) => policy.group)) {
    const [first] = members;
    const real = members.filter(({ policy }) => policy.candidateFor === null);
    if (first && real.length === 1) {
      warn(warnings, first.order, { field: 'group', message: `has no other policy: ${group}` });
      continue;
    }
    const patterns = new Map(
      members.map((member) => {
        const { policy, order } = member;
        return [member, patternsOf(policy, order, seats.get(policy.candidateFor ?? policy.name))];
      }),
    );
    for (const [order, problem] of coveredMembers(members, patterns)) warnings.set(order, problem);
    for (const { later, earlier } of tiesOf([...patterns.values()].flat())) {
      const message = `ties with ${earlier.policy.name} of group ${group}: some requests match both, neither is more specific, and the one that comes first applies: give one of them a priority`;
      warn(warnings, later.order, { message });
    }
  }
};

/** A log line or a page of them, not a book. */
const maxWarnings = 100;

/**
 * What is valid, but hardly meant, in the order of the file and one per policy: ties and policies that never apply within
 * a group, limits that never decide, candidates for other requests than their live policy's.
 */
export const warningsOf = (policies: readonly Policy[]): readonly Problem[] => {
  const placed = policies.map((policy, order) => ({ policy, order }));
  const warnings: Warnings = new Map();
  groupConflicts(placed, warnings);
  differingCandidates(placed, warnings);
  idleLimits(placed, warnings);
  const sorted = [...warnings].sort(([a], [b]) => a - b).map(([, problem]) => problem);
  if (sorted.length <= maxWarnings) return sorted;
  const more = { path: 'policies', message: `have ${sorted.length - maxWarnings} more warnings` };
  return [...sorted.slice(0, maxWarnings), more];
};
