import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { findingFromClaims, plainRoles } from '../../../src/api/oidc-claims.ts';
import { openOidcTokens } from '../../../src/api/oidc-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';

const issuer = 'https://idp.example.com/realm';
const audience = 'https://tidegate.example.com';
const terms = { nameClaim: 'sub', roleClaim: 'roles', roles: plainRoles, tenantClaim: null };

const answer = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

const stage = async (pages: Readonly<Record<string, () => Response>> = {}) => {
  const clock = new ManualClock();
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const asked: string[] = [];
  const known: Record<string, () => Response> = {
    [`${issuer}/.well-known/openid-configuration`]: () => answer({ issuer, jwks_uri: `${issuer}/keys` }),
    [`${issuer}/keys`]: () => answer({ keys: [jwk] }),
    ...pages,
  };
  const get = async (url: string | URL | Request): Promise<Response> => {
    asked.push(String(url));
    return known[String(url)]?.() ?? answer({}, 404);
  };
  const tokens = await openOidcTokens({ issuer, audience, clock, fetch: get, ...terms });
  const nowS = clock.nowMs() / 1000;
  const sign = (claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> =>
    new SignJWT({ iss: issuer, aud: audience, sub: 'anna', exp: nowS + 600, roles: ['lead'], ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
      .sign(privateKey);
  const ask = async (claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}) =>
    tokens.identify(await sign(claims, header), false);
  return { clock, tokens, ask, asked, nowS, known, sign };
};

describe('a token that the provider has signed', () => {
  it('is good with what it has to have, of any kind that access tokens are of', async () => {
    const { ask } = await stage();
    for (const typ of ['JWT', 'at+jwt', 'application/at+jwt']) expect((await ask({}, { typ })).kind).toBe('holder');
    expect((await ask()).kind).toBe('holder');
  });

  it.each([
    ['another issuer', { iss: 'https://idp.example.com' }, {}, 'unknown', /another issuer/],
    ['no issuer', { iss: undefined }, {}, 'unknown', /another issuer|iss/],
    ['no audience', { aud: undefined }, {}, 'unknown', /another audience|aud/],
    ['no end', { exp: undefined }, {}, 'unknown', /exp/],
    ['an end that is no number', { exp: 'never' as unknown as number }, {}, 'unknown', /./],
    ['a logout token', {}, { typ: 'logout+jwt' }, 'unknown', /no access token/],
    ['a key it is bound to', { cnf: { jkt: 'x' } }, {}, 'unknown', /bound to a key/],
    ['a key id that nobody has', {}, { kid: 'two' }, 'unknown', /no key of the provider/],
    ['no name', { sub: undefined }, {}, 'forbidden', /no claim sub/],
    ['a name that is no text', { sub: 7 as unknown as string }, {}, 'forbidden', /no claim sub/],
    ['a critical extension', {}, { crit: ['b64'], b64: true } as never, 'holder', /^$/],
  ] as const)('is judged: %s', async (...[, claims, header, kind, detail]) => {
    const { ask } = await stage();
    const finding = await ask(claims as JWTPayload, header);
    expect(finding.kind).toBe(kind);
    if ('detail' in finding) expect(finding.detail).toMatch(detail);
  });

  it.each([9e12, 1e300])('that ends in %d seconds ends as late as an instant can be told', async (exp) => {
    const { ask } = await stage();
    const finding = await ask({ exp });
    const expiresAtMs = (finding.kind === 'holder' && finding.holder.expiresAtMs) || 0;
    expect(new Date(expiresAtMs).toISOString()).toBe('+275760-09-13T00:00:00.000Z');
  });

  it('may begin half a minute ahead of this clock, and no more', async () => {
    const { ask, nowS } = await stage();
    expect((await ask({ nbf: nowS + 30 })).kind).toBe('holder');
    expect(await ask({ nbf: nowS + 31 })).toEqual({ kind: 'unknown', detail: 'The token is not valid yet.' });
  });

  it.each(['', 'x', 'a.b', 'a.b.c', '..', 'e30.e30.', `${'a'.repeat(4000)}.b.c`])('is not %j', async (token) => {
    const { tokens } = await stage();
    expect(tokens.isMine(token) ? (await tokens.identify(token, false)).kind : 'unknown').toBe('unknown');
  });
});

describe('the keys of a provider', () => {
  it('are asked for once by many at a time, and again in the background after ten minutes', async () => {
    const { ask, asked, clock } = await stage();
    await Promise.all(Array.from({ length: 10 }, () => ask()));
    expect(asked).toHaveLength(2);
    clock.advance(9 * 60_000);
    await ask({ exp: clock.nowMs() / 1000 + 900 });
    expect(asked).toHaveLength(2);
    clock.advance(60_000);
    expect((await ask()).kind).toBe('holder');
    await expect.poll(() => asked.length).toBe(4);
  });

  it('that were withdrawn are good for nothing from the next look', async () => {
    const { tokens, sign, clock, known, nowS } = await stage();
    const token = await sign({ exp: nowS + 86_400 });
    expect((await tokens.identify(token, false)).kind).toBe('holder');
    known[`${issuer}/keys`] = () => answer({ keys: [] });
    clock.advance(601_000);
    await tokens.identify(token, false);
    clock.advance(61_000);
    expect((await tokens.identify(token, false)).kind).toBe('unknown');
  });

  it('that cannot be had any more go on for an hour', async () => {
    const { tokens, sign, clock, known, nowS } = await stage();
    const token = await sign({ exp: nowS + 86_400 });
    await tokens.identify(token, false);
    known[`${issuer}/keys`] = () => answer({}, 500);
    clock.advance(3_599_000);
    expect((await tokens.identify(token, false)).kind).toBe('holder');
    clock.advance(61_000);
    expect((await tokens.identify(token, false)).kind).toBe('away');
  });

  it.each([
    ['of another issuer', { issuer: 'https://evil.example.com', jwks_uri: `${issuer}/keys` }],
    ['that lie at an address that anybody can change', { issuer, jwks_uri: 'http://idp.example.com/keys' }],
    ['that lie nowhere', { issuer }],
    ['larger than anybody needs', { issuer, jwks_uri: `${issuer}/keys`, padding: 'x'.repeat(600_000) }],
  ])('%s are not taken', async (_, document) => {
    const { ask } = await stage({ [`${issuer}/.well-known/openid-configuration`]: () => answer(document) });
    expect((await ask()).kind).toBe('away');
  });
});

describe('claims', () => {
  const judged = (claims: Record<string, unknown>, more: object = {}) =>
    findingFromClaims({ sub: 'anna', ...claims }, { ...terms, ...more }, null);

  it.each([
    [{ roles: 'viewer lead' }, {}, 'lead'],
    [{ realm_access: { roles: ['admin'] } }, { roleClaim: 'realm_access.roles' }, 'admin'],
    [{ 'https://acme.example/roles': ['viewer'] }, { roleClaim: 'https://acme.example/roles' }, 'viewer'],
    [
      { roles: ['edge', 'ops'] },
      {
        roles: new Map([
          ['edge', 'enforcer'],
          ['ops', 'viewer'],
        ]),
      },
      'viewer',
    ],
    [{ roles: ['edge'] }, { roles: new Map([['edge', 'enforcer']]) }, 'enforcer'],
    [{ roles: [7, null, { admin: true }, 'viewer'] }, {}, 'viewer'],
  ])('%j give a role', (claims, more, role) => {
    expect(judged(claims, more)).toMatchObject({ kind: 'holder', holder: { reviewer: { role } } });
  });

  it.each([[{ roles: { admin: true } }], [{ roles: true }], [{}], [{ roles: [] }], [{ roles: ['__proto__'] }]])(
    '%j give none',
    (claims) => {
      expect(judged(claims).kind).toBe('forbidden');
    },
  );

  it('name tenants as a list or as words; `*` is all of them, and nothing else is', () => {
    const tenantsOf = (tenants: unknown) => judged({ roles: 'lead', tenants }, { tenantClaim: 'tenants' });
    expect(tenantsOf(['acme', 'umbrella'])).toMatchObject({ holder: { reviewer: { tenants: ['acme', 'umbrella'] } } });
    expect(tenantsOf('acme')).toMatchObject({ holder: { reviewer: { tenants: ['acme'] } } });
    expect(tenantsOf(['acme', '*'])).toMatchObject({ holder: { reviewer: { tenants: null } } });
    for (const none of [
      undefined,
      [],
      '',
      {},
      null,
      ['a/b'],
      ['a\nb'],
      Array.from({ length: 101 }, (_, n) => `t${n}`),
    ]) {
      expect(tenantsOf(none).kind, JSON.stringify(none)).toBe('forbidden');
    }
  });
});
