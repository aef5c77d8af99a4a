import { describe, expect, it } from 'vitest';
import type { Reviewer } from '../../../src/review/roles.ts';
import { as, dayMs, lea, leo, rita } from '../../support/review-stage.ts';
import { roleTokens, signedIn } from '../../support/role-tokens.ts';
import { apiUnderTest } from './api-under-test.ts';

const stage = async () => {
  const parts = await apiUnderTest({ authenticators: [roleTokens] });
  const { api, clock } = parts;
  const get = (url: string, who: Reviewer = rita) => api.inject({ url, headers: signedIn(who) });
  const post = (url: string, payload: object, who: Reviewer = rita) =>
    api.inject({ method: 'POST', url, headers: signedIn(who), payload });
  const inDays = (days: number): string => new Date(clock.nowMs() + days * dayMs).toISOString();
  return { ...parts, get, post, inDays };
};

type Stage = Awaited<ReturnType<typeof stage>>;

/** For requests that change nothing: opening an API takes longer than all of them. */
let opened: Promise<Stage> | null = null;
const refusing = (): Promise<Stage> => {
  opened ??= stage();
  return opened;
};

const pathsOf = (answer: { json(): { problems?: { path: string }[] } }): string[] =>
  (answer.json().problems ?? []).map(({ path }) => path);

describe('one act on one block', () => {
  const acts: readonly [string, (inDays: Stage['inDays']) => object, object][] = [
    ['confirm', () => ({}), { state: 'confirmed', label: 'confirmed' }],
    ['lift', () => ({ reason: 'goodwill', note: 'x' }), { state: 'lifted', label: 'goodwill' }],
    ['extend', (inDays) => ({ until: inDays(2), note: 'x' }), { state: 'active' }],
    [
      'downgrade',
      () => ({ action: { kind: 'limit', limit: 60, windowMs: 60_000 }, note: 'x' }),
      { action: { kind: 'limit', limit: 60, windowMs: 60_000 } },
    ],
    ['assign', () => ({ assignee: 'lea' }), { assignee: 'lea' }],
  ];

  it.each(acts)('%s answers with the block as it is then, and undo takes it back', async (name, body, expected) => {
    const { post, get, block, inDays } = await stage();
    const id = await block('203.0.113.9');
    const before = (await get(`/v1/blocks/${id}`)).json();
    const answer = await post(`/v1/blocks/${id}/${name}`, body(inDays));
    expect(answer.json()).toMatchObject({ ...expected, actor: 'rita', version: 2 });
    expect(answer.headers.etag).toBe('"2"');
    const undone = await post(`/v1/blocks/${id}/undo`, {});
    expect(undone.statusCode).toBe(200);
    const ignored = { version: 0, query: null, refusals: null, actor: '' };
    expect({ ...undone.json(), ...ignored }).toEqual({ ...before, ...ignored });
    const { steps } = (await get(`/v1/blocks/${id}/history`)).json();
    expect(steps.map(({ kind }: { kind: string }) => kind)).toEqual(['made', expect.any(String), 'undo']);
  });

  it.each([
    ['lift', { reason: 'goodwill' }, 'body.note'],
    ['lift', { note: 'x' }, 'body.reason'],
    ['lift', { reason: 'goodwill', note: '  ' }, 'body.note'],
    ['lift', { reason: 'goodwill', note: 'x'.repeat(2001) }, 'body.note'],
    ['activate', {}, 'body.note'],
    ['extend', { note: 'x' }, 'body.until'],
    ['extend', { until: 'tomorrow', note: 'x' }, 'body.until'],
    ['extend', { until: '2001-01-01T00:00:00Z', note: 'x' }, 'body.until'],
    ['downgrade', { action: { kind: 'limit', limit: 0, windowMs: 1000 }, note: 'x' }, 'body.action'],
    ['assign', { assignee: '' }, 'body.assignee'],
    ['comment', {}, 'body.note'],
    ['confirm', { because: 'x' }, 'body.because'],
  ])('%s %j is refused with 400 and names %s', async (name, body, path) => {
    const { post, block, blockList } = await refusing();
    const id = await block(`203.0.113.${name.length}`).catch(() => `b-verdict-203.0.113.${name.length}`);
    const answer = await post(`/v1/blocks/${id}/${name}`, body);
    expect(answer.statusCode).toBe(400);
    expect(pathsOf(answer).some((found) => found.startsWith(path))).toBe(true);
    expect((await blockList.get(id))?.version).toBe(1);
  });

  it('with a note of ten megabytes is refused before it is read', async () => {
    const { post } = await refusing();
    expect((await post('/v1/blocks/b-1/comment', { note: 'x'.repeat(10_000_000) })).statusCode).toBe(413);
  });

  it('beyond what the role may is 403, and says which role may', async () => {
    const { post, block, inDays } = await stage();
    const id = await block('203.0.113.9');
    const answer = await post(`/v1/blocks/${id}/extend`, { until: inDays(8), note: 'x' });
    expect(answer.statusCode).toBe(403);
    expect(answer.json().detail).toContain('lead');
    expect((await post(`/v1/blocks/${id}/extend`, { until: inDays(8), note: 'x' }, leo)).statusCode).toBe(200);
  });

  it('of somebody with other tenants finds nothing, as if there were no such block', async () => {
    const { post, get, block } = await stage();
    const id = await block('203.0.113.9');
    const outsider = as('admin', 'ben', ['beta']);
    for (const name of ['confirm', 'undo']) {
      expect((await post(`/v1/blocks/${id}/${name}`, {}, outsider)).statusCode).toBe(404);
    }
    expect((await post(`/v1/blocks/${id}/comment`, { note: 'x' }, outsider)).statusCode).toBe(404);
    expect((await get(`/v1/blocks/${id}`, outsider)).statusCode).toBe(404);
    expect((await get(`/v1/blocks/${id}/history`, outsider)).statusCode).toBe(404);
    expect((await get('/v1/blocks', outsider)).json().blocks).toEqual([]);
    expect((await get('/v1/blocks?tenant=default', outsider)).statusCode).toBe(403);
    expect((await get('/v1/blocks', as('viewer', 'vic', ['default']))).json().blocks).toHaveLength(1);
  });

  it('comments stay beside the block, whose version they leave alone', async () => {
    const { post, get, block } = await stage();
    const id = await block('203.0.113.9');
    const answer = await post(`/v1/blocks/${id}/comment`, { note: 'is that <b>us</b>?' });
    expect(answer.json()).toMatchObject({ kind: 'comment', actor: 'rita', note: 'is that <b>us</b>?', version: 1 });
    expect((await get(`/v1/blocks/${id}`)).json().version).toBe(1);
  });
});

describe('lists of blocks', () => {
  it('are filtered by everything that a block is known by, and counted the same way', async () => {
    const { get, post, block, inDays } = await stage();
    const first = await block('203.0.113.1');
    await block('203.0.113.2');
    await post('/v1/blocks', { subject: 'acme/user:eve', until: inDays(1), reason: 'fraud', note: 'x' });
    await post(`/v1/blocks/${first}/confirm`, {});
    await post(`/v1/blocks/${first}/assign`, { assignee: 'lea' });
    const counts: readonly [string, number][] = [
      ['', 3],
      ['state=confirmed', 1],
      ['states=active,confirmed', 3],
      ['kind=user', 1],
      ['kind=ip,user', 3],
      ['origin=person', 1],
      ['tenant=acme', 1],
      ['tenant=default', 2],
      ['assignee=lea', 1],
      ['assignee=', 2],
      ['unjudged=true', 2],
      ['unjudged=true&origin=detector', 1],
      ['minDenied=40', 2],
      ['minDenied=41', 0],
      [`madeTo=${encodeURIComponent(inDays(0))}`, 0],
      [`madeFrom=${encodeURIComponent(inDays(0))}`, 3],
      ['subject=acme%2Fuser:eve', 1],
    ];
    for (const [query, count] of counts) {
      expect((await get(`/v1/blocks?${query}`)).json().blocks, query).toHaveLength(count);
      expect((await get(`/v1/blocks/count?${query}`)).json(), query).toEqual({ count, isExact: true });
    }
  });

  it('come in the order asked for, page by page; a cursor of another question is refused', async () => {
    const { get, block, clock } = await stage();
    for (const last of [1, 2, 3]) {
      await block(`203.0.113.${last}`);
      clock.advance(1000);
    }
    const pageOf = async (query: string): Promise<{ ids: string[]; next: string }> => {
      const { blocks, nextCursor } = (await get(`/v1/blocks?${query}`)).json();
      return { ids: blocks.map(({ subject }: { subject: { id: string } }) => subject.id), next: nextCursor };
    };
    const first = await pageOf('sort=oldest&limit=2');
    expect(first.ids).toEqual(['203.0.113.1', '203.0.113.2']);
    const cursor = encodeURIComponent(first.next);
    expect((await pageOf(`sort=oldest&limit=2&cursor=${cursor}`)).ids).toEqual(['203.0.113.3']);
    expect((await pageOf('sort=ending')).ids[0]).toBe('203.0.113.1');
    for (const other of [`cursor=${cursor}`, `sort=oldest&rule=x&cursor=${cursor}`, 'cursor=nonsense']) {
      const answer = await get(`/v1/blocks?${other}`);
      expect(answer.statusCode).toBe(400);
      expect(pathsOf(answer)).toEqual(['query.cursor']);
    }
    const scoped = await get(`/v1/blocks?sort=oldest&limit=2&cursor=${cursor}`, as('viewer', 'vic', ['default']));
    expect(scoped.statusCode).toBe(400);
  });

  it.each([
    ['state=asleep', 'query.state'],
    ['kind=car', 'query.kind'],
    ['origin=hell', 'query.origin'],
    ['sort=best', 'query.sort'],
    ['minDenied=-1', 'query.minDenied'],
    ['madeFrom=yesterday-at-noon', 'query.madeFrom'],
    ['unjudged=perhaps', 'query.unjudged'],
  ])('refuse ?%s and name %s', async (query, path) => {
    const { get } = await refusing();
    for (const url of ['/v1/blocks', '/v1/blocks/count']) {
      const answer = await get(`${url}?${query}`);
      expect(answer.statusCode).toBe(400);
      if (url === '/v1/blocks' || !query.startsWith('sort')) expect(pathsOf(answer)).toEqual([path]);
    }
  });
});

describe('blocks by hand', () => {
  const making = (until: string | null, subject = 'ip:203.0.113.77') => ({
    subject,
    until,
    reason: 'attack',
    note: 'x',
  });

  it('are made at once within what the role may, and tell where they are', async () => {
    const { post, get, inDays } = await stage();
    const answer = await post('/v1/blocks', making(inDays(7)));
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ state: 'active', origin: 'person', owner: 'rita', reason: 'attack: x' });
    expect(answer.headers.etag).toBe('"1"');
    expect((await get(String(answer.headers.location))).json().id).toBe(answer.json().id);
  });

  it('that are longer, wider or of others are 403', async () => {
    const { post, inDays } = await stage();
    for (const body of [making(inDays(8)), making(null), making(inDays(1), 'network:203.0.0.0/16')]) {
      expect((await post('/v1/blocks', body)).statusCode).toBe(403);
    }
    const scoped = as('lead', 'ben', ['beta']);
    expect((await post('/v1/blocks', making(inDays(1)), scoped)).statusCode).toBe(403);
    expect((await post('/v1/blocks', making(inDays(1), 'beta/ip:203.0.113.77'), scoped)).statusCode).toBe(201);
  });

  it('of whom the allow list protects are 409, and name the entry', async () => {
    const { post, inDays } = await stage();
    const allow = { subject: 'ip:203.0.113.77', until: inDays(1), note: 'partner' };
    expect((await post('/v1/allow', allow)).statusCode).toBe(201);
    const answer = await post('/v1/blocks', making(inDays(1)));
    expect(answer.statusCode).toBe(409);
    expect(answer.json().detail).toContain('partner');
  });

  it('for ever wait for a second lead, who is not the first', async () => {
    const { post, get } = await stage();
    const asked = await post('/v1/blocks', making(null), leo);
    expect(asked.statusCode).toBe(202);
    const { id } = asked.json().approval;
    expect((await get('/v1/approvals')).json().approvals).toEqual([asked.json().approval]);
    const approve = `/v1/approvals/${id}/approve`;
    expect((await post(approve, { note: 'yes' }, leo)).statusCode).toBe(403);
    expect((await post(approve, { note: 'yes' }, rita)).statusCode).toBe(403);
    expect((await post(approve, {}, lea)).statusCode).toBe(400);
    const answer = await post(approve, { note: 'yes' }, lea);
    expect(answer.json()).toMatchObject({ state: 'approved', decidedBy: 'lea' });
    expect((await get(`/v1/blocks/${answer.json().blockId}`)).json().state).toBe('active');
    expect((await post(approve, { note: 'yes' }, lea)).statusCode).toBe(409);
    expect((await post('/v1/approvals/ap-nothing/reject', { note: 'x' }, lea)).statusCode).toBe(404);
  });

  it('are made last for ever the same way', async () => {
    const { post, block } = await stage();
    const id = await block('203.0.113.9');
    expect((await post(`/v1/blocks/${id}/extend`, { until: null, note: 'x' })).statusCode).toBe(403);
    const asked = await post(`/v1/blocks/${id}/extend`, { until: null, note: 'x' }, leo);
    expect(asked.statusCode).toBe(202);
    expect(asked.json().approval.what).toMatchObject({ kind: 'extend', blockId: id, until: null });
  });
});

describe('bulk changes', () => {
  const lift = { act: 'lift', reason: 'false-positive', note: 'one office' };

  it('are shown first, then done, followed and undone', async () => {
    const { post, get, block } = await stage();
    for (let last = 1; last <= 5; last += 1) await block(`203.0.113.${last}`);
    const asked = { ...lift, filter: { rule: 'breadth', unjudged: true } };
    const preview = (await post('/v1/blocks/bulk', { ...asked, dryRun: true })).json();
    expect(preview).toMatchObject({ count: 5, isExact: true, refused: [], refusedCount: 0, needs: 'reviewer' });
    expect(preview.sample).toHaveLength(5);
    expect(preview.sample[0]).toMatchObject({ state: 'active', evidence: { denied: 40 } });
    const done = (await post('/v1/blocks/bulk', { ...asked, expected: preview.count })).json();
    expect(done).toMatchObject({ state: 'done', done: 5, failed: [], by: 'rita', act: 'lift' });
    expect((await get(`/v1/batches/${done.batchId}`)).json()).toEqual(done);
    expect((await get('/v1/batches')).json()).toEqual({ batches: [done], nextCursor: null });
    expect((await post(`/v1/batches/${done.batchId}/undo`, {})).statusCode).toBe(400);
    const undone = (await post(`/v1/batches/${done.batchId}/undo`, { note: 'oh' })).json();
    expect(undone).toMatchObject({ state: 'undone', done: 5, undo: { done: 5, failed: [], by: 'rita' } });
    expect((await get('/v1/blocks?state=active')).json().blocks).toHaveLength(5);
    expect((await post(`/v1/batches/${done.batchId}/undo`, { note: 'oh' })).statusCode).toBe(409);
  });

  it.each([
    [{ ...lift }, 'body.ids'],
    [{ ...lift, ids: ['a'], filter: {} }, 'body.filter'],
    [{ ...lift, ids: [] }, 'body.ids'],
    [{ ...lift, ids: ['a'], act: 'undo' }, 'body.act'],
    [{ ids: ['a'], act: 'lift', note: 'x' }, 'body.reason'],
    [{ ids: ['a'], act: 'lift', reason: 'goodwill' }, 'body.note'],
    [{ ids: ['a'], act: 'extend', note: 'x' }, 'body.until'],
    [{ ids: ['a'], act: 'extend', note: 'x', until: null }, 'body.until'],
    [{ ids: ['a'], act: 'extend', note: 'x', until: '2001-01-01T00:00:00Z' }, 'body.until'],
    [{ ids: ['a'], act: 'downgrade', note: 'x' }, 'body.action'],
    [{ ids: ['a'], act: 'assign' }, 'body.assignee'],
    [{ ...lift, filter: { state: 'asleep' } }, 'body.filter.state'],
    [{ ...lift, filter: { subject: 'nobody' } }, 'body.filter.subject'],
    [{ ...lift, filter: { assignee: 'x\ud800' } }, 'body.filter.assignee'],
    [{ ...lift, filter: { madeTo: '2026-02-30T00:00:00' } }, 'body.filter.madeTo'],
    [{ ...lift, ids: ['a'], expected: -1 }, 'body.expected'],
  ])('%j are refused with 400 and name %s', async (body, path) => {
    const { post } = await refusing();
    for (const dryRun of [true, false]) {
      const answer = await post('/v1/blocks/bulk', { ...body, dryRun });
      expect(answer.statusCode).toBe(400);
      expect(pathsOf(answer)).toContain(path);
    }
  });

  it('take ten thousand ids, and no more', async () => {
    const { post } = await refusing();
    const ids = Array.from({ length: 10_000 }, (_, at) => `b-${String(at).padStart(40, '0')}`);
    const preview = await post('/v1/blocks/bulk', { ...lift, ids, dryRun: true });
    expect(preview.json()).toMatchObject({ count: 10_000, refusedCount: 10_000, needs: 'lead' });
    expect(preview.json().refused).toHaveLength(200);
    expect((await post('/v1/blocks/bulk', { ...lift, ids: ids.slice(0, 101) })).statusCode).toBe(403);
    expect((await post('/v1/blocks/bulk', { ...lift, ids: [...ids, 'x'] })).statusCode).toBe(400);
  });

  it('that are other than the preview said are 409, and change nothing', async () => {
    const { post, get, block } = await stage();
    await block('203.0.113.1');
    expect((await post('/v1/blocks/bulk', { ...lift, filter: {}, expected: 30 })).statusCode).toBe(409);
    expect((await get('/v1/batches')).json().batches).toEqual([]);
  });
});
