import { describe, expect, it } from 'vitest';
import { IssuedTokens } from '../../../src/api/issued-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryTokenStore } from '../../../src/embedded/memory-token-store.ts';
import { generateIssuedToken } from '../../../src/review/tokens.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { annasToken, apiUnderTest, asAnna } from './api-under-test.ts';

const as = (token: string) => ({ authorization: `Bearer ${token}` });
const dayMs = 86_400_000;

const stage = async (openReads = false) => {
  const clock = new ManualClock();
  const tokenStore = new MemoryTokenStore({ clock });
  const logger = recordingLogger();
  const authenticators = [new IssuedTokens({ store: tokenStore, clock })];
  const { api } = await apiUnderTest({ clock, tokenStore, authenticators, logger, openReads });
  const make = async (body: object) => {
    const answer = await api.inject({ method: 'POST', url: '/v1/tokens', headers: asAnna, payload: body });
    return { status: answer.statusCode, body: answer.json() };
  };
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await api.inject({ url, headers });
    return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
  };
  return { api, clock, tokenStore, logger, make, get };
};

describe('a session', () => {
  it('says whose the token is, until when, and what the role may do', async () => {
    const { make, get, clock } = await stage();
    expect((await get('/v1/session', asAnna)).body).toMatchObject({
      name: 'anna',
      role: 'admin',
      tenants: null,
      expiresAt: null,
      limits: { mayIssueTokens: true },
    });
    const { body } = await make({ name: 'ben', role: 'reviewer', tenants: ['acme'] });
    expect((await get('/v1/session', as(body.token))).body).toMatchObject({
      name: 'ben',
      role: 'reviewer',
      tenants: ['acme'],
      expiresAt: new Date(clock.nowMs() + 30 * dayMs).toISOString(),
      limits: { mayIssueTokens: false, blocksAtOnce: 100 },
    });
  });

  it('ends in the middle with an answer that says so, apart from a token that nobody knows', async () => {
    const { make, get, clock } = await stage();
    const expiresAt = new Date(clock.nowMs() + 60_000).toISOString();
    const { body } = await make({ name: 'ben', role: 'lead', expiresAt });
    expect((await get('/v1/session', as(body.token))).status).toBe(200);
    clock.advance(60_000);
    const ended = await get('/v1/blocks', as(body.token));
    expect(ended.status).toBe(401);
    expect(ended.body).toMatchObject({ type: 'urn:tidegate:problem:token-expired', title: 'The token has expired' });
    expect(ended.headers['www-authenticate']).toContain('error="invalid_token"');
    const unknown = await get('/v1/blocks', as(generateIssuedToken()));
    expect(unknown.body).toMatchObject({ status: 401, type: 'urn:tidegate:problem:unauthorized' });
  });

  it('of somebody on this machine needs no token to read where reads are open; a token that is sent is looked at', async () => {
    const { get, make } = await stage(true);
    expect((await get('/v1/session')).body).toMatchObject({ name: '', role: 'viewer' });
    expect((await get('/v1/session', asAnna)).body).toMatchObject({ name: 'anna', role: 'admin' });
    expect((await get('/v1/session', as('a-token-that-nobody-knows'))).status).toBe(401);
    expect((await get('/v1/session', { host: 'evil.example.com' })).status).toBe(401);
    expect((await get('/v1/tokens')).status).toBe(401);
    const enforcer = await make({ name: 'edge', role: 'enforcer' });
    expect((await get('/v1/session', as(enforcer.body.token))).status).toBe(403);
  });
});

describe('tokens over HTTP', () => {
  it('are made by admins, shown once, listed without the token, and revoked within two seconds', async () => {
    const { api, make, get, clock } = await stage();
    const made = await make({ name: 'ben', role: 'viewer' });
    expect(made.status).toBe(201);
    expect(made.body.about).toMatchObject({ name: 'ben', createdBy: 'anna', lastUsedAt: null });
    expect((await get('/v1/blocks', as(made.body.token))).status).toBe(200);
    const listed = await get('/v1/tokens', asAnna);
    expect(listed.body.tokens).toEqual([{ ...made.body.about, lastUsedAt: new Date(clock.nowMs()).toISOString() }]);
    expect(JSON.stringify(listed.body)).not.toContain(made.body.token);
    const revoke = { method: 'DELETE', url: `/v1/tokens/${made.body.about.id}`, headers: asAnna } as const;
    expect((await api.inject(revoke)).statusCode).toBe(200);
    clock.advance(2000);
    expect((await get('/v1/blocks', as(made.body.token))).status).toBe(401);
    expect((await api.inject(revoke)).statusCode).toBe(404);
  });

  it.each(['viewer', 'reviewer', 'lead', 'enforcer', 'gate'])('are no matter of a %s', async (role) => {
    const { api, make, get } = await stage();
    const { body } = await make({ name: 'ben', role });
    const payload = { name: 'more', role: 'admin' };
    expect((await get('/v1/tokens', as(body.token))).status).toBe(403);
    const made = await api.inject({ method: 'POST', url: '/v1/tokens', headers: as(body.token), payload });
    expect(made.statusCode).toBe(403);
  });

  it('are no matter of an admin of some tenants, who could make one for all', async () => {
    const { make, get } = await stage();
    const { body } = await make({ name: 'ben', role: 'admin', tenants: ['acme'] });
    expect((await get('/v1/tokens', as(body.token))).body).toMatchObject({ status: 403 });
  });

  it.each([
    [{ role: 'viewer' }, 'body.name'],
    [{ name: 'detector', role: 'viewer' }, 'body.name'],
    [{ name: 'a\u001b[31m', role: 'viewer' }, 'body.name'],
    [{ name: 'ben', role: 'root' }, 'body.role'],
    [{ name: 'ben', role: 'viewer', tenants: [] }, 'body.tenants'],
    [{ name: 'ben', role: 'viewer', tenants: ['a/b'] }, 'body.tenants'],
    [{ name: 'ben', role: 'enforcer', tenants: ['acme'] }, 'body.tenants'],
    [{ name: 'ben', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' }, 'body.expiresAt'],
    [{ name: 'ben', role: 'viewer', expiresAt: '2035-01-01T00:00:00Z' }, 'body.expiresAt'],
    [{ name: 'ben', role: 'viewer', expiresAt: 'tomorrow-at-noon' }, 'body.expiresAt'],
    [{ name: 'ben', role: 'viewer', token: 'mine' }, 'body.token'],
  ])('are refused: %j', async (body, path) => {
    const { make } = await stage();
    const answer = await make(body);
    expect(answer.status).toBe(400);
    expect(answer.body.problems.map((one: { path: string }) => one.path)).toContain(path);
  });
});

describe('who has no good token', () => {
  it.each([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['another scheme', 'Basic YTpi'],
    ['one with a blank', `Bearer ${annasToken} x`],
    ['one that is too long', `Bearer ${'x'.repeat(9000)}`],
    ['a JWT where no provider is known', 'Bearer e30.e30.e30'],
    ['the name before the token', `Bearer anna=${annasToken}`],
  ])('is refused: %s', async (_, authorization) => {
    const { get } = await stage();
    const answer = await get('/v1/session', authorization === undefined ? {} : { authorization });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('Bearer');
  });

  it('is held back after some dozens from one address, is told when to come again, and stops nobody else', async () => {
    const { get, clock, logger, make, api } = await stage();
    const { body } = await make({ name: 'ben', role: 'viewer' });
    await get('/v1/session', as(body.token));
    const statuses: number[] = [];
    for (let n = 0; n < 40; n += 1) statuses.push((await get('/v1/session', as(generateIssuedToken()))).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(30);
    const held = await get('/v1/session', as(generateIssuedToken()));
    expect(held.body).toMatchObject({ status: 429, type: 'urn:tidegate:problem:too-many-requests' });
    expect(held.headers['retry-after']).toBeDefined();
    clock.advance(1500);
    expect((await get('/v1/session', as(body.token))).status).toBe(200);
    expect((await get('/v1/session', asAnna)).status).toBe(200);
    const elsewhere = { url: '/v1/session', headers: as(generateIssuedToken()), remoteAddress: '203.0.113.7' };
    expect((await api.inject(elsewhere)).statusCode).toBe(401);
    expect(logger.lines.filter(({ message }) => message === 'a token was refused')).toHaveLength(2);
    clock.advance(60_000);
    expect((await get('/v1/session', as(generateIssuedToken()))).status).toBe(401);
  });

  it('leaves no trace of the token in the log or in the answer', async () => {
    const { get, logger, make } = await stage();
    const made = await make({ name: 'ben', role: 'viewer' });
    const bad = 'a-secret-that-somebody-mistyped';
    const answer = await get('/v1/session', as(bad));
    const said = JSON.stringify([logger.lines, answer]);
    expect(said).not.toContain(bad);
    expect(said).not.toContain(made.body.token);
  });
});
