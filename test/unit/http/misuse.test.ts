import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { createGate } from '../../../src/gate/gate.ts';
import { tidegate as limitExpress, type RequestLimiter } from '../../../src/http/express.ts';
import { tidegate as limitFastify, type TidegateFastifyOptions } from '../../../src/http/fastify.ts';
import { limitFetch } from '../../../src/http/fetch.ts';
import { MemoryLimitStore } from '../../../src/limiter/memory-limit-store.ts';
import type { MisuseCode } from '../../../src/misuse.ts';
import { definePolicies } from '../../../src/policy/static-source.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { type RecordingLogger, recordingLogger } from '../../support/recording-logger.ts';

const many = '{name: many, limit: 1000, window: 1h}';
const codesIn = ({ lines }: RecordingLogger) => lines.map(({ fields }) => (fields as { code?: MisuseCode }).code);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const fastifyWith = async (options: Partial<TidegateFastifyOptions> = {}) => {
  const app = fastify();
  closers.push(() => app.close());
  const logger = recordingLogger();
  await app.register(limitFastify, { gate: recordingGate(many).gate, logger, ...options });
  app.get('/', () => ({ ok: true }));
  return { app, logger };
};

describe('trusted proxies', () => {
  const made = (trustedProxies: string[]) => {
    const logger = recordingLogger();
    limitExpress({ gate: recordingGate(many).gate, logger, trustedProxies });
    return logger;
  };

  it.each(['0.0.0.0/0', '::/0', '203.0.113.9/0'])(
    'are refused at the start where they are everybody: %s',
    (everybody) => {
      expect(() => made(['10.0.0.0/8', everybody])).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          problems: [{ path: 'trustedProxies[1]', message: expect.stringContaining('trusts everybody') }],
        }),
      );
    },
  );

  it.each(['0.0.0.0/1', '203.0.0.0/8', '2000::/3', 'f000::/4'])(
    'are named where no proxies stand that wide: %s',
    (wide) => {
      const logger = made(['10.0.0.0/8', wide]);
      expect(codesIn(logger)).toEqual(['TIDEGATE_TRUSTS_TOO_MUCH']);
      expect(logger.lines[0]?.message).toContain(`Seen: ${wide}.`);
    },
  );

  it('are not named for private networks, nor for those of a CDN', () => {
    const usual = [
      '10.0.0.0/8',
      '127.0.0.1',
      'fc00::/7',
      '100.64.0.0/10',
      '104.16.0.0/13',
      '2400:cb00::/32',
      '10.0.0.0/9',
    ];
    expect(made(usual).lines).toEqual([]);
  });
});

describe('fields of a proxy', () => {
  const ask = async (
    headers: Record<string, string>,
    options: Partial<TidegateFastifyOptions> & { remoteAddress?: string } = {},
  ) => {
    const { remoteAddress = '10.1.2.3', ...rest } = options;
    const { app, logger } = await fastifyWith(rest);
    for (let n = 0; n < 2; n += 1) await app.inject({ url: '/', headers, remoteAddress });
    return codesIn(logger);
  };
  const forwardedFor = { 'x-forwarded-for': '203.0.113.9' };
  const forwarded = { forwarded: 'for=203.0.113.9' };

  it('are named, once, where they come from a neighbour and nobody is trusted', async () => {
    expect(await ask(forwardedFor)).toEqual(['TIDEGATE_PROXY_NOT_TRUSTED']);
    expect(await ask(forwardedFor, { remoteAddress: '::1' })).toEqual(['TIDEGATE_PROXY_NOT_TRUSTED']);
  });

  it('are nothing to speak of where the proxy is trusted, where anybody may have sent them, and where there are none', async () => {
    expect(await ask(forwardedFor, { trustedProxies: ['10.0.0.0/8'] })).toEqual([]);
    expect(await ask(forwardedFor, { remoteAddress: '198.51.100.7' })).toEqual([]);
    expect(await ask({})).toEqual([]);
  });

  it('are named where they are of the kind that is not read', async () => {
    expect(await ask(forwarded)).toEqual(['TIDEGATE_FORWARDED_IGNORED']);
    expect(await ask(forwarded, { trustedProxies: ['10.0.0.0/8'] })).toEqual(['TIDEGATE_FORWARDED_IGNORED']);
    expect(await ask({ ...forwarded, ...forwardedFor }, { trustedProxies: ['10.0.0.0/8'] })).toEqual([]);
    expect(await ask(forwarded, { remoteAddress: '198.51.100.7' })).toEqual([]);
  });
});

describe('what is made while a request is handled', () => {
  /** What is told when a server's handler makes something for each of two requests. */
  const served = async (make: (logger: RecordingLogger) => unknown) => {
    const logger = recordingLogger();
    const app = express().use((_request, response) => {
      make(logger);
      response.end();
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    for (let n = 0; n < 2; n += 1) await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.closeAllConnections();
    return logger.lines.map(({ fields, message }) => ({ ...fields, message }));
  };
  const seen = (what: string) => ({
    code: 'TIDEGATE_MADE_PER_REQUEST',
    message: expect.stringContaining(`Seen: ${what}.`),
  });

  it('is named where it is a gate, or a middleware', async () => {
    expect(await served((logger) => recordingGate(many, { logger }))).toEqual([seen('a gate')]);
    const { gate } = recordingGate(many);
    expect(await served((logger) => limitExpress({ gate, logger }))).toEqual([seen('a middleware')]);
  });

  it('is nothing to speak of where it was made before', async () => {
    const logger = recordingLogger();
    const limit: RequestLimiter = limitExpress({ gate: recordingGate(many, { logger }).gate, logger });
    const server = createServer((request, response) => void limit(request, response).then(() => response.end()));
    server.listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.closeAllConnections();
    expect(logger.lines).toEqual([]);
  });
});

describe('gates that are left open', () => {
  const gateOn = (options: { logger: RecordingLogger; clock?: ManualClock }) =>
    createGate({
      policies: definePolicies([{ name: 'p', limit: 1, window: '1h' }]),
      store: new MemoryLimitStore(),
      ...options,
    });

  it('are named once they are more than any set-up needs, and not where they are closed or on a clock of their own', async () => {
    const logger = recordingLogger();
    for (let n = 0; n < 100; n += 1) await gateOn({ logger }).close();
    for (let n = 0; n < 100; n += 1) gateOn({ logger, clock: new ManualClock() });
    const open = Array.from({ length: 64 }, () => gateOn({ logger }));
    expect(logger.lines).toEqual([]);
    open.push(gateOn({ logger }), gateOn({ logger }));
    expect(codesIn(logger)).toEqual(['TIDEGATE_MANY_GATES']);
    for (const gate of open) {
      await gate.close();
      await gate.close();
    }
    const later = recordingLogger();
    await gateOn({ logger: later }).close();
    expect(later.lines).toEqual([]);
  });
});

describe('a request that is decided on twice', () => {
  const twice: MisuseCode = 'TIDEGATE_COUNTED_TWICE';

  it.each([
    ['neither middleware says that it is meant', undefined, undefined, [twice]],
    ['only the first says so', true, undefined, [twice]],
    ['only the second says so', undefined, true, [twice]],
    ['both say so', true, true, []],
  ])('is named where %s', async (...[, first, second, codes]) => {
    const logger = recordingLogger();
    const [one, two] = [first, second].map((layered) =>
      limitExpress({ gate: recordingGate(many).gate, logger, ...(layered === undefined ? {} : { layered }) }),
    );
    const server = createServer(async (request, response) => {
      await one?.(request, response);
      await two?.(request, response);
      response.end();
    }).listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    for (let n = 0; n < 2; n += 1) await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.closeAllConnections();
    expect(codesIn(logger)).toEqual(codes);
  });

  it('is named on Fastify and through the fetch API as well, and not for another request of the same client', async () => {
    const { app, logger } = await fastifyWith();
    for (let n = 0; n < 2; n += 1) await app.inject('/');
    expect(logger.lines).toEqual([]);
    const doubled = fastify();
    closers.push(() => doubled.close());
    const registered = recordingLogger();
    for (let n = 0; n < 2; n += 1) {
      await doubled.register(limitFastify, { gate: recordingGate(many).gate, logger: registered });
    }
    await doubled.inject('/');
    expect(codesIn(registered)).toEqual([twice]);
    const limit = limitFetch({ gate: recordingGate(many).gate, logger, address: () => null });
    const request = new Request('http://api.example/');
    await limit(request);
    expect(logger.lines).toEqual([]);
    await limit(request);
    expect(codesIn(logger)).toEqual([twice]);
  });

  it('is an error where misuse is one, so that a test finds it', async () => {
    const limit = limitFetch({ gate: recordingGate(many).gate, onMisuse: 'throw', address: () => null });
    const request = new Request('http://api.example/');
    await limit(request);
    await expect(limit(request)).rejects.toMatchObject({ code: 'MISUSED', message: expect.stringContaining(twice) });
  });
});

describe('an identity', () => {
  const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl';
  const told = async (identity: Record<string, string>, headers: Record<string, string>) => {
    const { app, logger } = await fastifyWith({ identify: () => identity });
    for (let n = 0; n < 2; n += 1) await app.inject({ url: '/', headers });
    return logger.lines.map(({ fields, message }) => ({ ...fields, message }));
  };

  it.each([
    ['a bearer token', { user: 'abcdefghijklmnop-secret' }, { authorization: 'Bearer abcdefghijklmnop-secret' }],
    ['an API key', { user: 'sk_live_0123456789abcdef' }, { 'x-api-key': 'sk_live_0123456789abcdef' }],
    ['a session cookie', { user: '0123456789abcdef0123' }, { cookie: 'theme=dark; sid=0123456789abcdef0123' }],
    ['a token that came elsewhere', { user: token }, {}],
    ['a key as its tenant', { tenant: 'sk_live_0123456789abcdef' }, { 'x-api-key': 'sk_live_0123456789abcdef' }],
  ])('is named where it is %s as it came, without saying the secret', async (_, identity, headers) => {
    const lines = await told(identity as Record<string, string>, headers as Record<string, string>);
    expect(lines).toMatchObject([{ code: 'TIDEGATE_RAW_SECRET' }]);
    for (const secret of Object.values(identity)) expect(lines[0]?.message).not.toContain(secret);
  });

  it.each([
    ['a key given as key', { key: 'sk_live_0123456789abcdef' }, { 'x-api-key': 'sk_live_0123456789abcdef' }],
    ['the id of a user', { user: '5f2c1a34-7c1e-4be0-9c6a-1f0d9b1f7a11' }, { authorization: `Bearer ${token}` }],
    ['a short name that a field has, too', { user: 'ann' }, { 'x-api-key': 'ann' }],
  ])('is nothing to speak of where it is %s', async (_, identity, headers) => {
    expect(await told(identity as Record<string, string>, headers)).toEqual([]);
  });
});
