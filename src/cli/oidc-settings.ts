import { type ClaimTerms, plainRoles } from '../api/oidc-claims.ts';
import type { Problem } from '../errors.ts';
import { type Grant, grants } from '../review/roles.ts';
import type { Config } from './settings.ts';

type OidcConfig = Pick<Config, 'oidcIssuer' | 'oidcAudience'>;

/** What is wrong with the settings of the OpenID provider together. */
export const oidcProblems = ({ oidcIssuer, oidcAudience }: Partial<OidcConfig>): Problem[] => {
  // Without an audience, a token that the same provider gave for anything else would open this, too.
  if (oidcIssuer && !oidcAudience) return [{ path: 'oidcAudience', message: 'must be given with oidcIssuer' }];
  if (oidcAudience && !oidcIssuer) return [{ path: 'oidcIssuer', message: 'must be given with oidcAudience' }];
  return [];
};

/** `ops=lead` → `ops` is a lead here. */
const rolesOf = (entries: readonly string[]): ReadonlyMap<string, Grant> => {
  const roles = new Map<string, Grant>();
  for (const entry of entries) {
    const at = entry.lastIndexOf('=');
    const grant = grants.find((known) => known === entry.slice(at + 1));
    if (grant) roles.set(entry.slice(0, at), grant);
  }
  return roles;
};

type ClaimConfig = Pick<Config, 'oidcNameClaim' | 'oidcRoleClaim' | 'oidcRoles' | 'oidcTenantClaim'>;

export const claimTermsOf = (config: ClaimConfig): ClaimTerms => ({
  nameClaim: config.oidcNameClaim,
  roleClaim: config.oidcRoleClaim,
  roles: config.oidcRoles.length > 0 ? rolesOf(config.oidcRoles) : plainRoles,
  tenantClaim: config.oidcTenantClaim,
});
