import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { GateOptions } from '../../../src/gate/gate.ts';
import { type TidegateFastifyOptions, tidegate } from '../../../src/http/fastify.ts';
import { entryFor } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';

let app: FastifyInstance;
afterEach(() => app.close());

const start = async (
  policies: string,
  options: Partial<TidegateFastifyOptions> = {},
  gateOptions: Partial<GateOptions> = {},
) => {
  const { gate, clock, routes } = recordingGate(policies, gateOptions);
  app = fastify();
  await app.register(tidegate, { gate, clock, random: () => 0, ...options });
  app.get('/orders/:id', () => ({ ok: true }));
  app.all('/proxied/*', () => ({ ok: true }));
  return { clock, routes };
};
const perClient = '{name: per-client, limit: 60, window: 1m, burst: 2}, {name: day, limit: 1000, window: 1d}';

describe('the Fastify plugin', () => {
  it('tells every limit in the standard fields', async () => {
    await start(perClient);
    const { statusCode, headers } = await app.inject('/orders/1');
    expect(statusCode).toBe(200);
    expect(headers['ratelimit-policy']).toBe('"per-client";q=60;w=60, "day";q=1000;w=86400');
    expect(headers['ratelimit']).toBe('"per-client";r=1;t=1, "day";r=999;t=87');
  });

  it('answers 429 with a problem that names the policy, and Retry-After', async () => {
    await start(perClient);
    for (let n = 0; n < 2; n += 1) await app.inject('/orders/1');
    const response = await app.inject('/orders/1');
    expect(response.statusCode).toBe(429);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      'violated-policies': ['per-client'],
    });
  });

  it('names the route by its template, and unmatched paths by a derived one', async () => {
    const { routes } = await start(perClient);
    await app.inject('/orders/17');
    await app.inject('/wp-admin/setup.php?x');
    expect(routes).toEqual(['GET /orders/:id ip:127.0.0.1', 'GET /wp-admin/setup.php ip:127.0.0.1']);
  });

  it('limits a path behind a catch-all route by its own policy, and counts a limit by route once for all of them', async () => {
    const login = '{name: login, match: {routes: [POST /proxied/login]}, limit: 1, window: 1h}';
    const { routes } = await start(`${login}, {name: all, scope: [client, route], limit: 3, window: 1h}`);
    const status = async (url: string): Promise<number> => (await app.inject({ method: 'POST', url })).statusCode;
    expect([await status('/proxied/login'), await status('/proxied/%6cogin')]).toEqual([200, 429]);
    expect([await status('/proxied/a'), await status('/proxied/b'), await status('/proxied/c')]).toEqual([
      200, 200, 429,
    ]);
    expect(routes.at(-1)).toBe('POST /proxied/c ip:127.0.0.1');
  });

  it('answers a blocked client with abnormal-usage-detected and the end of the block', async () => {
    const blockList = { find: () => entryFor('ip:127.0.0.1', { expiresAtMs: 1_750_000_090_000 }) };
    await start(perClient, {}, { blockList });
    const response = await app.inject('/orders/1');
    expect(response.statusCode).toBe(429);
    expect(response.headers['retry-after']).toBe('90');
    expect(response.json().type).toContain('#abnormal-usage-detected');
  });

  it('answers 503 when a policy closes without its store', async () => {
    const store = {
      immediate: false,
      spend: () => Promise.reject(new Error('gone')),
      giveBack: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    await start('{name: pay, limit: 5, window: 1m, onStoreFailure: deny}', {}, { store });
    const response = await app.inject('/orders/1');
    expect(response.statusCode).toBe(503);
    expect(response.json().type).toContain('#temporary-reduced-capacity');
  });

  it('tells the limit that decides in legacy fields when asked to, and in the standard ones unless told not to', async () => {
    await start(perClient, { headers: { standard: false, legacy: 'epoch-seconds' } });
    const { headers } = await app.inject('/orders/1');
    expect(headers).toMatchObject({
      'x-ratelimit-limit': '60',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '1750000001',
    });
    expect(headers).not.toHaveProperty('ratelimit');
  });

  it('refuses to start with a way to write a reset that it does not know', async () => {
    const attempt = start(perClient, { headers: { legacy: 'minutes', standard: 1 } as never });
    await expect(attempt).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      problems: [{ path: 'headers.standard' }, { path: 'headers.legacy' }],
    });
  });

  it('believes X-Forwarded-For of trusted proxies only, and from the right', async () => {
    const { routes } = await start(perClient, { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] });
    const headers = { 'x-forwarded-for': '203.0.113.66, 198.51.100.7, 10.1.1.1' };
    await app.inject({ url: '/orders/1', headers });
    await app.inject({ url: '/orders/1', headers, remoteAddress: '192.0.2.9' });
    expect(routes.map((route) => route.split(' ')[2])).toEqual(['ip:198.51.100.7', 'ip:192.0.2.9']);
  });

  it('reads the address of a proxy that writes ports, so that its clients are not one client', async () => {
    const { routes } = await start(perClient, { trustedProxies: ['127.0.0.0/8'] });
    for (const hop of ['203.0.113.66:50000', '[2001:db8::1]:443', '[2001:db8::2]', '203.0.113.66:x']) {
      await app.inject({ url: '/orders/1', headers: { 'x-forwarded-for': hop } });
    }
    const addresses = ['203.0.113.66', '2001:db8::/64', '2001:db8::/64', '127.0.0.1'];
    expect(routes.map((route) => route.split(' ')[2])).toEqual(addresses.map((address) => `ip:${address}`));
  });

  it('refuses to start with a proxy setting that trusts anyone', async () => {
    const attempt = start(perClient, { trustedProxies: [true, 1, 'all'] as unknown as string[] });
    await expect(attempt).rejects.toMatchObject({ code: 'CONFIG_INVALID', problems: [{}, {}, {}] });
    await expect(start(perClient, { trustedProxies: true as never })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('tells clients apart by what the host vouches for, never by a key header of their own', async () => {
    const { routes } = await start(perClient, {
      identify: ({ headers }) => (headers['x-api-key'] === 'known' ? { key: 'known', tenant: 'acme' } : {}),
    });
    await app.inject({ url: '/orders/1', headers: { 'x-api-key': 'known' } });
    await app.inject({ url: '/orders/1', headers: { 'x-api-key': 'made-up' } });
    expect(routes[0]).toMatch(/ key:[\w-]{22}$/);
    expect(routes[0]).not.toContain('known');
    expect(routes[1]).toMatch(/ ip:127\.0\.0\.1$/);
  });
});
