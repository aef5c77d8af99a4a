import type { Problem } from '../errors.ts';
import type { Policy } from './policy.ts';

const namesOf = (entries: readonly unknown[]): unknown[] =>
  entries.map((fields) => (fields as { name?: unknown } | null)?.name);

/** Two entries of one name, also where one of them has other faults. */
export const repeatedNames = (entries: readonly unknown[]): Problem[] => {
  const seen = new Map<unknown, number>();
  return namesOf(entries).flatMap((name, index) => {
    const first = seen.get(name);
    if (name === undefined || first === undefined) {
      seen.set(name, index);
      return [];
    }
    return [{ path: `policies[${index}].name`, message: `repeats the name of policies[${first}]` }];
  });
};

/** What stops `policy` from being a candidate for `live`. */
const candidateFault = (policy: Policy, live: Policy | undefined): string | null => {
  if (!live) return `names ${policy.candidateFor}, which is no policy of this file`;
  if (live.name === policy.name) return 'names the policy itself';
  if (live.candidateFor !== null) return `names ${live.name}, which is a candidate itself`;
  return live.mode === 'shadow' ? `names ${live.name}, which is in shadow mode: there is nothing to replace` : null;
};

/** Candidates whose live policy is none, or has one already. A policy that was refused by itself counts as missing no one. */
export const candidateProblems = (judged: readonly (Policy | undefined)[], entries: readonly unknown[]): Problem[] => {
  const byName = new Map(judged.flatMap((policy) => (policy ? [[policy.name, policy] as const] : [])));
  const written = new Set(namesOf(entries));
  const first = new Map<string, string>();
  return judged.flatMap((policy, index) => {
    if (!policy || policy.candidateFor === null) return [];
    const path = `policies[${index}].candidateFor`;
    const live = byName.get(policy.candidateFor);
    // Named in the file, but refused: its own problems are said already.
    if (!live && written.has(policy.candidateFor)) return [];
    const fault = candidateFault(policy, live);
    if (fault !== null) return [{ path, message: fault }];
    const other = first.get(policy.candidateFor);
    if (other !== undefined) {
      return [{ path, message: `names ${policy.candidateFor}, whose candidate is ${other}: one at a time` }];
    }
    first.set(policy.candidateFor, policy.name);
    return [];
  });
};

/** A candidate stands in its live policy's group, with that one's priority unless it has its own. */
export const inheritGroups = (
  policies: readonly Policy[],
  hasPriority: (index: number) => boolean,
): readonly Policy[] => {
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  return policies.map((policy, index) => {
    const live = policy.candidateFor === null ? undefined : byName.get(policy.candidateFor);
    if (!live) return policy;
    return { ...policy, group: live.group, priority: hasPriority(index) ? policy.priority : live.priority };
  });
};
