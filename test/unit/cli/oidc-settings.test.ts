import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/cli/config.ts';
import { claimTermsOf } from '../../../src/cli/oidc-settings.ts';
import { TidegateError } from '../../../src/errors.ts';

const configOf = (env: Record<string, string>) => loadConfig({ flags: {}, env, configFile: null });

const pathsOf = (env: Record<string, string>): string[] => {
  try {
    configOf(env);
  } catch (error) {
    if (error instanceof TidegateError) return error.problems.map(({ path }) => path);
  }
  return [];
};

describe('the settings of an OpenID provider', () => {
  it('are refused by halves: without an audience every token of the provider would open this', () => {
    expect(pathsOf({ TIDEGATE_OIDC_ISSUER: 'https://idp.example.com' })).toEqual(['oidcAudience']);
    expect(pathsOf({ TIDEGATE_OIDC_AUDIENCE: 'https://api.example.com' })).toEqual(['oidcIssuer']);
  });

  it('say roles as they are called here, or whatever they are mapped to, equals signs in them included', () => {
    expect([...claimTermsOf(configOf({})).roles]).toEqual(
      ['viewer', 'reviewer', 'lead', 'admin'].map((one) => [one, one]),
    );
    const { roles } = claimTermsOf(configOf({ TIDEGATE_OIDC_ROLES: 'CN=ops team=admin, soc=reviewer' }));
    expect([...roles]).toEqual([
      ['CN=ops team', 'admin'],
      ['soc', 'reviewer'],
    ]);
  });

  it.each(['=admin', 'ops', 'ops=root', 'ops=', ' =admin'])('refuse the mapping %j', (text) => {
    expect(pathsOf({ TIDEGATE_OIDC_ROLES: text })).toEqual(['TIDEGATE_OIDC_ROLES']);
  });
});
