import { type Grant, grants } from '../review/roles.ts';
import { isTenant, mostTenants, nameMust, nameProblem } from '../review/tokens.ts';
import type { Finding } from './authenticator.ts';

/** How the claims of a provider are read. */
export interface ClaimTerms {
  /** The claim that tells people apart. They must not be able to choose it: it is recorded as who did what. */
  readonly nameClaim: string;
  /** A text of words, or a list. A name with dots is looked for as it stands, then as a path. */
  readonly roleClaim: string;
  /** What stands in the role claim, and what it is here. */
  readonly roles: ReadonlyMap<string, Grant>;
  /** A tenant or a list of them; `*`: all. Null: everybody is for all tenants. */
  readonly tenantClaim: string | null;
}

/** Without a mapping of its own a provider says the roles as they are called here. */
export const plainRoles: ReadonlyMap<string, Grant> = new Map(
  (['viewer', 'reviewer', 'lead', 'admin'] as const).map((role) => [role, role]),
);

type Claims = Readonly<Record<string, unknown>>;

const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Claims)[name] : undefined;

const claimAt = (claims: Claims, name: string): unknown =>
  own(claims, name) ?? name.split('.').reduce<unknown>((value, part) => own(value, part), claims);

const mostWords = 1000;

const wordsIn = (claim: unknown): string[] => {
  const words = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.slice(0, mostWords) : [];
  return words.filter((word): word is string => typeof word === 'string' && word !== '');
};

const forbidden = (detail: string): Finding => ({ kind: 'forbidden', detail });

/** The one that may do most. */
const roleIn = (words: readonly string[], roles: ReadonlyMap<string, Grant>): Grant | null => {
  const ranks = words.map((word) => {
    const grant = roles.get(word);
    return grant === undefined ? -1 : grants.indexOf(grant);
  });
  return grants[Math.max(-1, ...ranks)] ?? null;
};

const missingRole = ({ roleClaim, roles }: ClaimTerms, isThere: boolean): Finding => {
  const known = [...roles.keys()].join(', ');
  return forbidden(
    isThere
      ? `The claim ${roleClaim} of the token names no role that is known here: one of ${known}.`
      : `The token has no claim ${roleClaim}, which must name a role: one of ${known}.`,
  );
};

/** Who holds a token that is proven, or which claim it lacks. What a provider wrote is repeated to nobody. */
export const findingFromClaims = (claims: Claims, terms: ClaimTerms, expiresAtMs: number | null): Finding => {
  const { nameClaim, roleClaim, roles, tenantClaim } = terms;
  const name = claimAt(claims, nameClaim);
  if (typeof name !== 'string' || name === '')
    return forbidden(`The token has no claim ${nameClaim}, which names its holder.`);
  if (nameProblem(name) !== null)
    return forbidden(`The claim ${nameClaim} of the token cannot be a name here: it ${nameMust}.`);
  const roleWords = claimAt(claims, roleClaim);
  const role = roleIn(wordsIn(roleWords), roles);
  if (role === null) return missingRole(terms, roleWords !== undefined);
  if (tenantClaim === null) return { kind: 'holder', holder: { reviewer: { name, role, tenants: null }, expiresAtMs } };
  const tenants = wordsIn(claimAt(claims, tenantClaim));
  if (tenants.length === 0) return forbidden(`The token has no claim ${tenantClaim}, which must name its tenants.`);
  const isAll = tenants.includes('*');
  if (!isAll && (tenants.length > mostTenants || !tenants.every(isTenant))) {
    return forbidden(
      `The claim ${tenantClaim} of the token holds what cannot be a tenant, or more than ${mostTenants}.`,
    );
  }
  return { kind: 'holder', holder: { reviewer: { name, role, tenants: isAll ? null : tenants }, expiresAtMs } };
};
