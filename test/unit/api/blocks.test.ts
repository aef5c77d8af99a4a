import { describe, expect, it } from 'vitest';
import type { BlockList } from '../../../src/blocklist/block-list.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { annasToken, apiUnderTest, asAnna } from './api-under-test.ts';

const liftOf = (
  id: string,
  headers: Record<string, string> = {},
  payload: object = { reason: 'goodwill', note: 'a guest' },
) => ({
  method: 'POST' as const,
  url: `/v1/blocks/${id}/lift`,
  headers: { ...asAnna, ...headers },
  payload,
});

describe('tokens', () => {
  it.each([
    ['none', {}],
    ['a wrong one', { authorization: `Bearer ${annasToken}x` }],
    ['its beginning', { authorization: `Bearer ${annasToken.slice(0, -1)}` }],
    ['another scheme', { authorization: `Basic ${annasToken}` }],
    ['the name with it', { authorization: `Bearer anna=${annasToken}` }],
  ])('are asked for: %s is refused with 401', async (_, headers) => {
    const { api, block, blockList } = await apiUnderTest();
    const id = await block('203.0.113.9');
    for (const request of [
      { method: 'GET' as const, url: '/v1/blocks', headers },
      { method: 'GET' as const, url: `/v1/blocks/${id}`, headers },
      {
        method: 'POST' as const,
        url: `/v1/blocks/${id}/lift`,
        headers,
        payload: { reason: 'goodwill', note: 'a guest' },
      },
    ]) {
      const answer = await api.inject(request);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expect((await blockList.get(id))?.state).toBe('active');
  });

  it('that are not configured: the refusal says how to set one', async () => {
    const { api } = await apiUnderTest({ tokens: [] });
    const answer = await api.inject({ url: '/v1/blocks', headers: { authorization: 'Bearer ' } });
    expect(answer.statusCode).toBe(401);
    expect(answer.json().detail).toContain('TIDEGATE_API_TOKENS');
  });

  it('are asked for by every change even where reading is open', async () => {
    const { api, block, blockList } = await apiUnderTest({ openReads: true });
    const id = await block('203.0.113.9');
    expect((await api.inject({ url: `/v1/blocks/${id}` })).statusCode).toBe(200);
    const lift = {
      method: 'POST' as const,
      url: `/v1/blocks/${id}/lift`,
      payload: { reason: 'goodwill', note: 'a guest' },
    };
    expect((await api.inject(lift)).statusCode).toBe(401);
    expect((await blockList.get(id))?.state).toBe('active');
  });

  it.each(['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test'])(
    'stay closed to a page that has %j resolve to this machine',
    async (host) => {
      const { api } = await apiUnderTest({ openReads: true });
      expect((await api.inject({ url: '/v1/blocks', headers: { host } })).statusCode).toBe(401);
      for (const own of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080']) {
        expect((await api.inject({ url: '/v1/blocks', headers: { host: own } })).statusCode).toBe(200);
      }
    },
  );

  it('may end in = and need no name', async () => {
    const token = 'QUJDREVGR0hJSktMTU5P==';
    const { api } = await apiUnderTest({ tokens: [token] });
    expect((await api.inject({ url: '/v1/blocks', headers: { authorization: `Bearer ${token}` } })).statusCode).toBe(
      200,
    );
  });
});

describe('GET /v1/blocks', () => {
  it('lists blocks with subject, action, origin, rule, instants and evidence', async () => {
    const { api, block } = await apiUnderTest();
    const id = await block('203.0.113.9');
    const { blocks } = (await api.inject({ url: '/v1/blocks', headers: asAnna })).json();
    expect(blocks).toEqual([
      expect.objectContaining({
        id,
        state: 'active',
        rule: 'breadth',
        subject: { kind: 'ip', id: '203.0.113.9' },
        action: { kind: 'refuse' },
        origin: 'detector',
        blockedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        evidence: expect.objectContaining({ denied: 40, distinctRoutes: 7, firstSeenAt: '2025-06-15T15:06:40.000Z' }),
      }),
    ]);
  });

  it('filters by state, rule and subject, and pages', async () => {
    const { api, block } = await apiUnderTest();
    for (const last of [1, 2, 3]) await block(`203.0.113.${last}`);
    const idsAt = async (query: string) => {
      const answer = (await api.inject({ url: `/v1/blocks?${query}`, headers: asAnna })).json();
      return {
        clients: answer.blocks.map((each: { subject: { id: string } }) => each.subject.id),
        next: answer.nextCursor,
      };
    };
    expect((await idsAt('states=lifted,expired')).clients).toEqual([]);
    expect((await idsAt('states=active,proposed&rule=breadth')).clients).toHaveLength(3);
    expect((await idsAt('rule=depth')).clients).toEqual([]);
    expect((await idsAt('subject=ip:203.0.113.2')).clients).toEqual(['203.0.113.2']);
    const first = await idsAt('limit=2');
    const second = await idsAt(`limit=2&cursor=${encodeURIComponent(first.next)}`);
    expect([...first.clients, ...second.clients].sort()).toEqual(['203.0.113.1', '203.0.113.2', '203.0.113.3']);
  });

  it.each([
    ['states=asleep', 'query.states'],
    ['limit=0', 'query.limit'],
    ['limit=501', 'query.limit'],
    ['limit=ten', 'query.limit'],
    ['subject=nobody', 'query.subject'],
    ['subject=203.0.113.9/24', 'query.subject'],
    ['page=2', 'query.page'],
  ])('refuses ?%s and names %s', async (query, path) => {
    const { api } = await apiUnderTest();
    const answer = await api.inject({ url: `/v1/blocks?${query}`, headers: asAnna });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().problems).toEqual([expect.objectContaining({ path })]);
  });
});

describe('POST /v1/blocks/{id}/lift', () => {
  it('lifts in the name of the holder of the token and answers with the new version', async () => {
    const { api, block, blockList } = await apiUnderTest();
    const id = await block('203.0.113.9');
    const answer = await api.inject(liftOf(id, {}, { reason: 'false-positive', note: 'an office' }));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ state: 'lifted', actor: 'anna' });
    expect(answer.headers.etag).toBe(`"${answer.json().version}"`);
    expect((await blockList.get(id))?.state).toBe('lifted');
  });

  it('leaves a log line that says who, which and why, without the note', async () => {
    const logger = recordingLogger();
    const { api, block } = await apiUnderTest({ logger });
    const id = await block('203.0.113.9');
    await api.inject(liftOf(id, {}, { reason: 'false-positive', note: 'call me at 555' }));
    const line = logger.lines.find(({ message }) => message === 'block lifted');
    expect(line?.fields).toMatchObject({ block: id, actor: 'anna', reason: 'false-positive' });
    expect(JSON.stringify(logger.lines)).not.toContain('555');
  });

  it('lets exactly one of two reviewers win who saw the same version, however close they come', async () => {
    const clock = new ManualClock();
    const inner = new MemoryBlockList({ clock });
    // Both lifts are held until both have read the block: the version that each read is current then.
    let waiting: (() => void)[] = [];
    const transition: BlockList['transition'] = async (id, lift) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < 2) return;
        for (const go of waiting) go();
        waiting = [];
      });
      return inner.transition(id, lift);
    };
    const blockList = new Proxy<BlockList>(inner, {
      get: (list, name) => {
        const member: unknown = name === 'transition' ? transition : Reflect.get(list, name);
        return typeof member === 'function' ? member.bind(list) : member;
      },
    });
    const { api, block } = await apiUnderTest({ clock, blockList });
    const id = await block('203.0.113.9');
    const { headers } = await api.inject({ url: `/v1/blocks/${id}`, headers: asAnna });
    const ifMatch = { 'if-match': String(headers.etag) };
    const answers = await Promise.all([api.inject(liftOf(id, ifMatch)), api.inject(liftOf(id, ifMatch))]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 412]);
  });

  it('answers 409 without If-Match when there is nothing left to lift', async () => {
    const { api, block } = await apiUnderTest();
    const id = await block('203.0.113.9');
    await api.inject(liftOf(id));
    expect((await api.inject(liftOf(id))).statusCode).toBe(409);
  });

  it.each([
    ['"99"', 412],
    ['W/"1"', 412],
    ['"not-ours"', 412],
    ['nonsense', 400],
  ])('with If-Match %s answers %i and changes nothing', async (ifMatch, status) => {
    const { api, block, blockList } = await apiUnderTest();
    const id = await block('203.0.113.9');
    expect((await api.inject(liftOf(id, { 'if-match': ifMatch }))).statusCode).toBe(status);
    expect((await blockList.get(id))?.state).toBe('active');
  });

  it('takes * and a list that holds the version', async () => {
    const { api, block } = await apiUnderTest();
    const first = await block('203.0.113.1');
    const second = await block('203.0.113.2');
    expect((await api.inject(liftOf(first, { 'if-match': '*' }))).statusCode).toBe(200);
    const { headers } = await api.inject({ url: `/v1/blocks/${second}`, headers: asAnna });
    expect((await api.inject(liftOf(second, { 'if-match': `"77", ${headers.etag}` }))).statusCode).toBe(200);
  });

  it('names the field of a bad reason, and answers 404 for a block that is not there', async () => {
    const { api, block } = await apiUnderTest();
    const id = await block('203.0.113.9');
    const answer = await api.inject(liftOf(id, {}, { reason: 'whim', note: 'x' }));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().problems).toEqual([
      { path: 'body.reason', message: 'must be "false-positive" or "goodwill", is "whim"' },
    ]);
    expect((await api.inject(liftOf('nothing'))).statusCode).toBe(404);
    expect((await api.inject({ url: '/v1/blocks/nothing', headers: asAnna })).statusCode).toBe(404);
  });
});
