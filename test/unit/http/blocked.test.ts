import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import type { GateOptions } from '../../../src/gate/gate.ts';
import { tidegate } from '../../../src/http/express.ts';
import { tidegate as plugin } from '../../../src/http/fastify.ts';
import { type LimitFetchOptions, limitFetch } from '../../../src/http/fetch.ts';
import { entryFor, FakeLookup } from '../../support/fake-lookup.ts';
import { recordingGate } from '../../support/recording-gate.ts';

const type = 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected';
const perClient = '{name: per-client, limit: 60, window: 1m}';
const ip = '203.0.113.9';
/** Where a ManualClock starts. */
const nowMs = 1_750_000_000_000;

const blockedGate = (change: Parameters<typeof entryFor>[1] = {}, options: Partial<GateOptions> = {}) => {
  const everybody = { find: () => entryFor(`ip:${ip}`, { expiresAtMs: nowMs + 90_000, ...change }) };
  return recordingGate(perClient, { blockList: everybody, ...options }).gate;
};

const answerOf = async (options: Partial<LimitFetchOptions>) => {
  const limit = limitFetch({ gate: blockedGate(), random: () => 0, address: () => ip, ...options });
  const { refusal } = await limit(new Request('http://shop.example/'));
  const problem = (await refusal?.json()) as object;
  return { status: refusal?.status, headers: Object.fromEntries(refusal?.headers ?? []), problem };
};

describe('the answer to a blocked client', () => {
  it('is 429 by default, with the block to quote and nothing of any limit', async () => {
    expect(await answerOf({ headers: { legacy: 'seconds-left' } })).toEqual({
      status: 429,
      headers: {
        'retry-after': '90',
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
      },
      problem: {
        type,
        title: expect.any(String),
        status: 429,
        detail: expect.stringContaining('block list'),
        block: 'b1',
      },
    });
  });

  it('is 403 where the host says so, and differs in nothing else', async () => {
    const [usual, forbidden] = [await answerOf({}), await answerOf({ blockStatus: 403 })];
    expect(forbidden.status).toBe(403);
    expect(forbidden.headers).toEqual(usual.headers);
    expect(forbidden.problem).toEqual({ ...usual.problem, status: 403 });
  });

  it('names a wait up to a tenth longer than the block, so that clients do not return in one wave', async () => {
    const waits = await Promise.all(
      [0, 0.5, 0.999].map(async (lot) => (await answerOf({ random: () => lot })).headers['retry-after']),
    );
    expect(waits).toEqual(['90', '95', '99']);
  });

  it('leaves denials at 429: they are of a limit', async () => {
    const { gate } = recordingGate('{name: one, limit: 1, window: 1h}');
    const limit = limitFetch({ gate, address: () => ip, blockStatus: 403 });
    await limit(new Request('http://shop.example/'));
    const { refusal } = await limit(new Request('http://shop.example/'));
    expect(refusal?.status).toBe(429);
  });

  it('tells a client whose block lets some requests through when the next one fits', async () => {
    const blockList = new FakeLookup([entryFor(`ip:${ip}`, { action: { kind: 'limit', limit: 1, windowMs: 16_000 } })]);
    const { gate, clock } = recordingGate(perClient, { blockList });
    const limit = limitFetch({ gate, clock, random: () => 0, address: () => ip });
    const statuses: (number | null)[] = [];
    const ask = async () => {
      const { refusal } = await limit(new Request('http://shop.example/'));
      statuses.push(refusal?.status ?? null);
      return Number(refusal?.headers.get('retry-after'));
    };
    await ask();
    const seconds = await ask();
    clock.advance(seconds * 1000);
    await ask();
    expect(statuses).toEqual([null, 429, null]);
    expect(seconds).toBeLessThanOrEqual(17);
  });
});

describe('blockStatus', () => {
  const open: Server[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });
  const statusAt = async (server: Server): Promise<number> => {
    open.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.json()).toMatchObject({ type, status: response.status });
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(90);
    return response.status;
  };

  it('is heard by Fastify, Express and node:http alike', async () => {
    const gate = blockedGate();
    const app = fastify();
    await app.register(plugin, { gate, blockStatus: 403 });
    app.get('/', () => 'served');
    expect((await app.inject('/')).statusCode).toBe(403);

    const limit = tidegate({ gate, blockStatus: 403 });
    const served = express().use(limit);
    expect(await statusAt(createServer(served))).toBe(403);
    const plain = createServer((request, response) => {
      void limit(request, response).then((passes) => passes && response.end('served'));
    });
    expect(await statusAt(plain)).toBe(403);
  });
});
