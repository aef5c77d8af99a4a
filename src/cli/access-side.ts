import type { Authenticator } from '../api/authenticator.ts';
import { IssuedTokens } from '../api/issued-tokens.ts';
import type { TokenStore } from '../review/tokens.ts';
import type { Context } from './context.ts';
import { adapter } from './engines.ts';
import { claimTermsOf } from './oidc-settings.ts';

/**
 * Who tells whose a token is, besides the configured ones: the store of those that were made, and the OpenID provider where
 * one is configured. @throws TidegateError CONFIG_INVALID, ENGINE_MISSING.
 */
export const openAuthenticators = async (
  { config, clock, logger }: Context,
  tokens: TokenStore,
): Promise<Authenticator[]> => {
  const issued = new IssuedTokens({ store: tokens, clock, logger });
  const { oidcIssuer: issuer, oidcAudience: audience } = config;
  if (issuer === null || audience === null) return [issued];
  const { openOidcTokens } = await import('../api/oidc-tokens.ts');
  const options = { issuer, audience, clock, logger, ...claimTermsOf(config) };
  return [issued, await adapter(() => openOidcTokens(options))];
};
