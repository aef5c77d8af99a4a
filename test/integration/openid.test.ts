import { createHmac, createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticator, Finding } from '../../src/api/authenticator.ts';
import { plainRoles } from '../../src/api/oidc-claims.ts';
import { type OidcOptions, openOidcTokens } from '../../src/api/oidc-tokens.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { audience, type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts';

const claims = {
  anna: { roles: ['viewer', 'lead'], tenants: ['acme'] },
  nobody: {},
  stranger: { roles: ['janitor'] },
  hostile: { roles: ['admin'], nick: 'zo\u001b[31m<b>' },
  detector: { roles: ['admin'] },
  posing: { roles: [], kind: 'holder', holder: { reviewer: { name: 'root', role: 'admin', tenants: null } } },
};

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens of a real OpenID provider', () => {
  let provider: OpenIdProvider;
  let other: OpenIdProvider;
  let clock: ManualClock;
  let tokens: Authenticator;

  const opened = (more: Partial<OidcOptions> = {}) => {
    const terms = { nameClaim: 'sub', roleClaim: 'roles', roles: plainRoles, tenantClaim: null };
    return openOidcTokens({ issuer: provider.issuer, audience, clock, ...terms, ...more });
  };
  const ask = async (token: string, of = tokens): Promise<Finding> => of.identify(token, false);

  beforeAll(async () => {
    [provider, other] = await Promise.all([startOpenIdProvider(claims), startOpenIdProvider(claims)]);
  });
  afterAll(async () => {
    await Promise.all([provider?.close(), other?.close()]);
  });
  beforeEach(async () => {
    clock = new ManualClock(systemClock.nowMs());
    tokens = await opened();
  });

  it('say who it is, with the greatest of the roles, until they end', async () => {
    const token = await provider.tokenFor('anna');
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' });
    expect(tokens.isMine(token)).toBe(true);
    expect(await ask(token)).toEqual({
      kind: 'holder',
      holder: {
        reviewer: { name: 'anna', role: 'lead', tenants: null },
        expiresAtMs: Number(decodeJwt(token).exp) * 1000,
      },
    });
  });

  it('keep to the tenants that a claim names, where that is asked for; without the claim they are good for nothing', async () => {
    const scoped = await opened({ tenantClaim: 'tenants' });
    expect(await ask(await provider.tokenFor('anna'), scoped)).toMatchObject({
      holder: { reviewer: { tenants: ['acme'] } },
    });
    const admin = await opened({ tenantClaim: 'tenants', roles: new Map([['janitor', 'viewer']]) });
    expect(await ask(await provider.tokenFor('stranger'), admin)).toEqual({
      kind: 'forbidden',
      detail: 'The token has no claim tenants, which must name its tenants.',
    });
  });

  it.each([
    ['nobody', 'The token has no claim roles, which must name a role: one of viewer, reviewer, lead, admin.'],
    [
      'stranger',
      'The claim roles of the token names no role that is known here: one of viewer, reviewer, lead, admin.',
    ],
    ['posing', 'The claim roles of the token names no role that is known here: one of viewer, reviewer, lead, admin.'],
    ['detector', expect.stringContaining('The claim sub of the token cannot be a name here')],
  ])('are refused with the claim that is missing or wrong: %s', async (client, detail) => {
    expect(await ask(await provider.tokenFor(client))).toEqual({ kind: 'forbidden', detail });
  });

  it('give nobody a name that a terminal or a page takes for something else', async () => {
    const byNick = await opened({ nameClaim: 'nick' });
    expect(await ask(await provider.tokenFor('hostile'), byNick)).toMatchObject({
      kind: 'forbidden',
      detail: expect.stringMatching(/^The claim nick of the token cannot be a name here: it must be [ -;=-~]+$/),
    });
  });

  it('must be for this audience', async () => {
    const token = await provider.tokenFor('anna', 'https://elsewhere.example/api');
    expect(await ask(token)).toEqual({ kind: 'unknown', detail: 'The token is for another audience.' });
  });

  it('must be of this issuer, whoever has signed them', async () => {
    const token = await other.tokenFor('anna');
    expect(await ask(token)).toEqual({ kind: 'unknown', detail: 'The token is signed by no key of the provider.' });
  });

  it('are good for 30 seconds after their end, and then told to have expired, checked before or not', async () => {
    const token = await provider.tokenFor('anna');
    await ask(token);
    clock.advance(600_000 + 29_000 - (clock.nowMs() - Number(decodeJwt(token).iat) * 1000));
    expect((await ask(token)).kind).toBe('holder');
    clock.advance(1000);
    expect((await ask(token)).kind).toBe('expired');
    expect((await ask(token, await opened())).kind).toBe('expired');
  });

  it('are refused without a signature, and with one that the public key was the secret of', async () => {
    const token = await provider.tokenFor('anna');
    const body = token.split('.')[1];
    const { kid } = decodeProtectedHeader(token);
    expect((await ask(`${part({ alg: 'none', typ: 'at+jwt' })}.${body}.`)).kind).toBe('unknown');
    const keySet = (await (await fetch(`${provider.issuer}/jwks`)).json()) as { keys: [JWK] };
    const pem = createPublicKey({ key: { ...keySet.keys[0] }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const signed = `${part({ alg: 'HS256', typ: 'at+jwt', kid })}.${body}`;
    const signature = createHmac('sha256', pem).update(signed).digest('base64url');
    expect((await ask(`${signed}.${signature}`)).kind).toBe('unknown');
    const [head, , proof] = token.split('.');
    const grown = part({ ...decodeJwt(token), roles: ['admin'] });
    expect((await ask(`${head}.${grown}.${proof}`)).kind).toBe('unknown');
  });

  it('go on when the provider changes its key, which is asked for once and not for every made-up key id', async () => {
    await ask(await provider.tokenFor('anna'));
    await provider.rotate();
    const renewed = await provider.tokenFor('anna');
    expect((await ask(renewed)).kind).toBe('unknown');
    clock.advance(10_000);
    expect((await ask(renewed)).kind).toBe('holder');
    const before = provider.keyRequests();
    const [, body, proof] = renewed.split('.');
    for (let n = 0; n < 50; n += 1) {
      expect((await ask(`${part({ alg: 'RS256', kid: `made-up-${n}` })}.${body}.${proof}`)).kind).toBe('unknown');
    }
    expect(provider.keyRequests()).toBe(before);
  });

  it('are checked with the keys that are known for an hour while the provider is away; without keys they cannot be', async () => {
    const token = await provider.tokenFor('anna');
    const fresh = await opened();
    await ask(token);
    try {
      provider.setAway(true);
      expect((await ask(token, fresh)).kind).toBe('away');
      clock.advance(300_000);
      expect((await ask(token)).kind).toBe('holder');
      const unreachable = await opened({ issuer: provider.issuer });
      expect((await ask(token, unreachable)).kind).toBe('away');
    } finally {
      provider.setAway(false);
    }
    clock.advance(10_000);
    expect((await ask(token, fresh)).kind).toBe('holder');
  });

  it('from a suspect address are those that were checked before', async () => {
    const token = await provider.tokenFor('anna');
    expect((await tokens.identify(token, true)).kind).toBe('held-back');
    await ask(token);
    expect((await tokens.identify(token, true)).kind).toBe('holder');
  });

  it.each([
    'http://idp.example.com',
    'ftp://127.0.0.1',
    'https://u:p@idp.example.com',
    'idp',
    'https://idp.example/?a=b',
  ])('are taken from no provider at %s', async (issuer) => {
    await expect(opened({ issuer })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
