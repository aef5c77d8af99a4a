import type { JWTPayload } from 'jose';
import type { Clock } from '../clock.ts';
import { type Logger, silentLogger } from '../logger.ts';
import { tokenHashOf } from '../review/tokens.ts';
import { type Authenticator, type Finding, unknownToken } from './authenticator.ts';
import { BoundedMap } from './bounded-map.ts';
import { type ClaimTerms, findingFromClaims } from './oidc-claims.ts';
import { ProviderKeys } from './provider-keys.ts';

export interface OidcOptions extends ClaimTerms {
  /** As the provider calls itself, to the letter. */
  readonly issuer: string;
  /** Who the tokens must be for. */
  readonly audience: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Default: that of Node. */
  readonly fetch?: typeof fetch;
}

/** Signatures that need a secret to make and none to check. With HS256, a public key would be that secret. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Kinds of JWT that are no access tokens are of other types: a logout token must not sign in. */
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);
const toleranceS = 30;
/** The latest instant there is a text for: some providers write `exp` as if there were none. */
const latestMs = 8.64e15;
/** How long a token that was checked is not checked again. */
const checkedMs = 60_000;
const mostChecked = 1000;

interface Checked {
  readonly finding: Finding;
  readonly checkedAtMs: number;
  readonly expiresAtMs: number;
}

/** The claims of a token that is good, or what is wrong with it. */
type Verified =
  | { readonly payload: JWTPayload; readonly refusal?: undefined }
  | { readonly refusal: Finding; readonly payload?: undefined };

const away: Finding = { kind: 'away', detail: 'The OpenID provider does not answer. Try again.' };
const boundToKey = unknownToken('The token is bound to a key (cnf), which cannot be checked here.');

type Jose = typeof import('jose');

/** Loads jose. Rejects with what Node says where it is not installed. */
export const openOidcTokens = async (options: OidcOptions): Promise<Authenticator> =>
  new OidcTokens(options, await import('jose'));

/** Access tokens of an OpenID provider: JWTs that it has signed for this audience. */
class OidcTokens implements Authenticator {
  readonly #options: OidcOptions;
  readonly #jose: Jose;
  readonly #keys: ProviderKeys;
  readonly #checked = new BoundedMap<Checked>(mostChecked);

  constructor(options: OidcOptions, jose: Jose) {
    const { issuer, clock, logger = silentLogger } = options;
    const fetching = options.fetch ? { fetch: options.fetch } : {};
    this.#options = options;
    this.#jose = jose;
    this.#keys = new ProviderKeys({ issuer, clock, logger, keysOf: jose.createLocalJWKSet, ...fetching });
  }

  isMine(token: string): boolean {
    return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
  }

  async identify(token: string, isSuspect: boolean): Promise<Finding> {
    const nowMs = this.#options.clock.nowMs();
    const hash = tokenHashOf(token);
    const checked = this.#checked.get(hash);
    if (checked && nowMs - checked.checkedAtMs < checkedMs) {
      return checked.expiresAtMs + toleranceS * 1000 > nowMs ? checked.finding : this.#expired();
    }
    if (isSuspect && !checked) return { kind: 'held-back' };
    const { payload, refusal } = await this.#payloadOf(token);
    if (refusal) return refusal;
    const expiresAtMs = Math.min(Number(payload.exp) * 1000, latestMs);
    const finding = findingFromClaims(payload, this.#options, expiresAtMs);
    this.#checked.set(hash, { finding, checkedAtMs: nowMs, expiresAtMs });
    return finding;
  }

  async #payloadOf(token: string): Promise<Verified> {
    const { JWKSNoMatchingKey } = this.#jose.errors;
    const keys = await this.#keys.keys();
    if (keys === null) return { refusal: away };
    try {
      return await this.#verified(token, keys);
    } catch (error) {
      if (!(error instanceof JWKSNoMatchingKey)) return { refusal: this.#refusal(error) };
      const newer = await this.#keys.newKeys();
      if (newer === null) return { refusal: this.#refusal(error) };
      return this.#verified(token, newer).catch((second: unknown) => ({ refusal: this.#refusal(second) }));
    }
  }

  async #verified(token: string, keys: Parameters<Jose['jwtVerify']>[1]): Promise<Verified> {
    const { issuer, audience, clock } = this.#options;
    const { payload, protectedHeader } = await this.#jose.jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms,
      clockTolerance: toleranceS,
      currentDate: new Date(clock.nowMs()),
      requiredClaims: ['exp'],
    });
    if (!types.has(protectedHeader.typ?.toLowerCase()))
      return { refusal: unknownToken('The token is no access token.') };
    // Whoever stole it lacks the key that it is bound to; without a look at that key it proves nothing.
    if (Object.hasOwn(payload, 'cnf')) return { refusal: boundToKey };
    return { payload };
  }

  #expired(): Finding {
    return { kind: 'expired', detail: 'The token has ended. Sign in again.' };
  }

  /** Says which claim is wrong: whoever got that far holds a token that the provider has signed. */
  #refusal(error: unknown): Finding {
    const { JWTExpired, JWTClaimValidationFailed, JWKSNoMatchingKey, JOSEError } = this.#jose.errors;
    if (error instanceof JWTExpired) return this.#expired();
    if (error instanceof JWTClaimValidationFailed) {
      const claim = { iss: 'of another issuer', aud: 'for another audience', nbf: 'not valid yet' }[error.claim];
      return unknownToken(`The token is ${claim ?? `lacking its claim ${error.claim}`}.`);
    }
    if (error instanceof JWKSNoMatchingKey) return unknownToken('The token is signed by no key of the provider.');
    if (error instanceof JOSEError || error instanceof TypeError)
      return unknownToken('The token is no valid JWT of the provider.');
    throw error;
  }
}
