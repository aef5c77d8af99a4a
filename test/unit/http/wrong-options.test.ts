import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { type TidegateExpressOptions, tidegate } from '../../../src/http/express.ts';
import { tidegate as fastifyPlugin } from '../../../src/http/fastify.ts';
import { type LimitFetchOptions, limitFetch } from '../../../src/http/fetch.ts';
import { recordingGate } from '../../support/recording-gate.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const { gate } = recordingGate('{name: many, limit: 1000, window: 1h}');
/** As code without types writes it. */
const made = (options: unknown) => () => tidegate(options as TidegateExpressOptions);
const refusal = (path: string, message: string) =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(message),
    problems: expect.arrayContaining([{ path, message: expect.stringContaining(message) }]),
  });

describe('options that code without types gets wrong', () => {
  it.each<[title: string, options: unknown, ...told: [path: string, message: string]]>([
    ['no options', undefined, 'options', 'must be an object'],
    ['no gate', {}, 'gate', 'must be the gate that createGate() gave'],
    ['a gate that is none', { gate: {} }, 'gate', 'must be the gate'],
    ['a gate that is still awaited', { gate: Promise.resolve(gate) }, 'gate', 'is a promise: await it'],
    ['a number as cost', { gate, cost: 2 }, 'cost', 'must be a function'],
    ['paths to skip', { gate, skip: ['/health'] }, 'skip', 'must be a function'],
    ['a name as identity', { gate, identify: 'user' }, 'identify', 'must be a function'],
    ['refunds without saying when', { gate, refundWhen: true }, 'refundWhen', 'must be a function'],
    ['headers that are switched off', { gate, headers: false }, 'headers', 'must be an object'],
    [
      'a status for blocked clients that says something else',
      { gate, blockStatus: 404 },
      'blockStatus',
      'must be one of 429, 403',
    ],
    ['the same as text', { gate, blockStatus: '403' }, 'blockStatus', 'must be one of 429, 403'],
    ['a word for layered', { gate, layered: 'yes' }, 'layered', 'must be true or false'],
    ['the template itself', { gate, route: '/orders/:id' }, 'route', 'must be a function'],
  ])('are refused at the start, by name: %s', (_, options, ...told) => {
    expect(made(options)).toThrow(refusal(...told));
  });

  it('are found before a request hangs: the maker is no middleware', () => {
    expect(made({ method: 'GET', url: '/', headers: {} })).toThrow(refusal('gate', 'app.use(tidegate({ gate }))'));
  });

  it('are refused for hosts of the fetch API, which have to say the address', () => {
    const options = { gate } as unknown as LimitFetchOptions;
    expect(() => limitFetch(options)).toThrow(refusal('address', 'must be a function'));
  });

  it('make Fastify refuse the plugin', async () => {
    const register = async () => await fastify().register(fastifyPlugin, {} as never);
    await expect(register()).rejects.toEqual(refusal('gate', 'must be the gate'));
  });
});

describe('a callback that answers later', () => {
  const later = async () => false;

  it('lets nothing pass as skipped', async () => {
    const limit = limitFetch({ gate, address: () => '192.0.2.1', skip: later as never });
    await expect(limit(new Request('http://shop.example/'))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('skip() gave a promise'),
    });
  });

  it('lets no route of Fastify pass as skipped', async () => {
    const app = fastify();
    await app.register(fastifyPlugin, { gate });
    app.get('/', { config: { tidegate: { skip: later as never } } }, () => 'served');
    expect((await app.inject('/')).statusCode).toBe(500);
  });

  it('gives no units back, and is told of', async () => {
    const { gate: small } = recordingGate('{name: few, limit: 1, window: 1h}');
    const logger = recordingLogger();
    const limit = limitFetch({ gate: small, logger, address: () => '192.0.2.1', refundWhen: later as never });
    const serve = limit.handler(() => new Response('served'));
    const answers = [
      await serve(new Request('http://shop.example/')),
      await serve(new Request('http://shop.example/')),
    ];
    await answers[0]?.text();
    expect(answers.map(({ status }) => status)).toEqual([200, 429]);
    expect((await serve(new Request('http://shop.example/'))).status).toBe(429);
    expect(logger.lines.map(({ message }) => message)).toEqual([expect.stringContaining('nothing was given back')]);
  });
});

describe('the message of a refusal', () => {
  it.each<[unknown, string]>([
    [{ gate, trustedProxies: true }, 'trustedProxies[0] must be an address or a CIDR'],
    [{ gate, headers: { legacy: true } }, 'headers.legacy must be one of none'],
    [{ gate, onMisuse: 'error' }, 'onMisuse must be one of warn'],
  ])('names the problem itself, for whoever logs no more: %o', (options, message) => {
    expect(made(options)).toThrow(message);
  });
});

describe('what identify() gives', () => {
  const limitBy = (vouched: unknown, logger = recordingLogger()) => {
    const limit = limitFetch({
      gate,
      logger,
      address: () => '192.0.2.1',
      identify: () => vouched as { user?: string },
    });
    return limit(new Request('http://shop.example/orders'));
  };

  it.each([null, undefined, {}])('is nobody where it is %j', async (nobody) => {
    const { decision } = await limitBy(nobody);
    expect(decision?.client).toEqual({ kind: 'ip', id: '192.0.2.1' });
  });

  it.each<[string, unknown, string]>([
    ['a number', { user: 42 }, 'identify() gave a number as `user`'],
    ['an object', { key: { id: 1 } }, 'identify() gave an object as `key`'],
    ['null', { tenant: null }, 'identify() gave null as `tenant`'],
    ['the name alone', 'ann', 'identify() gave a string'],
  ])('is refused with its name where it is no text: %s', async (_, vouched, message) => {
    await expect(limitBy(vouched)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('is told of where nothing in it names anybody: such a client is limited by address', async () => {
    const logger = recordingLogger();
    await limitBy({ userId: 'ann' }, logger);
    expect(logger.lines.map(({ fields, message }) => [fields, message])).toEqual([
      [{ code: 'TIDEGATE_IDENTITY_UNREAD' }, expect.stringContaining('Seen: userId.')],
    ]);
  });
});
