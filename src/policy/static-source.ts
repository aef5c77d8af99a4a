import { TidegateError } from '../errors.ts';
import { type PolicyInput, policiesFrom } from './parse.ts';
import type { PolicySet, PolicySource } from './policy.ts';

/** Policies that never change. */
export const staticPolicies = (set: PolicySet): PolicySource => ({
  current: () => set,
  onChange: () => () => undefined,
  close: () => undefined,
});

/** In the message; the error holds all. */
const maxShown = 5;

/** Policies written in code: `definePolicies([{ name: 'per-client', limit: 60, window: '1m', burst: 20 }])`. Throws POLICY_INVALID. */
export const definePolicies = (policies: readonly PolicyInput[]): PolicySource => {
  try {
    return staticPolicies(policiesFrom({ version: 1, policies }));
  } catch (refusal) {
    if (!(refusal instanceof TidegateError)) throw refusal;
    // No file and no command beside it: many see the message alone.
    const { code, message, problems } = refusal;
    const shown = problems.slice(0, maxShown).map((problem) => `${problem.path} ${problem.message}`);
    throw new TidegateError(code, `${message}: ${shown.join('; ')}`, { problems, cause: refusal.cause });
  }
};
