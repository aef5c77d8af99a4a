import { describe, expect, it } from 'vitest';
import type { DecisionQuestions, RatesQuery } from '../../../src/analytics/decision-questions.ts';
import type { DecisionReader } from '../../../src/analytics/decision-reader.ts';
import type { StoredChanges } from '../../../src/analytics/stored-changes.ts';
import type { Authenticator } from '../../../src/api/authenticator.ts';
import type { ApiOptions } from '../../../src/api/server.ts';
import { TidegateError } from '../../../src/errors.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const hourMs = 3_600_000;
const unasked = () => Promise.reject(new Error('not in this test'));

/** Answers like an empty database, and keeps what was asked, and on whose behalf. */
class FakeQuestions {
  asked: { readonly name: string; readonly tenants: readonly string[] | null; readonly query: object }[] = [];
  answers: Partial<DecisionQuestions> = {};
  readonly reader: DecisionReader;

  constructor() {
    const within = (tenants: readonly string[] | null): DecisionQuestions & StoredChanges => {
      const asking =
        <Query extends object, T>(name: keyof DecisionQuestions, empty: T) =>
        (query: Query): Promise<T> => {
          this.asked.push({ name, tenants, query });
          const answer = this.answers[name] as ((query: Query) => Promise<T>) | undefined;
          return answer?.(query) ?? Promise.resolve(empty);
        };
      const nothing = { points: [], routes: [], policies: [], addresses: [], tenants: [] };
      return {
        throttleRates: asking('throttleRates', []),
        outcomes: asking('outcomes', []),
        offenders: asking('offenders', []),
        nearLimit: asking('nearLimit', []),
        spikes: asking('spikes', []),
        clientHistory: asking('clientHistory', { ...nothing, firstSeenAtMs: null, lastSeenAtMs: null }),
        decisionsAround: asking('decisionsAround', []),
        changeLogs: unasked,
        blockChanges: unasked,
      };
    };
    const reader = { totals: unasked, throttleRates: unasked, latencies: unasked };
    this.reader = { ...reader, topDeniedClients: unasked, freshness: unasked, within };
  }
}

const holders: Readonly<Record<string, readonly string[] | null>> = {
  'all-0123456789': null,
  'acme-0123456789': ['acme'],
  'two-0123456789': ['acme', 'beta'],
};

/** Viewers of all tenants, of one and of two. */
const viewers: Authenticator = {
  isMine: (token) => token in holders,
  identify: (token) => ({
    kind: 'holder',
    holder: {
      reviewer: { name: token.slice(0, token.indexOf('-')), role: 'viewer', tenants: holders[token] ?? null },
      expiresAtMs: null,
    },
  }),
};

const as = (name: string) => ({ authorization: `Bearer ${name}-0123456789` });

const openStage = async (overrides: Partial<ApiOptions> = {}) => {
  const questions = new FakeQuestions();
  const under = await apiUnderTest({ reader: questions.reader, authenticators: [viewers], ...overrides });
  return { questions, under };
};

/** One for all tests that leave nothing behind in the block list: an API takes its time to open. */
let shared: ReturnType<typeof openStage> | null = null;

/** `overrides`: of an API of its own. */
const stage = async (answers: Partial<DecisionQuestions> = {}, overrides?: Partial<ApiOptions>) => {
  shared ??= openStage();
  const { questions, under } = await (overrides ? openStage(overrides) : shared);
  questions.asked = [];
  questions.answers = answers;
  const get = (url: string, headers = as('all')) => under.api.inject({ url, headers });
  return { ...under, asked: questions.asked, get };
};

/** Every database is out of reach of this one. */
let away: ReturnType<typeof openStage> | null = null;
const getAway = async (url: string) => {
  away ??= openStage({ reader: null });
  return (await away).under.api.inject({ url, headers: as('all') });
};

const routes = [
  '/v1/throttle-rates',
  '/v1/analytics/outcomes',
  '/v1/analytics/offenders',
  '/v1/analytics/near-limit',
  '/v1/analytics/spikes',
  '/v1/analytics/client?client=user:alice',
] as const;

const withQuery = (url: string, query: string): string => `${url}${url.includes('?') ? '&' : '?'}${query}`;

describe.each(routes)('GET %s', (url) => {
  it('asks on behalf of the tenants of whoever asks, and says how long the database took', async () => {
    const { get, asked } = await stage();
    for (const [name, tenants] of [
      ['all', null],
      ['acme', ['acme']],
      ['two', ['acme', 'beta']],
    ] as const) {
      const answer = await get(url, as(name));
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.headers['server-timing']).toMatch(/^db;dur=\d+\.\d$/);
      expect(asked.at(-1)?.tenants).toEqual(tenants);
    }
  });

  it('needs a token, and a range that goes forward in time', async () => {
    const { api, get, asked } = await stage();
    expect((await api.inject({ url })).statusCode).toBe(401);
    for (const [query, path] of [
      ['from=yesterday-at-noon', 'query.from'],
      ['to=2026-13-01T00:00:00Z', 'query.to'],
      ['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'query.from'],
      ['from=1960-01-01T00:00:00Z&to=1960-01-01T00:01:00Z', 'query.from'],
      ['from=9999-01-01T00:00:00Z&to=9999-01-01T00:01:00Z', 'query.to'],
      ['nonsense=1', 'query.nonsense'],
    ] as const) {
      const answer = await get(withQuery(url, query));
      expect(answer.statusCode, `${query} ${answer.body}`).toBe(400);
      expect(answer.json().problems[0].path).toBe(path);
    }
    expect(asked).toEqual([]);
  });

  it('answers 422 to what costs too much, and 503 where the database is busy or away', async () => {
    const failing = async (error: Error) => {
      const fail = () => Promise.reject(error);
      const { get } = await stage({
        ...{ throttleRates: fail, outcomes: fail, offenders: fail, nearLimit: fail, spikes: fail, clientHistory: fail },
      });
      return get(url);
    };
    const expensive = await failing(new TidegateError('QUERY_TOO_EXPENSIVE', 'ask about a shorter range'));
    expect([expensive.statusCode, expensive.json().type]).toEqual([422, 'urn:tidegate:problem:too-expensive']);
    expect(expensive.json().detail).toMatch(/shorter range/);
    expect(expensive.headers['server-timing']).toMatch(/^db/);
    const busy = await failing(new TidegateError('TABLE_BUSY', '32 wait'));
    expect([busy.statusCode, busy.headers['retry-after']]).toEqual([503, '1']);
    expect((await failing(new TidegateError('TABLE_FAILED', 'at 10.0.0.1:8123'))).json().detail).not.toMatch(/10\.0/);
    expect((await getAway(url)).statusCode).toBe(503);
  });
});

describe.each(['/v1/throttle-rates', '/v1/analytics/outcomes'])('the filter of GET %s', (url) => {
  it('passes on what it is given as it is, quotes and all', async () => {
    const { get, asked } = await stage();
    const text = `a'b"\\;{x:String}--<b>\u2028`;
    const names = ['route', 'region', 'policy'] as const;
    const query = names.map((name) => `${name}=${encodeURIComponent(text)}`).join('&');
    expect(
      (await get(`${url}?${query}&tenant=acme&client=user:${encodeURIComponent(text.slice(0, 9))}`)).statusCode,
    ).toBe(200);
    expect(asked.at(-1)?.query).toMatchObject({
      ...{ tenant: 'acme', route: text, region: text, policy: text },
      client: { kind: 'user', id: text.slice(0, 9) },
    });
  });

  it('refuses a tenant that is out of reach, however it is named, and asks nothing', async () => {
    const { get, asked } = await stage();
    for (const query of ['tenant=beta', 'client=beta/user:alice', 'tenant=', 'tenant=acme%00']) {
      const answer = await get(`${url}?${query}`, as('acme'));
      expect([answer.statusCode, query]).toEqual([403, query]);
    }
    expect((await get(`${url}?client=beta/user:alice&tenant=acme`, as('acme'))).statusCode).toBe(400);
    expect(asked).toEqual([]);
    expect((await get(`${url}?tenant=acme`, as('acme'))).statusCode).toBe(200);
    expect(asked).toMatchObject([{ tenants: ['acme'], query: { tenant: 'acme' } }]);
  });

  it.each([
    ['client=network:203.0.113.0/24', 'query.client'],
    ['client=nobody', 'query.client'],
    ['client=ip:300.1.1.1', 'query.client'],
    ['stepMinutes=0', 'query.stepMinutes'],
    ['from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z', 'query.stepMinutes'],
    [`route=${'x'.repeat(600)}`, 'query.route'],
  ])('refuses ?%s and names %s', async (query, path) => {
    const { get } = await stage();
    const answer = await get(`${url}?${query}`);
    expect(answer.statusCode, answer.body).toBe(400);
    expect(answer.json().problems[0].path).toBe(path);
  });

  it('takes an address as gates know it, and a pseudonym as it is', async () => {
    const { get, asked } = await stage();
    const pseudonym = '~k2026.0123456789abcdefghijkl';
    for (const [text, id] of [
      ['ip:::ffff:203.0.113.9', '203.0.113.9'],
      ['ip:2001:db8::1', '2001:db8::/64'],
      [`ip:${pseudonym}`, pseudonym],
    ] as const) {
      expect((await get(`${url}?client=${encodeURIComponent(text)}`)).statusCode).toBe(200);
      expect(asked.at(-1)?.query).toMatchObject({ client: { kind: 'ip', id } });
    }
  });
});

describe('GET /v1/throttle-rates', () => {
  const counts = { decisions: 10, allowed: 6, denied: 3, blocked: 1, throttleRate: 1 / 3 };
  const rates = (query: RatesQuery) =>
    Promise.resolve([
      { atMs: query.fromMs, group: 'GET /a', ...counts },
      { atMs: query.fromMs + 300_000, group: 'GET /a', ...counts, decisions: 4, allowed: 0, blocked: 1 },
    ]);

  it('gives the points of the last hour, and of what was asked for', async () => {
    const { get, clock, asked } = await stage({ throttleRates: rates });
    const answer = (await get('/v1/throttle-rates?by=client&stepMinutes=5')).json();
    const nowMs = clock.nowMs();
    expect(asked.at(-1)?.query).toEqual({
      ...{ by: 'client', fromMs: nowMs - hourMs, toMs: nowMs },
      ...{ stepMinutes: 5, groups: 20 },
    });
    expect(answer.points[0]).toEqual({ at: answer.from, group: 'GET /a', ...counts });
    expect(answer.rates).toEqual([
      { key: 'GET /a', decisions: 14, allowed: 6, denied: 6, blocked: 2, throttleRate: 0.5 },
    ]);
  });

  it('refuses what it does not go by', async () => {
    const { get } = await stage();
    expect((await get('/v1/throttle-rates?by=cat')).json().problems[0].path).toBe('query.by');
    expect((await get('/v1/throttle-rates?groups=101')).json().problems[0].path).toBe('query.groups');
  });
});

describe('GET /v1/analytics/offenders', () => {
  const offenders = () =>
    Promise.resolve(
      ['203.0.113.1', '203.0.113.2', '~k2026.0123456789abcdefghijkl'].map((client, index) => ({
        clientKind: 'ip' as const,
        client,
        ...{ denied: 30 - index, blocked: 0, early: 1, routes: ['GET /a'], routeCount: 1 },
        lastDeniedAtMs: 1_750_000_000_000,
      })),
    );

  it('names the block that stands against each, and none for who is stored under a pseudonym', async () => {
    const { get, block } = await stage({ offenders }, {});
    const id = await block('203.0.113.1');
    expect((await get('/v1/analytics/offenders')).json()).toMatchObject([
      {
        client: 'ip:203.0.113.1',
        denied: 30,
        lastDeniedAt: '2025-06-15T15:06:40.000Z',
        block: { id, state: 'active' },
      },
      { client: 'ip:203.0.113.2', block: null },
      { client: 'ip:~k2026.0123456789abcdefghijkl', block: null },
    ]);
  });

  it('tells who sees some tenants only of no block with its evidence elsewhere', async () => {
    const { get, block, blockList, clock } = await stage({ offenders }, {});
    await block('203.0.113.1');
    const added = await blockList.add({
      subject: { kind: 'ip', id: '203.0.113.2', tenant: 'beta' },
      ...{ action: { kind: 'refuse' }, untilMs: clock.nowMs() + hourMs, actor: 'anna', note: 'n' },
    });
    const betas = added.kind === 'added' ? added.block.id : '';
    const blocks = async (name: string) =>
      (await get('/v1/analytics/offenders', as(name))).json().map((one: { block: object | null }) => one.block);
    expect(await blocks('acme')).toEqual([null, null, null]);
    expect(await blocks('two')).toEqual([null, { id: betas, state: 'active' }, null]);
  });
});

describe('GET /v1/analytics/near-limit and spikes', () => {
  it('look at bounded ranges alone', async () => {
    const { get, clock, asked } = await stage();
    expect((await get('/v1/analytics/near-limit')).statusCode).toBe(200);
    expect(asked.at(-1)?.query).toMatchObject({ fromMs: clock.nowMs() - 900_000, leastUsedShare: 0.8, limit: 20 });
    const days = 'from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z';
    expect((await get(`/v1/analytics/near-limit?${days}`)).json().problems[0].message).toMatch(/at most 6 hours/);
    expect((await get(`/v1/analytics/spikes?${days}`)).json().problems[0].message).toMatch(/at most 24 hours/);
    expect((await get('/v1/analytics/near-limit?usedShare=1.1')).statusCode).toBe(400);
  });

  it('show clients by key, shares within bounds, and instants as text', async () => {
    const near = {
      route: 'GET /a',
      policy: 'p',
      limit: 10,
      leastRemaining: 15,
      usedShare: -0.5,
      allowed: 3,
      denied: 0,
    };
    const client = { kind: 'user', id: '<b>x</b>' } as const;
    const { get } = await stage({ nearLimit: () => Promise.resolve([{ ...near, client, lastAtMs: 0 }]) });
    expect((await get('/v1/analytics/near-limit?usedShare=0')).json()).toEqual([
      { ...near, client: 'user:<b>x</b>', usedShare: 0, lastAt: '1970-01-01T00:00:00.000Z' },
    ]);
  });
});

describe('GET /v1/explain', () => {
  const ask = (query: string) => `/v1/explain?${query}`;

  it('says why, with the facts beside it', async () => {
    const { get, block, asked, clock } = await stage({}, {});
    const id = await block('203.0.113.9');
    const answer = await get(ask('subject=203.0.113.9'));
    expect(answer.statusCode, answer.body).toBe(200);
    expect(answer.headers['server-timing']).toMatch(/^db;dur=/);
    expect(answer.json()).toMatchObject({
      subject: 'ip:203.0.113.9',
      tone: 'bad',
      verdict: expect.stringMatching(/^ip:203\.0\.113\.9 is refused until .* of rule breadth, an entry of its own$/),
      standing: { entries: [{ subject: 'ip:203.0.113.9', blockId: id }], strikes: [{ blockId: id }], allowed: [] },
      blocks: [{ id, state: 'active' }],
      decisions: [],
      policies: [],
    });
    expect(asked).toMatchObject([{ name: 'decisionsAround', query: { atMs: clock.nowMs() } }]);
  });

  it('answers without the database, and says so', async () => {
    const fail = () => Promise.reject(new TidegateError('TABLE_FAILED', 'gone'));
    const { get } = await stage({ decisionsAround: fail });
    for (const answer of [await getAway(ask('subject=user:alice')), await get(ask('subject=user:alice'))]) {
      expect(answer.json()).toMatchObject({ decisions: null, verdict: expect.stringMatching(/out of reach$/) });
    }
  });

  it('tells who sees one tenant of that one, and nothing of others', async () => {
    const { get, block, blockList, clock, asked } = await stage({}, {});
    const untilMs = clock.nowMs() + hourMs;
    const act = { untilMs, actor: 'anna', note: 'n' };
    await block('203.0.113.9');
    await blockList.add({ subject: { kind: 'user', id: 'alice', tenant: 'beta' }, action: { kind: 'refuse' }, ...act });
    await blockList.noteIdentities([{ address: '203.0.113.9', clientKey: 'key:partner' }]);
    await blockList.allow({ subject: { kind: 'key', id: 'partner' }, kind: 'allow', ...act });
    const acme = (await get(ask('subject=203.0.113.9'), as('acme'))).json();
    // That it is refused is acme's business, the evidence of it is somebody else's.
    expect(acme).toMatchObject({ subject: 'acme/ip:203.0.113.9', tone: 'bad', blocks: [] });
    expect(acme.standing).toMatchObject({ allowed: [], strikes: [], entries: [{ subject: 'ip:203.0.113.9' }] });
    expect(asked.at(-1)).toMatchObject({ tenants: ['acme'], query: { tenant: 'acme' } });
    const network = { kind: 'network', id: '203.0.113.0/24' } as const;
    await blockList.allow({ subject: network, kind: 'allow', ...act, note: 'the office of beta' });
    const allowed = (await get(ask('subject=203.0.113.9'), as('acme'))).json();
    // That it is allowed is acme's business as well; what was noted is for those who see all.
    expect(allowed.standing.allowed).toMatchObject([{ subject: 'network:203.0.113.0/24', note: '' }]);
    expect(JSON.stringify(allowed)).not.toContain('beta');
    expect((await get(ask('subject=203.0.113.9'))).json().verdict).toContain('the office of beta');
    const alice = (await get(ask('subject=user:alice'), as('acme'))).json();
    expect(JSON.stringify(alice)).not.toContain('beta');
    expect((await get(ask('subject=beta/user:alice'), as('acme'))).statusCode).toBe(403);
    expect((await get(ask('subject=user:alice&tenant=beta'), as('acme'))).statusCode).toBe(403);
    const unsaid = await get(ask('subject=user:alice'), as('two'));
    expect(unsaid.json().problems).toEqual([{ path: 'query.tenant', message: 'must be one of acme, beta' }]);
    expect((await get(ask('subject=user:alice&tenant=beta'), as('two'))).json().standing.entries).toHaveLength(1);
    // Who sees all is told where to look.
    expect((await get(ask('subject=user:alice'))).json().verdict).toMatch(/but beta\/user:alice is refused/);
  });

  it.each([
    ['', 'query.subject'],
    ['subject=nobody', 'query.subject'],
    ['subject=ip:203.0.113.9/24', 'query.subject'],
    ['subject=user:a&at=2999-01-01T00:00:00Z', 'query.at'],
    ['subject=user:a&at=now-ish-or-so-00', 'query.at'],
    ['subject=user:a&route=%2Forders', 'query.route'],
    ['subject=acme/user:a&tenant=beta', 'query.subject'],
  ])('refuses ?%s and names %s', async (query, path) => {
    const { get } = await stage();
    const answer = await get(ask(query));
    expect(answer.statusCode, answer.body).toBe(400);
    expect(answer.json().problems[0].path).toBe(path);
  });

  it('needs a token', async () => {
    const { api, get } = await stage();
    expect((await api.inject({ url: ask('subject=user:alice') })).statusCode).toBe(401);
    expect((await get(ask('subject=user:alice'), asAnna)).statusCode).toBe(200);
  });
});
