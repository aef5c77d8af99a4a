import { describe, expect, it } from 'vitest';
import { TidegateError } from '../../../src/errors.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const check = (api: Awaited<ReturnType<typeof apiUnderTest>>['api'], payload: object) =>
  api.inject({ method: 'POST', url: '/v1/limiter/check', payload });

describe('POST /v1/limiter/check', () => {
  it('lets the limit through and answers a denial with 200, Retry-After and the same fields', async () => {
    const { api, clock } = await apiUnderTest();
    const question = { key: 'user-1', limit: 3, window: 60 };
    const remaining = [];
    for (let ask = 0; ask < 3; ask += 1) remaining.push((await check(api, question)).json().remaining);
    expect(remaining).toEqual([2, 1, 0]);
    const denied = await check(api, question);
    expect(denied.statusCode).toBe(200);
    expect(denied.json()).toEqual({
      allowed: false,
      remaining: 0,
      reset_time: Math.ceil(clock.nowMs() / 1000 + 60),
    });
    expect(denied.headers['retry-after']).toBe('20');
    clock.advance(20_000);
    expect((await check(api, question)).json()).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('takes 60, "60s" and "1m" for the same window', async () => {
    const { api } = await apiUnderTest();
    for (const window of [60, '60s', '1m'])
      expect((await check(api, { key: 'k', limit: 3, window })).json().allowed).toBe(true);
    expect((await check(api, { key: 'k', limit: 3, window: '1m' })).json().allowed).toBe(false);
  });

  it('takes fractions of a second', async () => {
    const { api, clock } = await apiUnderTest();
    const question = { key: 'k', limit: 1, window: 0.25 };
    expect((await check(api, question)).json().allowed).toBe(true);
    expect((await check(api, question)).json().allowed).toBe(false);
    clock.advance(250);
    expect((await check(api, question)).json().allowed).toBe(true);
  });

  it('starts anew with another limit or window, and keeps keys apart', async () => {
    const { api } = await apiUnderTest();
    expect((await check(api, { key: 'k', limit: 1, window: 60 })).json().allowed).toBe(true);
    expect((await check(api, { key: 'k', limit: 1, window: 60 })).json().allowed).toBe(false);
    expect((await check(api, { key: 'k', limit: 2, window: 60 })).json().allowed).toBe(true);
    expect((await check(api, { key: 'k', limit: 1, window: 61 })).json().allowed).toBe(true);
    expect((await check(api, { key: 'k2', limit: 1, window: 60 })).json().allowed).toBe(true);
  });

  it('tells long keys apart by their last character', async () => {
    const { api } = await apiUnderTest();
    const key = 'x'.repeat(255);
    expect((await check(api, { key: `${key}a`, limit: 1, window: 60 })).json().allowed).toBe(true);
    expect((await check(api, { key: `${key}b`, limit: 1, window: 60 })).json().allowed).toBe(true);
    expect((await check(api, { key: `${key}a`, limit: 1, window: 60 })).json().allowed).toBe(false);
  });

  it('spends the cost, only looks with cost 0, and never promises a time for what can never fit', async () => {
    const { api } = await apiUnderTest();
    const question = { key: 'k', limit: 5, window: 60 };
    expect((await check(api, { ...question, cost: 4 })).json().remaining).toBe(1);
    expect((await check(api, { ...question, cost: 0 })).json()).toMatchObject({ allowed: true, remaining: 1 });
    const never = await check(api, { ...question, cost: 6 });
    expect(never.json().allowed).toBe(false);
    expect(never.headers['retry-after']).toBeUndefined();
  });

  it('records every check as a decision that is no evidence against the key', async () => {
    const { api, recorded } = await apiUnderTest();
    for (let ask = 0; ask < 3; ask += 1) await check(api, { key: 'k', limit: 2, window: 60 });
    expect(recorded.map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'denied']);
    expect(recorded.every(({ scope, policy }) => scope === '' && policy === 'api-check')).toBe(true);
  });

  it.each([
    [{ limit: 1, window: 1 }, 'body.key'],
    [{ key: '', limit: 1, window: 1 }, 'body.key'],
    [{ key: 'x'.repeat(257), limit: 1, window: 1 }, 'body.key'],
    [{ key: 'k', limit: 0, window: 1 }, 'body.limit'],
    [{ key: 'k', limit: 1.5, window: 1 }, 'body.limit'],
    [{ key: 'k', limit: '5', window: 1 }, 'body.limit'],
    [{ key: 'k', limit: 1_000_000_001, window: 60 }, 'body.limit'],
    [{ key: 'k', limit: 1_000_000_000, window: 1 }, 'body.limit'],
    [{ key: 'k', limit: 1, window: 0 }, 'body.window'],
    [{ key: 'k', limit: 1, window: -1 }, 'body.window'],
    [{ key: 'k', limit: 1, window: 'soon' }, 'body.window'],
    [{ key: 'k', limit: 1, window: '31d' }, 'body.window'],
    [{ key: 'k', limit: 1, window: null }, 'body.window'],
    [{ key: 'k', limit: 1, window: 1, cost: -1 }, 'body.cost'],
    [{ key: 'k', limit: 1, window: 1, burst: 1 }, 'body.burst'],
  ])('refuses %j and names %s', async (payload, path) => {
    const { api, recorded } = await apiUnderTest();
    const answer = await check(api, payload);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json().problems.map((problem: { path: string }) => problem.path)).toEqual([path]);
    expect(recorded).toEqual([]);
  });

  it('names every field that is wrong at once', async () => {
    const { api } = await apiUnderTest();
    const { problems } = (await check(api, { key: 7, limit: 'many', window: {} })).json();
    expect(problems.map((problem: { path: string }) => problem.path).sort()).toEqual([
      'body.key',
      'body.limit',
      'body.window',
    ]);
  });

  it('answers 503 without a word about addresses while the store is away', async () => {
    const limitStore = {
      spend: () => Promise.reject(new TidegateError('STORE_FAILED', 'Redis at 10.1.2.3 is gone', { retryable: true })),
      immediate: false,
      giveBack: () => undefined,
      close: () => Promise.resolve(),
    };
    const { api } = await apiUnderTest({ limitStore });
    const answer = await check(api, { key: 'k', limit: 1, window: 1 });
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).not.toContain('10.1.2.3');
  });
});

describe('POST /v1/decisions', () => {
  const request = { clients: [{ kind: 'ip', id: '203.0.113.9' }], method: 'GET', path: '/a' };
  const decide = (
    api: Awaited<ReturnType<typeof apiUnderTest>>['api'],
    payload: object,
    headers: Record<string, string> = asAnna,
  ) => api.inject({ method: 'POST', url: '/v1/decisions', payload, headers });

  it('decides by the policies', async () => {
    const { api, recorded } = await apiUnderTest();
    const outcomes = [];
    for (let ask = 0; ask < 3; ask += 1) outcomes.push((await decide(api, request)).json().outcome);
    expect(outcomes).toEqual(['allowed', 'allowed', 'denied']);
    expect((await decide(api, request)).json()).toMatchObject({ policy: 'per-client', limit: 2, retryAfterMs: 30_000 });
    expect(recorded).toHaveLength(4);
  });

  it('takes all spellings of an address, and all addresses of a /64, for one client', async () => {
    const { api, recorded } = await apiUnderTest();
    const ids = ['::ffff:203.0.113.9', '64:ff9b::203.0.113.9', '203.0.113.9', '2001:DB8::1', '2001:db8:0:0:9::%eth0'];
    for (const id of ids) await decide(api, { ...request, clients: [{ kind: 'ip', id }] });
    const [first, second] = ['203.0.113.9', '2001:db8::/64'];
    expect(recorded.map(({ client }) => client)).toEqual([first, first, first, second, second]);
    expect(recorded.map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'denied', 'allowed', 'allowed']);
  });

  it('keeps control characters and what is no address out of the events', async () => {
    const { api, recorded } = await apiUnderTest();
    const clients = [{ kind: 'user', id: 'ann' }];
    expect((await decide(api, { ...request, clients, route: '/a\u0001b' })).statusCode).toBe(400);
    await decide(api, { ...request, clients, route: '/a\ud800', address: '\u0001 anywhere' });
    expect(recorded).toEqual([expect.objectContaining({ route: 'GET /a\ufffd', address: '' })]);
  });

  it('takes no stranger at his word: it needs a token', async () => {
    const { api, recorded } = await apiUnderTest();
    expect((await decide(api, request, {})).statusCode).toBe(401);
    expect(recorded).toEqual([]);
  });

  it('names what is wrong inside the list of clients', async () => {
    const { api } = await apiUnderTest();
    const answer = await decide(api, {
      ...request,
      clients: [
        { kind: 'ip', id: 'a' },
        { kind: 'cat', id: 'b' },
      ],
    });
    expect(answer.json().problems).toEqual([expect.objectContaining({ path: 'body.clients[1].kind' })]);
  });
});
