import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express, { type Express, type Request } from 'express';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { Decision } from '../../../src/decision/decision.ts';
import type { GateOptions } from '../../../src/gate/gate.ts';
import { decisionOn, type TidegateExpressOptions, tidegate } from '../../../src/http/express.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const perClient = '{name: per-client, limit: 60, window: 1m, burst: 2}';
const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const listen = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

/** All that a server says on one connection, until it ends it. */
const say = async (port: number, text: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  const heard: Buffer[] = [];
  socket.on('data', (data) => heard.push(data));
  await once(socket, 'close');
  return Buffer.concat(heard).toString();
};

const limiter = (
  policies: string,
  options: Partial<TidegateExpressOptions<Request>> = {},
  gate: Partial<GateOptions> = {},
) => {
  const recording = recordingGate(policies, gate);
  return { ...recording, limit: tidegate({ gate: recording.gate, random: () => 0, ...options }) };
};

const fetchFrom = (port: number, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init });

const start = async (app: Express) => {
  const port = await listen(app);
  return (path: string, init?: RequestInit) => fetchFrom(port, path, init);
};

describe('the Express middleware', () => {
  it('lets pass with the standard fields, and tells the handler what was decided', async () => {
    const { limit } = limiter(perClient);
    const app = express().use(limit);
    app.get('/orders/:id', (request, response) => {
      expectTypeOf(request.tidegate).toEqualTypeOf<Decision | null | undefined>();
      expectTypeOf(response.locals.tidegate).toEqualTypeOf<Decision | null | undefined>();
      response.json([
        request.tidegate?.outcome,
        response.locals.tidegate === request.tidegate,
        decisionOn(request)?.cost,
      ]);
    });
    const response = await (await start(app))('/orders/7');
    expect(response.status).toBe(200);
    expect(response.headers.get('ratelimit-policy')).toBe('"per-client";q=60;w=60');
    expect(response.headers.get('ratelimit')).toBe('"per-client";r=1;t=1');
    expect(await response.json()).toEqual(['allowed', true, 1]);
  });

  it('answers what may not pass itself, so that no handler runs', async () => {
    const { limit } = limiter(perClient);
    let served = 0;
    const app = express().use(limit, (_request, response) => {
      served += 1;
      response.end();
    });
    const ask = await start(app);
    for (let n = 0; n < 2; n += 1) await ask('/');
    const response = await ask('/');
    expect([response.status, served]).toEqual([429, 2]);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({ type: quotaExceeded, 'violated-policies': ['per-client'] });
  });

  it('takes the whole path under a mounted router, however the client spells it', async () => {
    const { limit, routes } = limiter('{name: login, match: {routes: [POST /auth/login]}, limit: 1, window: 1h}');
    const router = express.Router().post('/login', limit, (_request, response) => {
      response.end();
    });
    const ask = await start(express().use('/auth', router));
    const post = async (path: string) => (await ask(path, { method: 'POST' })).status;
    expect([await post('/auth/login'), await post('/AUTH/LOGIN/')]).toEqual([200, 429]);
    expect(routes[0]).toBe('POST /auth/login ip:127.0.0.1');
  });

  it.each([
    ['/orders/:id', '/orders/seven', 'GET /orders/:id'],
    ['/files/*rest', '/files/a/b/c', 'GET /files/a'],
    ['/{*rest}', '/anything', 'GET /anything'],
    [/^\/by-pattern/, '/by-pattern', 'GET /by-pattern'],
  ])('goes by the template inside the route %s, and by the path where it is a catch-all', async (route, path, name) => {
    const { limit, routes } = limiter(perClient);
    const app = express().get(route, limit, (_request, response) => {
      response.end();
    });
    await (await start(app))(path);
    expect(routes).toEqual([`${name} ip:127.0.0.1`]);
  });

  it('does not take the base that a client spelled for a template, and goes by the one that the host gives', async () => {
    const handler = (_request: Request, response: { end(): void }) => response.end();
    const derived = limiter(perClient);
    const given = limiter(perClient, {
      route: ({ params }) => (params['id'] ? '/tenants/:tenant/orders/:id' : undefined),
    });
    for (const { limit } of [derived, given]) {
      const router = express.Router().get('/orders/:id', limit, handler);
      await (await start(express().use('/tenants/:tenant', router)))('/tenants/17/orders/7');
    }
    expect(derived.routes).toEqual(['GET /tenants/:id ip:127.0.0.1']);
    expect(given.routes).toEqual(['GET /tenants/:tenant/orders/:id ip:127.0.0.1']);
  });

  it('answers a HEAD as its GET, without a body', async () => {
    const { limit } = limiter('{name: home, match: {routes: [GET /]}, limit: 1, window: 1m}');
    const ask = await start(express().get('/', limit, (_request, response) => void response.send('hello')));
    await ask('/');
    const response = await ask('/', { method: 'HEAD' });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(100);
    expect(await response.text()).toBe('');
  });

  it('skips what it is told to skip', async () => {
    const { limit, routes } = limiter(perClient, { skip: ({ path }) => path === '/health' });
    const app = express().use(limit, (request, response) => void response.json(request.tidegate));
    const response = await (await start(app))('/health');
    expect(await response.json()).toBeNull();
    expect(response.headers.has('ratelimit')).toBe(false);
    expect(routes).toEqual([]);
  });

  it.each([
    ['identify fails', { identify: () => Promise.reject(new Error('the session store is gone')) }, 'session store'],
    ['a cost makes no sense', { cost: () => -1 }, 'cost must be'],
    ['a callback fails with nothing', { identify: () => Promise.reject() }, 'no error'],
    ['it fails with what Express takes for a way on', { identify: () => Promise.reject('route') }, 'no error'],
  ])('hands an error to the next error handler when %s, and serves nothing', async (_, options, message) => {
    const { limit } = limiter(perClient, options);
    const app = express().get('/', limit, (_request, response) => void response.send('served'));
    const response = await (await start(app))('/');
    expect(response.status).toBe(500);
    expect(await response.text()).toContain(message);
  });

  it('takes back what an earlier middleware said of the answer that is not given', async () => {
    const { limit } = limiter('{name: one, limit: 1, window: 1m}');
    const app = express().use((_request, response, next) => {
      response.set({ 'content-encoding': 'identity', 'cache-control': 'public, max-age=60', 'x-request-id': '7' });
      next();
    });
    const ask = await start(app.use(limit, (_request, response) => void response.send('served')));
    await ask('/');
    const { status, headers } = await ask('/');
    expect([status, headers.get('content-encoding'), headers.get('cache-control')]).toEqual([429, null, 'no-store']);
    expect(headers.get('x-request-id')).toBe('7');
  });

  it('leaves a response to whoever began it, and lets nothing pass for that', async () => {
    const { limit, routes } = limiter('{name: one, limit: 1, window: 1m}');
    const served = vi.fn();
    const app = express().use((_request, response, next) => {
      response.status(202).send('answered early');
      next();
    });
    const ask = await start(app.use(limit, served));
    for (let n = 0; n < 2; n += 1) expect((await ask('/')).status).toBe(202);
    await expect.poll(() => routes).toHaveLength(2);
    expect(served).toHaveBeenCalledTimes(1);
  });

  it('counts a client that hung up by its address, and does not stumble over the answer', async () => {
    let hangUp = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      hangUp = resolve;
    });
    const { limit, routes } = limiter('{name: one, limit: 1, window: 1m}', { identify: () => gone.then(() => ({})) });
    const outcomes: boolean[] = [];
    const port = await listen(async (request, response) => {
      response.once('close', hangUp);
      outcomes.push(await limit(request as Request, response));
    });
    for (let n = 0; n < 2; n += 1) {
      const socket = connect(port, '127.0.0.1', () => socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n'));
      setTimeout(() => socket.destroy(), 50);
      await expect.poll(() => outcomes).toHaveLength(n + 1);
    }
    expect(outcomes).toEqual([true, false]);
    expect(routes).toEqual(['GET /slow ip:127.0.0.1', 'GET /slow ip:127.0.0.1']);
  });
});

describe('the same on plain node:http', () => {
  const serve = (limit: ReturnType<typeof tidegate>): RequestListener => {
    return async (request, response) => {
      if (await limit(request, response)) response.end(`served: ${decisionOn(request)?.outcome}`);
    };
  };

  it('says whether to serve, and has answered when not', async () => {
    const { gate } = recordingGate(perClient);
    const port = await listen(serve(tidegate({ gate, headers: { legacy: 'seconds-left' } })));
    const first = await fetchFrom(port, '/');
    expect([await first.text(), first.headers.get('x-ratelimit-reset')]).toEqual(['served: allowed', '1']);
    await fetchFrom(port, '/');
    const refused = await fetchFrom(port, '/');
    expect([refused.status, refused.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
  });

  it('rejects when a callback fails and there is no next to tell', async () => {
    const { gate } = recordingGate(perClient);
    const limit = tidegate({ gate, cost: () => 0.5 });
    const errors: unknown[] = [];
    const port = await listen((request, response) => {
      limit(request, response).catch((error: unknown) => {
        errors.push(error);
        response.writeHead(500).end();
      });
    });
    expect((await fetchFrom(port, '/')).status).toBe(500);
    expect(errors).toMatchObject([{ code: 'INPUT_INVALID' }]);
  });

  it('reads targets in absolute form as the path in them', async () => {
    const { gate, routes } = recordingGate('{name: login, match: {routes: [POST /login]}, limit: 1, window: 1h}');
    const port = await listen(serve(tidegate({ gate })));
    const login = (target: string) =>
      say(port, `POST ${target} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    expect(await login('/login')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await login('http://a.example:80/login?x')).toMatch(/^HTTP\/1\.1 429 /);
    expect(routes[1]).toBe('POST /login ip:127.0.0.1');
  });

  it('answers HTTP/1.0 with a length and ends the connection', async () => {
    const { gate } = recordingGate('{name: one, limit: 1, window: 1m}');
    const port = await listen(serve(tidegate({ gate })));
    await say(port, 'GET / HTTP/1.0\r\n\r\n');
    const [head = '', body = ''] = (await say(port, 'GET / HTTP/1.0\r\n\r\n')).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 429 /);
    expect(head).not.toContain('transfer-encoding');
    expect(head).toContain(`content-length: ${body.length}`);
    expect(JSON.parse(body)).toMatchObject({ status: 429 });
  });

  it('refuses to be made with options that trust anyone or that it does not know', () => {
    const { gate } = recordingGate(perClient);
    for (const options of [{ trustedProxies: true }, { trustedProxies: [1] }, { headers: { legacy: 'epoch' } }]) {
      expect(() => tidegate({ gate, ...(options as object) })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    }
  });
});
