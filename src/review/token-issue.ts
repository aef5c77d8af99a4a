import { type Problem, TidegateError } from '../errors.ts';
import { type Grant, grants } from './roles.ts';
import {
  generateIssuedToken,
  isTenant,
  mostTenants,
  type NewToken,
  nameProblem,
  newTokenId,
  type TokenStore,
  tokenHashOf,
  tokenTermMs,
} from './tokens.ts';

/** What somebody asks a token to be. */
export interface TokenRequest {
  readonly name: string;
  readonly role: Grant;
  /** Null: all. */
  readonly tenants: readonly string[] | null;
  readonly createdBy: string;
  /** Milliseconds since the epoch. Default: 30 days from now. */
  readonly expiresAtMs?: number;
}

export interface Issued {
  readonly token: NewToken;
  /** The token itself: this is the only time that anybody sees it. */
  readonly text: string;
}

const day = (ms: number): number => ms / 86_400_000;

const problemsOf = ({ name, role, tenants }: TokenRequest, aheadMs: number): Problem[] => {
  const problems: Problem[] = [];
  const found = (path: string, message: string | null): void => {
    if (message !== null) problems.push({ path, message });
  };
  found('name', nameProblem(name));
  found('role', grants.includes(role) ? null : `must be one of ${grants.join(', ')}`);
  if (tenants !== null) {
    found('tenants', tenants.length >= 1 && tenants.length <= mostTenants ? null : `must be 1 to ${mostTenants}`);
    found('tenants', tenants.every(isTenant) ? null : 'must each be 1 to 128 characters without white space and /');
    found('tenants', role === 'enforcer' ? 'an enforcer reads the one list that all tenants share' : null);
  }
  const { longest } = tokenTermMs;
  const fits = Number.isSafeInteger(aheadMs) && aheadMs > 0 && aheadMs <= longest;
  found('expiresAt', fits ? null : `must be later than now, by at most ${day(longest)} days`);
  return problems;
};

/**
 * Makes a token and stores its hash. Null: there are too many already.
 *
 * @throws TidegateError INPUT_INVALID with every problem; what the store throws.
 */
export const issueToken = async (store: TokenStore, request: TokenRequest, nowMs: number): Promise<Issued | null> => {
  const { name, role, tenants, createdBy, expiresAtMs = nowMs + tokenTermMs.usual } = request;
  const problems = problemsOf(request, expiresAtMs - nowMs);
  if (problems.length > 0) {
    const list = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new TidegateError('INPUT_INVALID', `a token: ${list}`, { problems });
  }
  const text = generateIssuedToken();
  const own = tenants && [...new Set(tenants)];
  const token = { id: newTokenId(), name, role, tenants: own, createdBy, createdAtMs: nowMs, expiresAtMs };
  return (await store.add(token, tokenHashOf(text))) ? { token, text } : null;
};
