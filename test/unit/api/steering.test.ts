import { describe, expect, it } from 'vitest';
import { IssuedTokens } from '../../../src/api/issued-tokens.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryTokenStore } from '../../../src/embedded/memory-token-store.ts';
import type { Grant } from '../../../src/review/roles.ts';
import { issueToken } from '../../../src/review/token-issue.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const dayMs = 86_400_000;

/** The API with people of other roles. */
const withPeople = async () => {
  const clock = new ManualClock();
  const store = new MemoryTokenStore({ clock });
  const stage = await apiUnderTest({ clock, authenticators: [new IssuedTokens({ store, clock })] });
  const as = async (role: Grant, tenants: readonly string[] | null = null) => {
    const made = await issueToken(store, { name: role, role, tenants, createdBy: 't' }, clock.nowMs());
    return { authorization: `Bearer ${made?.text}` };
  };
  const inDays = (days: number): string => new Date(stage.clock.nowMs() + days * dayMs).toISOString();
  return { ...stage, as, inDays };
};

describe('allow entries', () => {
  it('are made, listed by their end, and ended by whoever may', async () => {
    const { api, inDays, as } = await withPeople();
    const headers = await as('reviewer');
    for (const [subject, days] of [
      ['user:bob', 5],
      ['ip:203.0.113.9', 1],
    ] as const) {
      const payload = { subject, until: inDays(days), note: 'partner' };
      const made = await api.inject({ method: 'POST', url: '/v1/allow', headers, payload });
      expect([made.statusCode, made.json()]).toEqual([201, { ...payload, kind: 'allow', actor: 'reviewer' }]);
    }
    const listed = (await api.inject({ url: '/v1/allow', headers })).json();
    expect(listed.entries.map(({ subject }: { subject: string }) => subject)).toEqual(['ip:203.0.113.9', 'user:bob']);
    const end = { method: 'DELETE' as const, url: '/v1/allow?subject=user:bob', headers };
    const silent = await api.inject(end);
    expect([silent.statusCode, silent.json().problems[0].path]).toEqual([400, 'body.note']);
    expect((await api.inject({ ...end, payload: { note: 'left' } })).statusCode).toBe(204);
    expect((await api.inject({ ...end, payload: { note: 'left' } })).statusCode).toBe(404);
  });

  it('are paged without a gap and without a double, whatever ends together', async () => {
    const { api, blockList, clock } = await withPeople();
    const untilMs = clock.nowMs() + dayMs;
    for (let at = 0; at < 7; at += 1) {
      const subject = { kind: 'user', id: `u${at}` } as const;
      await blockList.allow({ subject, kind: 'allow', untilMs: untilMs + (at % 2), note: 'n', actor: 'a' });
    }
    const seen: string[] = [];
    let next = '';
    do {
      const answer = await api.inject({ url: `/v1/allow?limit=2${next}`, headers: asAnna });
      const page: { entries: { subject: string }[]; nextCursor: string | null } = answer.json();
      seen.push(...page.entries.map(({ subject }) => subject));
      next = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (next !== '');
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
  });

  it.each([
    ['a network', 'network:203.0.113.0/24', 1],
    ['more than a week', 'user:bob', 8],
  ])('need a lead for %s', async (_, subject, days) => {
    const { api, inDays, as } = await withPeople();
    const ask = async (role: Grant) => {
      const payload = { subject, until: inDays(days), note: 'n' };
      return (await api.inject({ method: 'POST', url: '/v1/allow', headers: await as(role), payload })).statusCode;
    };
    expect([await ask('reviewer'), await ask('lead')]).toEqual([403, 201]);
  });

  it('that last longer than somebody may choose are not theirs to replace, sooner or otherwise', async () => {
    const { api, inDays, as } = await withPeople();
    const send = async (role: Grant, days: number) => {
      const payload = { subject: 'user:vip', until: inDays(days), note: role };
      return (await api.inject({ method: 'POST', url: '/v1/allow', headers: await as(role), payload })).statusCode;
    };
    expect([await send('reviewer', 6), await send('lead', 300), await send('reviewer', 1)]).toEqual([201, 201, 403]);
    const { entries } = (await api.inject({ url: '/v1/allow', headers: asAnna })).json();
    expect(entries).toMatchObject([{ until: inDays(300), actor: 'lead' }]);
    expect(await send('lead', 1)).toBe(201);
  });

  it('of another tenant are neither seen nor made nor ended by whoever is for one', async () => {
    const { api, inDays, as } = await withPeople();
    const headers = await as('lead', ['acme']);
    const send = (who: object, subject: string) =>
      api.inject({
        method: 'POST',
        url: '/v1/allow',
        headers: who as Record<string, string>,
        payload: { subject, until: inDays(1), note: 'n' },
      });
    expect((await send(asAnna, 'globex/user:bob')).statusCode).toBe(201);
    expect((await send(asAnna, 'ip:203.0.113.9')).statusCode).toBe(201);
    expect((await send(headers, 'globex/user:eve')).statusCode).toBe(403);
    expect((await send(headers, 'ip:203.0.113.7')).statusCode).toBe(403);
    expect((await send(headers, 'acme/user:ann')).statusCode).toBe(201);
    const { entries } = (await api.inject({ url: '/v1/allow', headers })).json();
    expect(entries.map(({ subject }: { subject: string }) => subject)).toEqual(['acme/user:ann']);
    const url = '/v1/allow?subject=globex/user:bob&note=n';
    expect((await api.inject({ method: 'DELETE', url, headers })).statusCode).toBe(403);
  });

  it.each([
    [{ subject: 'nobody' }, 'body.subject'],
    [{ subject: 'network:203.0.113.7/24' }, 'body.subject'],
    [{ until: 'tomorrow, perhaps so' }, 'body.until'],
    [{ until: '2001-01-01T00:00:00Z' }, 'body.until'],
    [{ note: ' ' }, 'body.note'],
    [{ note: 'x'.repeat(2001) }, 'body.note'],
    [{ kind: 'maybe' }, 'body.kind'],
  ])('with %j are refused, and the field is named', async (wrong, path) => {
    const { api, inDays } = await withPeople();
    const payload = { subject: 'user:x', until: inDays(1), note: 'n', ...wrong };
    const answer = await api.inject({ method: 'POST', url: '/v1/allow', headers: asAnna, payload });
    expect([answer.statusCode, answer.json().problems[0].path]).toEqual([400, path]);
  });
});

describe('switches', () => {
  it('go off for a while, say by whom and why, and on again', async () => {
    const { api, inDays } = await withPeople();
    const set = (payload: object) =>
      api.inject({ method: 'PUT', url: '/v1/switches/blocks', headers: asAnna, payload });
    const until = inDays(1);
    expect((await set({ until, note: 'all wrong' })).json()).toEqual({
      blocks: { until, actor: 'anna', note: 'all wrong' },
      limits: null,
    });
    expect((await set({ until: null, note: 'better' })).json()).toEqual({ blocks: null, limits: null });
    expect((await set({ until: inDays(400), note: 'n' })).json().problems[0].path).toMatch(/until/);
    expect((await set({ until })).json().problems[0].path).toBe('body.note');
  });
});

describe('rules', () => {
  it('show what was noted, capped by an override, with labels, precision and what waits', async () => {
    const { api, block, blockList, clock, inDays } = await withPeople();
    const rule = { name: 'breadth', hash: 'abc', mode: 'enforce' as const, canaryPercent: 100, owner: 'sec' };
    await blockList.noteRules([
      { ...rule, reviewByMs: null, precision: { floor: 0.6, minLabels: 20 }, definition: '{"a":1}' },
    ]);
    const ids = await Promise.all(['203.0.113.1', '203.0.113.2', '203.0.113.3'].map(block));
    const act = { actor: 'anna', note: 'n' };
    await blockList.transition(ids[0] ?? '', { kind: 'confirm', ...act });
    await blockList.transition(ids[1] ?? '', { kind: 'lift', reason: 'false-positive', ...act });
    clock.advance(5000);
    const until = inDays(1);
    const mode = { method: 'PUT' as const, url: '/v1/rules/breadth/mode', headers: asAnna };
    const capped = await api.inject({ ...mode, payload: { mode: 'review', until, note: 'look first' } });
    expect(capped.json()).toMatchObject({
      rule: 'breadth',
      hash: 'abc',
      mode: { file: 'enforce', inForce: 'review', canaryPercent: 100 },
      override: { mode: 'review', until, actor: 'anna', note: 'look first' },
      precisionFloor: { floor: 0.6, minLabels: 20 },
      judged: { confirmed: 1, falsePositives: 1, goodwill: 0, unjudged: 1 },
      precision: { share: 0.5, judged: 2 },
      reviewAge: { oldestUnjudgedMs: 5000, medianMs: 5000 },
      demoted: null,
    });
    const { rules } = (await api.inject({ url: '/v1/rules', headers: asAnna })).json();
    expect(rules).toEqual([capped.json()]);
    const quality = (await api.inject({ url: '/v1/rules/breadth/quality', headers: asAnna })).json();
    expect(quality.contents).toMatchObject([
      { hash: 'abc', isCurrent: true, definition: '{"a":1}', confirmed: 1, falsePositives: 1 },
    ]);
    const ended = await api.inject({ ...mode, method: 'DELETE', url: `${mode.url}?note=fine` });
    expect(ended.json()).toMatchObject({ mode: { inForce: 'enforce' }, override: null });
    expect((await api.inject({ ...mode, method: 'DELETE', url: `${mode.url}?note=fine` })).statusCode).toBe(404);
  });

  it('that nobody knows have no quality', async () => {
    const { api } = await withPeople();
    expect((await api.inject({ url: '/v1/rules/none/quality', headers: asAnna })).statusCode).toBe(404);
  });

  it('say that they were demoted, when and why', async () => {
    const { api, blockList, clock } = await withPeople();
    const untilMs = clock.nowMs() + 30 * dayMs;
    await blockList.override({ rule: 'breadth', mode: 'shadow', untilMs, actor: 'quality', note: '3 of 20' });
    const { rules } = (await api.inject({ url: '/v1/rules', headers: asAnna })).json();
    expect(rules[0].demoted).toEqual({ at: new Date(clock.nowMs()).toISOString(), why: '3 of 20' });
  });
});

describe('breakers', () => {
  it('that are closed cannot be reset', async () => {
    const { api } = await withPeople();
    const { breakers } = (await api.inject({ url: '/v1/breakers', headers: asAnna })).json();
    expect(breakers[0]).toMatchObject({ rule: '*', state: 'closed', since: null });
    const reset = { method: 'POST' as const, url: '/v1/breakers/*/reset', headers: asAnna };
    expect((await api.inject({ ...reset, payload: { note: 'n' } })).statusCode).toBe(409);
  });
});
