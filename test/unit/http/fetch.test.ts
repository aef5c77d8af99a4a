import { type Context, Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { describe, expect, it } from 'vitest';
import { type LimitFetchOptions, limitFetch } from '../../../src/http/fetch.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const perClient = '{name: per-client, limit: 60, window: 1m, burst: 2}';

/** What a host knows of a connection. */
interface Connection {
  readonly remoteAddress?: string;
}
type Limiting = LimitFetchOptions<[connection: Connection]>;

const limiter = (policies: string, options: Partial<Limiting> = {}) => {
  const { gate, routes } = recordingGate(policies);
  const address: Limiting['address'] = (_request, { remoteAddress }) => remoteAddress;
  return { routes, limit: limitFetch({ gate, address, random: () => 0, ...options }) };
};

const peer: Connection = { remoteAddress: '203.0.113.9' };
const get = (path: string, init?: RequestInit): Request => new Request(`http://api.example${path}`, init);

describe('the limiter for the fetch API', () => {
  it('gives the decision, the fields to send along, and no refusal while a request may pass', async () => {
    const { limit, routes } = limiter(perClient);
    const { decision, refusal, headers } = await limit(get('/orders/7?x'), peer);
    expect([decision?.outcome, refusal]).toEqual(['allowed', null]);
    expect(Object.fromEntries(headers)).toEqual({
      'ratelimit-policy': '"per-client";q=60;w=60',
      ratelimit: '"per-client";r=1;t=1',
    });
    expect(routes).toEqual(['GET /orders/:id ip:203.0.113.9']);
  });

  it('gives the whole refusal when a request may not pass, without a body for HEAD', async () => {
    const { limit } = limiter('{name: one, match: {routes: [GET /**]}, limit: 1, window: 1m}');
    await limit(get('/'), peer);
    const { refusal } = await limit(get('/'), peer);
    expect(refusal?.status).toBe(429);
    expect(Object.fromEntries(refusal?.headers ?? [])).toEqual({
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      'ratelimit-policy': '"one";q=1;w=60',
      ratelimit: '"one";r=0;t=60',
      'retry-after': '60',
    });
    expect(await refusal?.json()).toMatchObject({ 'violated-policies': ['one'] });
    const head = await limit(get('/', { method: 'HEAD' }), peer);
    expect([head.refusal?.status, head.refusal?.body]).toEqual([429, null]);
  });

  it('goes by the route that the host gives, and counts clients without an address together', async () => {
    const { limit, routes } = limiter(perClient, { route: () => '/orders/:id' });
    await limit(get('/orders/seven'), peer);
    await limit(get('/orders/seven'), {});
    await limit(get('/orders/seven'), { remoteAddress: 'not an address' });
    expect(routes).toEqual(['GET /orders/:id ip:203.0.113.9', ...Array(2).fill('GET /orders/:id ip:local')]);
  });

  it('believes X-Forwarded-For of trusted proxies only', async () => {
    const { limit, routes } = limiter(perClient, { trustedProxies: ['10.0.0.0/8'] });
    const forwarded = () => get('/', { headers: { 'x-forwarded-for': '192.0.2.1, 198.51.100.7' } });
    await limit(forwarded(), { remoteAddress: '10.1.1.1' });
    await limit(forwarded(), peer);
    expect(routes).toEqual(['GET / ip:198.51.100.7', 'GET / ip:203.0.113.9']);
  });

  it('decides nothing on what is skipped', async () => {
    const { limit, routes } = limiter(perClient, { skip: ({ url }) => url.endsWith('/health') });
    const { decision, refusal, headers } = await limit(get('/health'), peer);
    expect([decision, refusal, [...headers]]).toEqual([null, null, []]);
    expect(routes).toEqual([]);
  });

  it('rejects when a callback fails, so that nothing passes by mistake', async () => {
    const { limit } = limiter(perClient, { identify: () => Promise.reject(new Error('no sessions')) });
    const serve = limit.handler(() => new Response('served'));
    await expect(limit(get('/'), peer)).rejects.toThrow('no sessions');
    await expect(serve(get('/'), peer)).rejects.toThrow('no sessions');
  });

  it('refuses to be made with a proxy setting that trusts anyone', () => {
    expect(() => limiter(perClient, { trustedProxies: true as never })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});

describe('a handler behind it', () => {
  it('adds the fields to what is served, and does not run for what is refused', async () => {
    const { limit } = limiter(perClient);
    let served = 0;
    const serve = limit.handler((request, { remoteAddress }) => {
      served += 1;
      return Response.json({ path: new URL(request.url).pathname, remoteAddress }, { status: 201 });
    });
    const first = await serve(get('/orders'), peer);
    expect([first.status, first.headers.get('ratelimit')]).toEqual([201, '"per-client";r=1;t=1']);
    expect(await first.json()).toEqual({ path: '/orders', remoteAddress: '203.0.113.9' });
    await serve(get('/orders'), peer);
    expect([(await serve(get('/orders'), peer)).status, served]).toEqual([429, 2]);
  });

  it.each([
    ['a redirect', Response.redirect('http://api.example/elsewhere', 303), 303],
    ['an empty one', new Response(null, { status: 204 }), 204],
    ['an unchanged one', new Response(null, { status: 304, headers: { etag: '"7"' } }), 304],
  ])('adds them to %s as well', async (_, response, status) => {
    const { limit } = limiter(perClient);
    const answer = await limit.handler(() => response)(get('/'), peer);
    expect([answer.status, answer.headers.get('ratelimit')]).toEqual([status, '"per-client";r=1;t=1']);
    for (const [name, value] of response.headers) expect(answer.headers.get(name)).toBe(value);
  });

  it.each(['hello', null])('keeps every cookie of a response with the body %o', async (body) => {
    const { limit } = limiter(perClient);
    const response = new Response(body);
    for (const cookie of ['a=1', 'b=2']) response.headers.append('set-cookie', cookie);
    const answer = await limit.handler(() => response)(get('/'), peer);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.has('ratelimit')).toBe(true);
  });

  it('adds them to what came from another server, whose response is read-only', async () => {
    const { limit } = limiter(perClient);
    const fetched = await fetch('data:text/plain,hello');
    expect(() => fetched.headers.set('a', 'b')).toThrow(TypeError);
    const answer = await limit.handler(() => fetched)(get('/'), peer);
    expect([await answer.text(), answer.headers.get('ratelimit')]).toEqual(['hello', '"per-client";r=1;t=1']);
  });

  it('does not tell one client what another has left, where both get the same response', async () => {
    const { limit } = limiter(perClient);
    const nothing = new Response(null, { status: 404 });
    await limit.handler(() => nothing)(get('/'), peer);
    expect(nothing.headers.has('ratelimit')).toBe(false);
  });

  it('leaves alone what cannot be copied, and what was skipped', async () => {
    const { limit } = limiter(perClient, { skip: ({ url }) => url.endsWith('/health') });
    const failed = Response.error();
    expect(await limit.handler(() => failed)(get('/'), peer)).toBe(failed);
    const healthy = new Response(null, { status: 204 });
    expect(await limit.handler(() => healthy)(get('/health'), peer)).toBe(healthy);
  });
});

describe('Hono behind it', () => {
  type Env = { Bindings: { readonly remoteAddress: string }; Variables: { readonly outcome: string | undefined } };

  const shop = (policies: string) => {
    const { gate, routes } = recordingGate(policies);
    const limit = limitFetch<[context: Context<Env>]>({
      gate,
      address: (_request, context) => context.env.remoteAddress,
      route: (_request, context) => matchedRoutes(context).at(-1)?.path,
    });
    const app = new Hono<Env>();
    app.use(async (context, next) => {
      const { decision, refusal, headers } = await limit(context.req.raw, context);
      if (refusal) return refusal;
      for (const [name, value] of headers) context.header(name, value);
      context.set('outcome', decision?.outcome);
      return next();
    });
    app.get('/orders/:id', (context) => context.json({ id: context.req.param('id'), outcome: context.get('outcome') }));
    app.get('/files/*', (context) => context.text('a file'));
    return {
      routes,
      ask: async (path: string, init?: RequestInit) => app.request(path, init, { remoteAddress: '203.0.113.9' }),
    };
  };

  it('limits by the template of the route, and tells clients where they stand', async () => {
    const { ask, routes } = shop('{name: orders, match: {routes: [GET /orders/*]}, limit: 1, window: 1m}');
    const first = await ask('/orders/seven');
    expect(await first.json()).toEqual({ id: 'seven', outcome: 'allowed' });
    expect(first.headers.get('ratelimit')).toBe('"orders";r=0;t=60');
    const second = await ask('/orders/eight');
    expect([second.status, second.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
    expect(routes).toEqual(Array(2).fill('GET /orders/:id ip:203.0.113.9'));
  });

  it('decides on paths that no route serves, and on HEAD, and names catch-alls by the path', async () => {
    const { ask, routes } = shop(perClient);
    expect((await ask('/wp-admin/setup.php')).status).toBe(404);
    const head = await ask('/files/a/b', { method: 'HEAD' });
    expect([head.status, head.headers.get('ratelimit')]).toEqual([200, '"per-client";r=0;t=1']);
    const refused = await ask('/files/a/b', { method: 'HEAD' });
    expect([refused.status, await refused.text()]).toEqual([429, '']);
    expect(routes).toEqual([
      'GET /wp-admin/setup.php ip:203.0.113.9',
      'HEAD /files/a ip:203.0.113.9',
      'HEAD /files/a ip:203.0.113.9',
    ]);
  });
});
