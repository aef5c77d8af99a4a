import { type PolicyInput, policiesFrom } from './parse.ts';
import type { PolicySet, PolicySource } from './policy.ts';

/** Policies that never change. */
export const staticPolicies = (set: PolicySet): PolicySource => ({
  current: () => set,
  onChange: () => () => undefined,
  close: () => undefined,
});

/** Policies written in code: `definePolicies([{ name: 'per-client', limit: 60, window: '1m', burst: 20 }])`. Throws POLICY_INVALID. */
export const definePolicies = (policies: readonly PolicyInput[]): PolicySource =>
  staticPolicies(policiesFrom({ version: 1, policies }));
