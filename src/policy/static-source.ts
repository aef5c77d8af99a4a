import type { PolicySet, PolicySource } from './policy.ts';

/** Policies that never change. */
export const staticPolicies = (set: PolicySet): PolicySource => ({
  current: () => set,
  onChange: () => () => undefined,
  close: () => undefined,
});
