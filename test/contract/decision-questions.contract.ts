import { expect, it } from 'vitest';
import type { DecisionQuestions } from '../../src/analytics/decision-questions.ts';
import type { DecisionEvent } from '../../src/event/decision-event.ts';
import type { ReaderStage } from './decision-reader.contract.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Values that would be something else in a statement's text, a URL or a parameter's own syntax. */
export const hostileTexts = [
  "'",
  "' OR 1 = 1 --",
  "'; DROP TABLE decisions_raw; --",
  '\\',
  "\\'",
  'a\\0b',
  '{tenant:String}',
  '{fromMs:Int64}',
  '"',
  '`',
  '$$',
  '%27',
  '?',
  '\u0000',
  'x\u0000y',
  '\n\t\r',
  '\\N',
  'NULL',
  "']",
  'a/*',
  '\u{1f600}\u2028',
];

/** What people ask while they look for a reason; asked of the database that the event tables have filled. */
export const decisionQuestionsContract = ({ database, next }: ReaderStage): void => {
  /** Rows of a tenant and a time that no other test has. */
  const stored = async (events: (fromMs: number, tenant: string) => readonly Partial<DecisionEvent>[]) => {
    const { partition, source } = next();
    const tenant = `tenant-${partition}`;
    // Within the hours that another time of the database's tests does not touch.
    const fromMs = Date.UTC(2030, 0, 1) + partition * dayMs;
    const { headers, body } = source.frame(...events(fromMs, tenant).map((event) => ({ tenant, ...event })));
    const run = { emitter: headers.emitter, firstSeq: headers.firstSeq, rows: headers.rows, body };
    await database().table.insert([run], `q:${partition}`);
    return { tenant, fromMs, range: { fromMs, toMs: fromMs + hourMs } };
  };
  const everybody = (): DecisionQuestions => database().reader.within(null);

  it('filters throttle rates and outcomes by each dimension, from minutes, hours, days and single rows alike', async () => {
    const { tenant, fromMs } = await stored((timeMs) => [
      { timeMs, route: 'GET /a', region: 'north', policy: 'p1', count: 5, client: '203.0.113.1' },
      { timeMs, route: 'GET /a', region: 'south', policy: 'p1', outcome: 'denied', count: 3, client: '203.0.113.1' },
      { timeMs, route: 'GET /b', region: 'north', policy: 'p2', outcome: 'denied', count: 2, degraded: 'timeout' },
      { timeMs, route: 'GET /b', region: 'north', policy: 'p2', count: 7, client: '203.0.113.2' },
    ]);
    const cases = [
      [{ route: 'GET /a' }, { allowed: 5, denied: 3, degraded: 0 }],
      [{ region: 'north' }, { allowed: 12, denied: 2, degraded: 2 }],
      [{ policy: 'p2' }, { allowed: 7, denied: 2, degraded: 2 }],
      [
        { route: 'GET /a', region: 'north' },
        { allowed: 5, denied: 0, degraded: 0 },
      ],
      [{ client: { kind: 'ip', id: '203.0.113.1' } }, { allowed: 5, denied: 3, degraded: 0 }],
      [{ route: 'GET /nowhere' }, null],
    ] as const;
    for (const stepMinutes of [1, 60, 1440]) {
      for (const days of [1, 200]) {
        if (stepMinutes === 1 && days === 200) continue;
        const range = { fromMs, toMs: fromMs + days * dayMs, stepMinutes, tenant };
        for (const [filter, sums] of cases) {
          const outcomes = await everybody().outcomes({ ...range, ...filter });
          expect(outcomes).toMatchObject(sums === null ? [] : [{ atMs: fromMs, blocked: 0, ...sums }]);
          const rates = await everybody().throttleRates({ ...range, ...filter, by: 'tenant' });
          const { degraded: _, ...counts } = sums ?? { degraded: 0 };
          expect(rates).toMatchObject(sums === null ? [] : [{ atMs: fromMs, group: tenant, ...counts }]);
        }
      }
    }
  });

  it('tells the throttle rates of the clients that were denied most', async () => {
    const { tenant, range } = await stored((timeMs) => [
      { timeMs, client: '203.0.113.1', outcome: 'denied', count: 3 },
      { timeMs: timeMs + minuteMs, client: '203.0.113.1', count: 1 },
      { timeMs, client: 'alice', clientKind: 'user', outcome: 'denied', count: 2 },
      { timeMs, client: '203.0.113.1', clientKind: 'user', count: 50 },
      { timeMs, client: '203.0.113.2', count: 1000 },
    ]);
    const rates = await everybody().throttleRates({ ...range, tenant, by: 'client' });
    expect(rates.map(({ group, allowed, denied, throttleRate }) => [group, allowed, denied, throttleRate])).toEqual([
      ['ip:203.0.113.1', 0, 3, 1],
      ['user:alice', 0, 2, 1],
      ['ip:203.0.113.1', 1, 0, 0],
    ]);
    const first = await everybody().throttleRates({ ...range, tenant, by: 'client', groups: 1, stepMinutes: 60 });
    expect(first).toMatchObject([{ group: 'ip:203.0.113.1', allowed: 1, denied: 3, throttleRate: 0.75 }]);
  });

  it('names who is near a limit of their own, newest first, and nobody else', async () => {
    const near = { limit: 10, scope: 'client+route', policy: 'p', remaining: 1 };
    const { tenant, range } = await stored((timeMs) => [
      { ...near, timeMs, client: '203.0.113.1', count: 2 },
      { ...near, timeMs: timeMs + 5000, client: '203.0.113.1', remaining: 0, count: 4 },
      { ...near, timeMs: timeMs + 7000, client: '203.0.113.1', remaining: 9 },
      { ...near, timeMs: timeMs + 9000, client: '203.0.113.2', remaining: 2 },
      { ...near, timeMs: timeMs + 9500, client: '203.0.113.2', outcome: 'denied', remaining: 0, count: 6 },
      { ...near, timeMs, client: 'much-left', clientKind: 'user', remaining: 3 },
      { ...near, timeMs, client: 'of-all', clientKind: 'user', scope: 'tenant' },
      { ...near, timeMs, client: 'nearly-client', clientKind: 'user', scope: 'clients' },
      { ...near, timeMs, client: 'fallback', clientKind: 'user', source: 'fallback', degraded: 'timeout' },
      { ...near, timeMs, client: 'unlimited', clientKind: 'user', limit: 0 },
      { ...near, timeMs, client: 'denied', clientKind: 'user', outcome: 'denied' },
    ]);
    const found = await database().reader.within([tenant]).nearLimit(range);
    const facts = { route: 'GET /orders/:id', policy: 'p', limit: 10 };
    expect(found).toEqual([
      {
        ...facts,
        client: { kind: 'ip', id: '203.0.113.2' },
        leastRemaining: 2,
        usedShare: 0.8,
        allowed: 1,
        denied: 6,
        lastAtMs: range.fromMs + 9000,
      },
      {
        ...facts,
        client: { kind: 'ip', id: '203.0.113.1' },
        leastRemaining: 0,
        usedShare: 1,
        allowed: 7,
        denied: 0,
        lastAtMs: range.fromMs + 7000,
      },
    ]);
    const all = await database()
      .reader.within([tenant])
      .nearLimit({ ...range, leastUsedShare: 0.7, limit: 2 });
    expect(all.map(({ client }) => client.id)).toEqual(['203.0.113.2', '203.0.113.1']);
  });

  it('tells the whole history of one client', async () => {
    const alice = { client: 'alice', clientKind: 'user' } as const;
    const { tenant, fromMs } = await stored((timeMs) => [
      { ...alice, timeMs, route: 'GET /a', address: '198.51.100.1', count: 4 },
      { ...alice, timeMs: timeMs + 1000, route: 'GET /b', address: '198.51.100.1', outcome: 'denied', count: 2 },
      {
        ...alice,
        timeMs: timeMs + 6 * minuteMs,
        route: 'GET /b',
        address: '198.51.100.2',
        outcome: 'blocked',
        policy: 'r',
      },
      { ...alice, timeMs: timeMs + 7 * minuteMs, route: 'GET /b', degraded: 'error' },
      { client: 'alice', clientKind: 'key', timeMs, count: 99 },
      { client: 'bob', clientKind: 'user', timeMs, count: 99 },
    ]);
    const history = await everybody().clientHistory({
      client: { kind: 'user', id: 'alice' },
      tenant,
      fromMs,
      toMs: fromMs + hourMs,
      stepMinutes: 5,
    });
    const none = { allowed: 0, denied: 0, blocked: 0 };
    expect(history).toEqual({
      points: [
        { atMs: fromMs, decisions: 6, allowed: 4, denied: 2, blocked: 0, degraded: 0 },
        { atMs: fromMs + 5 * minuteMs, decisions: 2, allowed: 1, denied: 0, blocked: 1, degraded: 1 },
      ],
      routes: [
        { ...none, name: 'GET /a', decisions: 4, allowed: 4 },
        { name: 'GET /b', decisions: 4, allowed: 1, denied: 2, blocked: 1 },
      ],
      policies: [
        { ...none, name: 'per-client', decisions: 7, allowed: 5, denied: 2 },
        { ...none, name: 'r', decisions: 1, blocked: 1 },
      ],
      addresses: [
        { ...none, name: '198.51.100.1', decisions: 6, allowed: 4, denied: 2 },
        { ...none, name: '198.51.100.2', decisions: 1, blocked: 1 },
      ],
      tenants: [{ name: tenant, decisions: 8, allowed: 5, denied: 2, blocked: 1 }],
      firstSeenAtMs: fromMs,
      lastSeenAtMs: fromMs + 7 * minuteMs,
    });
    const nobody = await everybody().clientHistory({
      client: { kind: 'user', id: 'nobody' },
      fromMs,
      toMs: fromMs + 1,
    });
    expect(nobody).toMatchObject({ points: [], routes: [], firstSeenAtMs: null, lastSeenAtMs: null });
  });

  it('finds the refused decision of a client among hundreds of allowed ones, and those of the address beside others', async () => {
    const address = '203.0.113.77';
    const { tenant, fromMs } = await stored((timeMs) => [
      ...Array.from({ length: 200 }, (_, index) => ({ timeMs: timeMs + index * 10, client: address })),
      { timeMs: timeMs - 60_000, client: address, outcome: 'denied' as const, remaining: 0, limit: 3, count: 9 },
      { timeMs: timeMs + 5, client: 'alice', clientKind: 'user' as const, address, outcome: 'blocked' as const },
      { timeMs: timeMs - 3_600_001, client: address, outcome: 'denied' as const, policy: 'long-ago' },
    ]);
    const asked = { client: { kind: 'ip', id: address }, tenant, atMs: fromMs } as const;
    const found = await everybody().decisionsAround({ ...asked, reachMs: hourMs });
    expect(found.filter(({ outcome }) => outcome === 'allowed')).toHaveLength(50);
    expect(found.filter(({ outcome }) => outcome !== 'allowed')).toMatchObject([
      { outcome: 'blocked', isOwn: false, atMs: fromMs + 5 },
      { outcome: 'denied', isOwn: true, atMs: fromMs - 60_000, policy: 'per-client', limit: 3, remaining: 0, count: 9 },
    ]);
    expect(found.map(({ atMs }) => atMs)).toEqual(found.map(({ atMs }) => atMs).sort((a, b) => b - a));
    expect(await everybody().decisionsAround({ ...asked, route: 'GET /nowhere' })).toEqual([]);
  });

  it('tells nobody of a tenant that is out of reach, whatever is asked', async () => {
    const facts = { client: 'shared', clientKind: 'user', region: 'shared', policy: 'shared', limit: 10 } as const;
    const secret = { ...facts, tenant: 'secret', route: 'GET /secret', address: '198.51.100.66' };
    const { tenant, fromMs, range } = await stored((timeMs) => [
      { ...facts, timeMs, count: 2 },
      { ...facts, timeMs, outcome: 'denied', count: 3 },
      { ...secret, timeMs, count: 1000 },
      { ...secret, timeMs: timeMs + 1, outcome: 'denied', count: 1000 },
    ]);
    const mine = database().reader.within([tenant]);
    const client = { kind: 'user', id: 'shared' } as const;
    const sums = { allowed: 2, denied: 3, blocked: 0 };
    for (const by of ['tenant', 'route', 'region', 'policy', 'client'] as const) {
      for (const stepMinutes of [1, 60, 1440]) {
        expect(await mine.throttleRates({ ...range, by, stepMinutes })).toMatchObject([sums]);
        expect(await mine.outcomes({ ...range, stepMinutes })).toMatchObject([sums]);
      }
      const long = { fromMs, toMs: fromMs + 200 * dayMs, stepMinutes: 1440 };
      expect(await mine.throttleRates({ ...long, by })).toMatchObject([sums]);
    }
    expect(await mine.offenders(range)).toMatchObject([{ denied: 3, routes: ['GET /orders/:id'] }]);
    expect(await mine.nearLimit(range)).toMatchObject([{ allowed: 2, denied: 3, route: 'GET /orders/:id' }]);
    expect(await mine.clientHistory({ ...range, client })).toMatchObject({
      routes: [{ name: 'GET /orders/:id', decisions: 5 }],
      addresses: [],
      tenants: [{ name: tenant, decisions: 5 }],
      lastSeenAtMs: fromMs,
    });
    expect((await mine.decisionsAround({ client, atMs: fromMs })).map((row) => row.tenant)).toEqual([tenant, tenant]);
    // Naming it does not help.
    const named = { ...range, tenant: 'secret' };
    expect(await mine.throttleRates({ ...named, by: 'tenant' })).toEqual([]);
    expect(await mine.outcomes(named)).toEqual([]);
    expect(await mine.clientHistory({ ...named, client })).toMatchObject({ points: [], lastSeenAtMs: null });
    expect(await mine.decisionsAround({ client, atMs: fromMs, tenant: 'secret' })).toEqual([]);
    // Nobody's tenants are no tenants, not all of them.
    expect(await database().reader.within([]).outcomes(range)).toEqual([]);
  });

  it('tells spikes, and of some tenants only their own', async () => {
    const baseline = (timeMs: number, tenant: string): Partial<DecisionEvent>[] =>
      Array.from({ length: 130 }, (_, minute) => ({ timeMs: timeMs + minute * minuteMs, tenant, count: 100 }));
    const spike = (timeMs: number, tenant: string): Partial<DecisionEvent>[] =>
      [1, 2, 3, 4].map((host) => ({
        timeMs: timeMs + 131 * minuteMs,
        tenant,
        client: `203.0.113.${host}`,
        outcome: 'denied' as const,
        count: 100,
      }));
    const { tenant, fromMs } = await stored((timeMs, own) =>
      [own, `${own}-other`].flatMap((one) => [...baseline(timeMs, one), ...spike(timeMs, one)]),
    );
    const range = { fromMs: fromMs + 125 * minuteMs, toMs: fromMs + 140 * minuteMs };
    const all = await everybody().spikes(range);
    expect(new Set(all.map(({ dimension }) => dimension))).toEqual(
      new Set(['all', 'tenant', 'route', 'region', 'policy']),
    );
    const mine = await database().reader.within([tenant]).spikes(range);
    expect(new Set(mine.map(({ dimension, value }) => `${dimension} ${value}`))).toEqual(new Set([`tenant ${tenant}`]));
    expect(mine.at(-1)).toMatchObject({
      minuteMs: fromMs + 131 * minuteMs,
      denied: 400,
      baselineRate: 0,
      clients: 4,
      cause: 'real-demand',
    });
    expect(await database().reader.within([]).spikes(range)).toEqual([]);
    expect(await everybody().spikes({ ...range, limit: 1 })).toHaveLength(1);
  });

  it.each(hostileTexts)('takes %j for what it is in every parameter', async (text) => {
    const { range } = await stored((timeMs, own) => [
      { timeMs, tenant: own },
      {
        timeMs,
        tenant: own,
        client: text,
        clientKind: 'user',
        route: text,
        region: text,
        policy: text,
        outcome: 'denied',
      },
    ]);
    const client = { kind: 'user', id: text } as const;
    const questions = everybody();
    for (const name of ['route', 'region', 'policy'] as const) {
      expect(await questions.outcomes({ ...range, [name]: text })).toMatchObject([{ allowed: 0, denied: 1 }]);
      const rates = await questions.throttleRates({ ...range, by: name, [name]: text });
      expect(rates).toMatchObject([{ group: text, allowed: 0, denied: 1 }]);
    }
    expect(await questions.outcomes({ ...range, client })).toMatchObject([{ allowed: 0, denied: 1 }]);
    expect(await questions.outcomes({ ...range, tenant: text })).toEqual([]);
    expect(await questions.throttleRates({ ...range, by: 'client' })).toMatchObject([
      { group: `user:${text}`, denied: 1 },
    ]);
    expect(await questions.clientHistory({ ...range, client })).toMatchObject({ routes: [{ name: text, denied: 1 }] });
    const around = { client, atMs: range.fromMs, route: text };
    expect(await questions.decisionsAround(around)).toMatchObject([{ route: text, policy: text, outcome: 'denied' }]);
    expect(await database().reader.within([text]).outcomes(range)).toEqual([]);
    expect(await database().reader.within([text]).spikes(range)).toEqual([]);
  });

  it.each([0, Date.UTC(2099, 11, 31, 23)])('answers about the ends of time, such as %d', async (fromMs) => {
    const range = { fromMs, toMs: fromMs + hourMs };
    const client = { kind: 'user', id: 'nobody-at-all' } as const;
    const questions = database().reader.within(['nobody']);
    for (const stepMinutes of [1, 60, 1440]) {
      expect(await questions.outcomes({ ...range, stepMinutes })).toEqual([]);
      expect(await questions.throttleRates({ ...range, by: 'route', stepMinutes })).toEqual([]);
    }
    expect(await questions.throttleRates({ ...range, by: 'client' })).toEqual([]);
    expect(await questions.offenders(range)).toEqual([]);
    expect(await questions.nearLimit(range)).toEqual([]);
    expect(await questions.spikes(range)).toEqual([]);
    expect(await questions.clientHistory({ ...range, client })).toMatchObject({ points: [] });
    expect(await questions.decisionsAround({ client, atMs: fromMs })).toEqual([]);
  });

  it('refuses a question without a bound', async () => {
    const [questions, range, invalid] = [everybody(), { fromMs: 0, toMs: 1 }, { code: 'INPUT_INVALID' }];
    const client = { kind: 'user', id: 'a' } as const;
    await expect(questions.throttleRates({ ...range, by: 'route', groups: 101 })).rejects.toMatchObject(invalid);
    await expect(questions.outcomes({ ...range, stepMinutes: 0 })).rejects.toMatchObject(invalid);
    await expect(questions.offenders({ ...range, limit: 1001 })).rejects.toMatchObject(invalid);
    await expect(questions.nearLimit({ fromMs: 0, toMs: 6 * hourMs + 1 })).rejects.toMatchObject(invalid);
    await expect(questions.nearLimit({ ...range, leastUsedShare: Number.NaN })).rejects.toMatchObject(invalid);
    await expect(questions.spikes({ fromMs: 0, toMs: 24 * hourMs + 1 })).rejects.toMatchObject(invalid);
    await expect(questions.decisionsAround({ client, atMs: 0, reachMs: dayMs })).rejects.toMatchObject(invalid);
    await expect(questions.clientHistory({ ...range, client: { kind: 'ip', id: '~other' } })).rejects.toMatchObject(
      invalid,
    );
    const nonsense = { ...range, by: "tenant' OR" as 'tenant' };
    await expect(questions.throttleRates(nonsense)).rejects.toMatchObject(invalid);
  });
};
