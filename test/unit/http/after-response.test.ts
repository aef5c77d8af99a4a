import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import type { Gate } from '../../../src/gate/gate.ts';
import type { RefundWhen } from '../../../src/http/after-response.ts';
import { tidegate as limitExpress } from '../../../src/http/express.ts';
import { tidegate as limitFastify } from '../../../src/http/fastify.ts';
import { limitFetch } from '../../../src/http/fetch.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const inFlight = '{name: in-flight, algorithm: concurrency, limit: 1, window: 1m}';
const logins = '{name: logins, limit: 1, window: 1h}';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A request that the handler has begun to serve. */
interface Served {
  /** Ends the response. */
  finish(): void;
}

interface Host {
  readonly port: number;
  readonly served: readonly Served[];
}

interface HostOptions {
  readonly gate: Gate;
  readonly refundWhen?: RefundWhen;
  /** What the handler answers with. */
  readonly status?: number;
  readonly logger?: ReturnType<typeof recordingLogger>;
  readonly clock?: Clock;
}

const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

/** Begins to answer, and waits to be told to finish. */
const hosts: Record<string, (options: HostOptions) => Promise<Host>> = {
  Fastify: async ({ status = 200, ...options }) => {
    const served: Served[] = [];
    const app = fastify({ forceCloseConnections: true });
    closers.push(() => app.close());
    await app.register(limitFastify, options);
    app.get('/', (_request, reply) => {
      served.push({ finish: () => void reply.code(status).send('done') });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: (app.server.address() as AddressInfo).port, served };
  },
  Express: async ({ status = 200, ...options }) => {
    const served: Served[] = [];
    const app = express().use(limitExpress(options), (_request, response) => {
      served.push({ finish: () => void response.status(status).send('done') });
    });
    return { port: await listening(createServer(app)), served };
  },
  'node:http': async ({ status = 200, ...options }) => {
    const served: Served[] = [];
    const limit = limitExpress(options);
    const server = createServer(async (request, response) => {
      if (await limit(request, response)) served.push({ finish: () => response.writeHead(status).end('done') });
    });
    return { port: await listening(server), served };
  },
};

const ask = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).status;

describe.each(Object.entries(hosts))('on %s', (_, start) => {
  it('a place is held until the response has been sent, and by no refused request', async () => {
    const { gate } = recordingGate(inFlight);
    const { port, served } = await start({ gate });
    for (let n = 1; n <= 2; n += 1) {
      const first = ask(port);
      await expect.poll(() => served).toHaveLength(n);
      expect([await ask(port), await ask(port)]).toEqual([429, 429]);
      served.at(-1)?.finish();
      expect(await first).toBe(200);
    }
  });

  it('a place is given back when the connection goes before the response is sent', async () => {
    const { gate } = recordingGate(inFlight);
    const release = vi.spyOn(gate, 'release');
    const { port, served } = await start({ gate });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
    await expect.poll(() => served).toHaveLength(1);
    expect(await ask(port)).toBe(429);
    socket.destroy();
    await expect.poll(() => release.mock.calls).toHaveLength(2);
    const next = ask(port);
    await expect.poll(() => served).toHaveLength(2);
    served[1]?.finish();
    expect(await next).toBe(200);
  });

  it('a place is released exactly once', async () => {
    const { gate } = recordingGate(inFlight);
    const release = vi.spyOn(gate, 'release');
    const { port, served } = await start({ gate });
    const first = ask(port);
    await expect.poll(() => served).toHaveLength(1);
    served[0]?.finish();
    await first;
    await expect.poll(() => release.mock.calls).toHaveLength(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('units come back where the response says so, and only then', async () => {
    const { gate } = recordingGate(logins);
    const refundWhen: RefundWhen = ({ status }) => status < 400;
    const good = await start({ gate, refundWhen });
    for (let n = 1; n <= 3; n += 1) {
      const answer = ask(good.port);
      await expect.poll(() => good.served).toHaveLength(n);
      good.served.at(-1)?.finish();
      expect(await answer).toBe(200);
    }
    const bad = await start({ gate, refundWhen, status: 401 });
    const failed = ask(bad.port);
    await expect.poll(() => bad.served).toHaveLength(1);
    bad.served[0]?.finish();
    expect([await failed, await ask(bad.port)]).toEqual([401, 429]);
  });

  it('units stay spent when the connection goes, and when the callback fails, which is logged', async () => {
    const { gate } = recordingGate('{name: logins, limit: 2, window: 1h}');
    const logger = recordingLogger();
    const refundWhen = vi.fn((): boolean => {
      throw new Error('no such table');
    });
    const { port, served } = await start({ gate, refundWhen, logger });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
    await expect.poll(() => served).toHaveLength(1);
    socket.destroy();
    const second = ask(port);
    await expect.poll(() => served).toHaveLength(2);
    served[1]?.finish();
    expect([await second, await ask(port)]).toEqual([200, 429]);
    expect(refundWhen).toHaveBeenCalledTimes(1);
    expect(logger.lines).toMatchObject([
      { level: 'error', message: expect.stringContaining('nothing was given back') },
    ]);
  });

  it('a request that has to queue is held for as long as the bucket says, and then served', async () => {
    const { gate, clock } = recordingGate('{name: queue, algorithm: leaky-bucket, limit: 1, window: 1s, burst: 3}');
    const { port, served } = await start({ gate, clock });
    const answers = [ask(port)];
    await expect.poll(() => served).toHaveLength(1);
    answers.push(ask(port));
    await expect.poll(() => gate.stats().allowed).toBe(2);
    clock.advance(999);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(served).toHaveLength(1);
    clock.advance(1);
    await expect.poll(() => served).toHaveLength(2);
    for (const { finish } of served) finish();
    expect(await Promise.all(answers)).toEqual([200, 200]);
  });

  it('a held request is not served when its client goes meanwhile, and its place is given back', async () => {
    const queue = '{name: queue, algorithm: leaky-bucket, limit: 1, window: 1s, burst: 3}';
    const places = '{name: places, algorithm: concurrency, limit: 2, window: 1h}';
    const { gate, clock } = recordingGate(`${queue}, ${places}`);
    const release = vi.spyOn(gate, 'release');
    const { port, served } = await start({ gate, clock });
    const first = ask(port);
    await expect.poll(() => served).toHaveLength(1);
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
    await expect.poll(() => gate.stats().allowed).toBe(2);
    socket.destroy();
    await expect.poll(() => release.mock.calls).toHaveLength(1);
    clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(served).toHaveLength(1);
    served[0]?.finish();
    expect(await first).toBe(200);
  });
});

describe('on HTTP/2', () => {
  it('a place is held until the response of its stream has been sent, or the stream is gone', async () => {
    const { gate } = recordingGate(inFlight);
    const release = vi.spyOn(gate, 'release');
    const app = fastify({ http2: true });
    closers.push(() => app.close());
    await app.register(limitFastify, { gate });
    const served: Served[] = [];
    app.get('/', (_request, reply) => {
      served.push({ finish: () => void reply.send('done') });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const session = http2.connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
    // First: the server waits for its sessions.
    closers.unshift(() => session.destroy());
    const begin = () => {
      const stream = session.request({ ':path': '/' }).resume();
      const status = once(stream, 'response').then(([headers]) => (headers as { ':status': number })[':status']);
      return { stream, status };
    };
    const first = begin();
    await expect.poll(() => served).toHaveLength(1);
    expect(await begin().status).toBe(429);
    served[0]?.finish();
    expect(await first.status).toBe(200);
    await expect.poll(() => release.mock.calls).toHaveLength(2);
    const second = begin();
    second.status.catch(() => undefined);
    await expect.poll(() => served).toHaveLength(2);
    second.stream.close(http2.constants.NGHTTP2_CANCEL);
    await expect.poll(() => release.mock.calls).toHaveLength(3);
    const third = begin();
    await expect.poll(() => served).toHaveLength(3);
    served[2]?.finish();
    expect(await third.status).toBe(200);
  });
});

describe('through the fetch API', () => {
  const limiter = (policies: string, options: { refundWhen?: RefundWhen } = {}) => {
    const { gate, clock } = recordingGate(policies);
    return { gate, clock, limit: limitFetch({ gate, clock, address: () => '203.0.113.9', ...options }) };
  };
  const get = (init?: RequestInit) => new Request('http://api.example/', init);
  const parts = (...texts: string[]) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });

  it('a place is held until the body has been read to its end, byte for byte', async () => {
    const { limit } = limiter(inFlight);
    const serve = limit.handler(
      () => new Response(parts('one, ', 'two'), { status: 203, statusText: 'Told', headers: { 'x-a': 'b' } }),
    );
    const response = await serve(get());
    expect((await serve(get())).status).toBe(429);
    expect([response.status, response.statusText, response.headers.get('x-a')]).toEqual([203, 'Told', 'b']);
    expect(await response.text()).toBe('one, two');
    expect((await serve(get())).status).toBe(203);
  });

  it('a place is given back when the body is cancelled, and its source is told', async () => {
    const { limit } = limiter(inFlight);
    const cancel = vi.fn();
    const serve = limit.handler(() => new Response(new ReadableStream({ cancel })));
    await (await serve(get())).body?.cancel('bored');
    expect(cancel).toHaveBeenCalledWith('bored');
    expect((await serve(get())).status).toBe(200);
  });

  it('a place is given back when the body breaks, and the reader hears of it', async () => {
    const { limit } = limiter(inFlight);
    const broken = new ReadableStream({ pull: () => Promise.reject(new Error('the file is gone')) });
    const serve = limit.handler(() => new Response(broken));
    await expect((await serve(get())).text()).rejects.toThrow('the file is gone');
    expect((await limit(get())).refusal).toBeNull();
  });

  it.each([
    ['there is no body', { method: 'GET' }, () => new Response(null, { status: 204 })],
    ['nobody reads it', { method: 'HEAD' }, () => new Response('as for GET')],
  ])('a place is given back at once where %s', async (_, init, handler) => {
    const { limit } = limiter(inFlight);
    const serve = limit.handler(handler);
    for (let n = 0; n < 3; n += 1) expect((await serve(get(init))).ok).toBe(true);
  });

  it('a place is given back when the handler fails', async () => {
    const { limit } = limiter(inFlight);
    const serve = limit.handler(() => Promise.reject(new Error('no database')));
    for (let n = 0; n < 2; n += 1) await expect(serve(get())).rejects.toThrow('no database');
  });

  it('without the handler, conclude does the same, and leaves other responses as they are', async () => {
    const { limit } = limiter(inFlight);
    const { conclude } = await limit(get());
    expect((await limit(get())).refusal?.status).toBe(429);
    expect(await conclude(new Response('done')).text()).toBe('done');
    expect((await limit(get())).refusal).toBeNull();
    const plain = limiter(logins);
    const response = new Response('done');
    expect((await plain.limit(get())).conclude(response)).toBe(response);
  });

  it('Hono hands its response over, so that it is known when that has been read', async () => {
    const { limit } = limiter(inFlight);
    const app = new Hono().use(async (context, next) => {
      const { refusal, conclude } = await limit(context.req.raw);
      if (refusal) return refusal;
      await next();
      context.res = conclude(context.res);
      return undefined;
    });
    app.get('/', (context) => context.text('done', 200, { 'x-a': 'b' }));
    const response = await app.request('/');
    expect((await app.request('/')).status).toBe(429);
    expect([await response.text(), response.headers.get('x-a')]).toEqual(['done', 'b']);
    const next = await app.request('/');
    expect([next.status, await next.text()]).toEqual([200, 'done']);
  });

  it('units come back where the response says so and has been read', async () => {
    const { limit } = limiter(logins, { refundWhen: ({ status }) => status === 200 });
    const serve = limit.handler(() => new Response('welcome'));
    await (await serve(get())).text();
    const unread = await serve(get());
    expect((await serve(get())).status).toBe(429);
    await unread.body?.cancel();
    expect((await serve(get())).status).toBe(429);
  });

  it('a request that has to queue is held, and rejects with the reason of its signal when the client goes', async () => {
    const { limit, clock, gate } = limiter('{name: queue, algorithm: leaky-bucket, limit: 1, window: 1s, burst: 3}');
    const served = vi.fn(() => new Response('done'));
    const serve = limit.handler(served);
    await serve(get());
    const client = new AbortController();
    const [held, gone] = [serve(get()), serve(get({ signal: client.signal }))];
    await expect.poll(() => gate.stats().allowed).toBe(3);
    client.abort(new Error('closed the tab'));
    await expect(gone).rejects.toThrow('closed the tab');
    expect(served).toHaveBeenCalledTimes(1);
    clock.advance(1000);
    expect((await held).status).toBe(200);
    clock.advance(5000);
    expect(served).toHaveBeenCalledTimes(2);
  });
});
