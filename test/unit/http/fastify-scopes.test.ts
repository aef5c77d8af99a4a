import fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { GateOptions } from '../../../src/gate/gate.ts';
import { type TidegateFastifyOptions, type TidegateHook, tidegate } from '../../../src/http/fastify.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const once = '{name: once, scope: [client], limit: 1, window: 1h}';
const ok = () => ({ ok: true });

/** A scope of its own, with its routes. */
const scope = (build: (app: FastifyInstance) => unknown): FastifyPluginAsync => {
  const plugin: FastifyPluginAsync = async (app) => {
    await build(app);
  };
  return plugin;
};

let app: FastifyInstance;
afterEach(() => app.close());

const optionsFor = (
  policies: string,
  options: Partial<TidegateFastifyOptions> = {},
  gate: Partial<GateOptions> = {},
) => {
  const recording = recordingGate(policies, gate);
  return { ...recording, options: { gate: recording.gate, ...options } };
};

const statusesOf = async (...urls: string[]): Promise<number[]> => {
  const statuses: number[] = [];
  for (const url of urls) statuses.push((await app.inject(url)).statusCode);
  return statuses;
};

describe('registered in a scope, the Fastify plugin', () => {
  it('decides on all that the scope and those within it serve, and on nothing else', async () => {
    const { options, routes } = optionsFor(once);
    app = fastify();
    app.get('/before', ok);
    const inner = scope((deep) => deep.get('/inner', ok));
    await app.register(
      scope(async (limited) => {
        await limited.register(tidegate, options);
        limited.get('/orders', ok);
        await limited.register(inner, { prefix: '/deep' });
      }),
    );
    await app.register(scope((sibling) => sibling.get('/health', ok)));
    app.get('/after', ok);
    expect(await statusesOf('/orders', '/before', '/after', '/health', '/nowhere')).toEqual([200, 200, 200, 200, 404]);
    expect(await statusesOf('/orders', '/deep/inner')).toEqual([429, 429]);
    expect(routes.map((route) => route.split(' ')[1])).toEqual(['/orders', '/orders', '/deep/inner']);
  });

  it('decides at the root on every route, before and after it, and on unmatched paths', async () => {
    const { options, routes } = optionsFor('{name: many, limit: 100, window: 1h}');
    app = fastify();
    app.get('/before', ok);
    await app.register(tidegate, options);
    await app.register(scope((orders) => orders.get('/orders', ok)));
    expect(await statusesOf('/before', '/orders', '/nowhere')).toEqual([200, 200, 404]);
    expect(routes).toHaveLength(3);
  });

  it('works in two scopes with a gate each, and leaves the decision of the inner one', async () => {
    const outer = optionsFor('{name: all, limit: 100, window: 1h}', { layered: true });
    const inner = optionsFor(once, { layered: true });
    app = fastify();
    await app.register(tidegate, outer.options);
    await app.register(
      scope(async (limited) => {
        await limited.register(tidegate, inner.options);
        limited.get('/orders', ({ tidegate: decision }) => decision?.limits.map(({ policy }) => policy));
      }),
    );
    expect((await app.inject('/orders')).json()).toEqual(['once']);
    expect([outer.routes, inner.routes].map(({ length }) => length)).toEqual([1, 1]);
    expect(await statusesOf('/orders')).toEqual([429]);
  });
});

describe('the options of a route', () => {
  const start = async (config: Record<string, unknown>, options: Partial<TidegateFastifyOptions> = {}) => {
    const made = optionsFor('{name: ten, limit: 10, window: 1h}', options);
    app = fastify();
    await app.register(tidegate, made.options);
    app.get('/route', { config: { tidegate: config as never } }, ok);
    app.get('/other', ok);
    return made;
  };
  const remaining = async (url: string) => (await app.inject(url)).headers['ratelimit'];

  it('skip it where they are false', async () => {
    await start(false as never);
    expect([await remaining('/route'), await remaining('/other')]).toEqual([undefined, '"ten";r=9;t=360']);
  });

  it('are typed, so that a wrong one does not compile', async () => {
    await start({});
    const withCost = { config: { tidegate: { cost: 2, skip: ({ method }: FastifyRequest) => method === 'HEAD' } } };
    app.get('/typed', withCost, ok);
    // @ts-expect-error no cost is a text
    expect(() => app.get('/untyped', { config: { tidegate: { cost: 'two' } } }, ok)).toThrow('/untyped');
    expect(await remaining('/typed')).toBe('"ten";r=8;t=360');
  });

  it('say what it costs, over what the plugin says', async () => {
    await start({ cost: 4 }, { cost: () => 2 });
    expect(await remaining('/route')).toBe('"ten";r=6;t=360');
    expect(await remaining('/other')).toBe('"ten";r=4;t=360');
  });

  it('say it for each request, and leave the rest to the plugin', async () => {
    await start({ cost: ({ query }: FastifyRequest) => (query as { n?: string }).n && 5 }, { cost: () => 2 });
    expect(await remaining('/route?n=5')).toBe('"ten";r=5;t=360');
    expect(await remaining('/route')).toBe('"ten";r=3;t=360');
  });

  it('skip some of its requests, beside what the plugin skips', async () => {
    const { routes } = await start(
      { skip: ({ headers }: FastifyRequest) => headers['x-probe'] === 'yes' },
      { skip: ({ method }) => method === 'OPTIONS' },
    );
    await app.inject({ url: '/route', headers: { 'x-probe': 'yes' } });
    await app.inject({ url: '/route', method: 'OPTIONS' });
    expect(routes).toEqual([]);
    await app.inject('/route');
    expect(routes).toHaveLength(1);
  });

  it('give back its units, over what the plugin says', async () => {
    await start({ refundWhen: ({ status }: { status: number }) => status === 200 }, { refundWhen: () => false });
    expect(await remaining('/route')).toBe('"ten";r=9;t=360');
    expect(await remaining('/other')).toBe('"ten";r=9;t=360');
    expect(await remaining('/other')).toBe('"ten";r=8;t=360');
  });

  it.each([
    [{ cost: -1 }, '/bad: config.tidegate.cost'],
    [{ cost: 1.5 }, '/bad: config.tidegate.cost'],
    [{ skip: 'yes' }, '/bad: config.tidegate.skip'],
    [{ refundWhen: 200 }, '/bad: config.tidegate.refundWhen'],
    [{ costs: 1 }, '/bad: config.tidegate.costs'],
    [true, '/bad: config.tidegate'],
  ])('are refused when the route is made: %o', async (config, path) => {
    await start({});
    expect(() => app.get('/bad', { config: { tidegate: config as never } }, ok)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', problems: [expect.objectContaining({ path })] }),
    );
  });
});

describe('the hook', () => {
  const start = async (hook: TidegateHook | undefined) => {
    const { options, routes } = optionsFor(once, {
      ...(hook ? { hook } : {}),
      identify: (request) => ({ user: String(request.headers['x-session-of'] ?? '') }),
    });
    app = fastify();
    const seen: string[] = [];
    for (const name of ['onRequest', 'preParsing', 'preHandler'] as const) {
      app.addHook(name, async (request: FastifyRequest) => void seen.push(request.tidegate ? `${name} after` : name));
    }
    await app.register(tidegate, options);
    app.addHook('onRequest', async ({ headers }) => {
      headers['x-session-of'] = 'ann';
    });
    app.post('/orders', ok);
    return { routes, seen };
  };
  const post = () => app.inject({ method: 'POST', url: '/orders', payload: { a: 1 } });

  it('onRequest is the default, before anything else was found out', async () => {
    const { routes, seen } = await start(undefined);
    await post();
    expect(routes).toEqual(['POST /orders ip:127.0.0.1']);
    expect(seen).toEqual(['onRequest', 'preParsing after', 'preHandler after']);
  });

  it.each([
    ['preParsing', ['onRequest', 'preParsing', 'preHandler after']],
    ['preHandler', ['onRequest', 'preParsing', 'preHandler']],
  ] as const)(
    '%s comes after what other plugins find out in earlier hooks, and refuses as well',
    async (hook, hooks) => {
      const { routes, seen } = await start(hook);
      expect([(await post()).statusCode, (await post()).statusCode]).toEqual([200, 429]);
      expect(routes[0]).toBe('POST /orders user:ann');
      expect(seen.slice(0, 3)).toEqual(hooks);
    },
  );

  it('is one of three', async () => {
    const { options } = optionsFor(once, { hook: 'onSend' as TidegateHook });
    app = fastify();
    await expect(app.register(tidegate, options)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      problems: [{ path: 'hook' }],
    });
  });
});

describe('a request that cannot be decided on', () => {
  it.each([
    ['identify rejects with an error', () => Promise.reject(new Error('no sessions')), 'no sessions'],
    ['identify rejects with nothing', () => Promise.reject(), 'no error'],
  ])('is answered with 500 and not served: %s', async (_, identify, message) => {
    const { options } = optionsFor(once, { identify, logger: recordingLogger() });
    app = fastify();
    await app.register(tidegate, options);
    app.get('/', ok);
    const response = await app.inject('/');
    expect(response.statusCode).toBe(500);
    expect(response.json().message).toContain(message);
  });
});
