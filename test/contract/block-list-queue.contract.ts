import { expect, it } from 'vitest';
import type { BlockFilter, BlockQuery, BlockSort } from '../../src/blocklist/block-review.ts';
import { clientA, clientB } from '../support/promotions.ts';
import {
  ada,
  falsePositive,
  goodwill,
  hourMs,
  ip,
  minuteMs,
  network,
  type OnStage,
  type Stage,
  startMs,
  user,
} from './block-list-stage.ts';

/** Verdict ids of a whole listing, page by page. */
const listed = async (stage: Stage, query: BlockQuery, between: () => Promise<unknown> = async () => undefined) => {
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof stage.list.list>> = await stage.list.list({
      ...query,
      ...(cursor && { cursor }),
    });
    seen.push(...page.blocks.map(({ verdictId, rule }) => verdictId || rule));
    cursor = page.nextCursor;
    await between();
  } while (cursor !== null);
  return seen;
};

const evidenceOf = (denied: number) => ({
  ...{ denied, allowed: 1, early: null, members: null, collateral: null, distinctRoutes: 1, routes: [], policies: [] },
  windows: { hit: 1, weight: 1, needed: 1, of: 1, windowMs: minuteMs },
  ...{ firstSeenAtMs: startMs, lastSeenAtMs: startMs },
  log: { partition: 0, fromOffset: 0, toOffset: 0, marks: null },
});

/** n0 to n8, a minute apart, with 10, 20, 30, 10, … denied; every third is proposed; of two tenants and none. */
const fill = async (stage: Stage): Promise<void> => {
  for (let index = 0; index < 9; index += 1) {
    const tenant = ['', 'acme', 'globex'][index % 3] ?? '';
    await stage.made(
      {
        id: `n${index}`,
        rule: index < 5 ? 'breadth' : 'depth',
        subject: ip(`198.51.100.${index}`),
        tenant,
        evidence: evidenceOf(10 + (index % 3) * 10),
      },
      {
        mode: index % 3 === 0 ? 'review' : 'enforce',
        duration: { baseMs: hourMs - index * 2 * minuteMs, factor: 1, maxMs: hourMs, jitter: 0, strikeTtlMs: hourMs },
      },
    );
    stage.clock.advance(minuteMs);
  }
};

const names = (...numbers: readonly number[]): readonly string[] => numbers.map((number) => `n${number}`);

/** The queue of those who review. */
export const queueContract = (onStage: OnStage): void => {
  const orders: readonly [BlockSort, readonly string[]][] = [
    ['newest', names(8, 7, 6, 5, 4, 3, 2, 1, 0)],
    ['oldest', names(0, 1, 2, 3, 4, 5, 6, 7, 8)],
    ['ending', names(8, 7, 6, 5, 4, 3, 2, 1, 0)],
    ['most-denied', names(8, 5, 2, 7, 4, 1, 6, 3, 0)],
  ];

  it.each(orders)('lists %s first, each once, however small the pages are', async (sort, expected) => {
    const stage = onStage();
    await fill(stage);
    for (const limit of [1, 2, 4, 9, 100]) expect(await listed(stage, { sort, limit })).toEqual(expected);
  });

  it('puts what has no evidence last of the most denied', async () => {
    const stage = onStage();
    await stage.added(clientA);
    await stage.made({ id: 'v', subject: clientB });
    expect(await listed(stage, { sort: 'most-denied', limit: 1 })).toEqual(['v', 'manual']);
  });

  const filters: readonly [string, BlockFilter, readonly string[]][] = [
    ['states', { states: ['proposed'] }, names(6, 3, 0)],
    ['several states', { states: ['proposed', 'active'] }, names(8, 7, 6, 5, 4, 3, 2, 1, 0)],
    ['no state', { states: [] }, []],
    ['a rule', { rule: 'depth' }, names(8, 7, 6, 5)],
    ['a subject', { subjectKey: 'ip:198.51.100.4' }, names(4)],
    ['a subject of nobody', { subjectKey: 'ip:192.0.2.1' }, []],
    ['a subject that is none', { subjectKey: 'nonsense' }, []],
    ['kinds of subject', { subjectKinds: ['network', 'user'] }, []],
    ['origins', { origins: ['detector'] }, names(8, 7, 6, 5, 4, 3, 2, 1, 0)],
    ['a tenant', { tenants: ['acme'] }, names(7, 4, 1)],
    ['several tenants', { tenants: ['acme', 'globex'], rule: 'depth' }, names(8, 7, 5)],
    ['making', { madeFromMs: startMs + 2 * minuteMs, madeToMs: startMs + 5 * minuteMs }, names(4, 3, 2)],
    ['denied decisions', { minDenied: 20 }, names(8, 7, 5, 4, 2, 1)],
    [
      'all of them',
      { states: ['active'], rule: 'breadth', tenants: ['globex'], minDenied: 30, madeFromMs: startMs + 1 },
      names(2),
    ],
  ];

  it.each(filters)('filters by %s, counts the same, and goes on behind every one', async (_, filter, expected) => {
    const stage = onStage();
    await fill(stage);
    expect(await listed(stage, filter)).toEqual(expected);
    expect(await listed(stage, { ...filter, limit: 1 })).toEqual(expected);
    for (const sort of ['oldest', 'ending', 'most-denied'] as const) {
      expect([...(await listed(stage, { ...filter, sort, limit: 2 }))].sort()).toEqual([...expected].sort());
    }
    expect(await stage.list.count(filter, 100)).toEqual({ count: expected.length, isExact: true });
  });

  it('counts no further than it is asked to', async () => {
    const stage = onStage();
    await fill(stage);
    expect(await stage.list.count({}, 9)).toEqual({ count: 9, isExact: true });
    expect(await stage.list.count({}, 8)).toEqual({ count: 8, isExact: false });
    expect(await stage.list.count({ minDenied: 20 }, 5)).toEqual({ count: 5, isExact: false });
  });

  it('lists what is judged, whom it is assigned to, and what is not', async () => {
    const stage = onStage();
    await fill(stage);
    await stage.list.transition('b-n1', { kind: 'confirm', ...ada });
    await stage.list.transition('b-n2', falsePositive);
    await stage.list.transition('b-n4', { kind: 'assign', assignee: 'bob', ...ada });
    await stage.list.transition('b-n5', { kind: 'assign', assignee: 'eve', ...ada });
    await stage.list.transition('b-n5', { kind: 'assign', assignee: 'bob', ...ada });
    await stage.list.transition('b-n7', { kind: 'assign', assignee: 'bob', ...ada });
    await stage.list.transition('b-n7', { kind: 'assign', assignee: '', ...ada });
    expect(await listed(stage, { isUnjudged: false })).toEqual(names(2, 1));
    expect(await listed(stage, { isUnjudged: true })).toEqual(names(8, 7, 6, 5, 4, 3, 0));
    expect(await listed(stage, { assignee: 'bob' })).toEqual(names(5, 4));
    expect(await listed(stage, { assignee: 'eve' })).toEqual([]);
    expect(await listed(stage, { assignee: '', limit: 2 })).toEqual(names(8, 7, 6, 3, 2, 1, 0));
    expect(await listed(stage, { assignee: 'bob', sort: 'oldest', limit: 1 })).toEqual(names(4, 5));
    expect(await stage.list.count({ assignee: 'bob' }, 10)).toEqual({ count: 2, isExact: true });
    expect(await stage.list.count({ isUnjudged: false }, 10)).toEqual({ count: 2, isExact: true });
  });

  it('tells states as they are at that instant, with nobody writing meanwhile', async () => {
    const stage = onStage();
    await fill(stage);
    const at = startMs + 9 * minuteMs;
    // n8 ends 44 minutes after it was made, at minute 52; n7 at minute 53; n6, proposed, at minute 54; n0 at minute 60.
    stage.clock.advance(53 * minuteMs + 1 - (at - startMs));
    for (const sort of ['newest', 'ending'] as const) {
      expect(await listed(stage, { states: ['expired'], sort })).toEqual(names(8, 7));
    }
    expect(await listed(stage, { states: ['active'], limit: 2 })).toEqual(names(5, 4, 2, 1));
    expect(await listed(stage, { states: ['active'], sort: 'ending' })).toEqual(names(5, 4, 2, 1));
    expect(await stage.list.count({ states: ['expired'] }, 10)).toEqual({ count: 2, isExact: true });
    expect(await stage.list.count({ states: ['active', 'proposed'] }, 10)).toEqual({ count: 7, isExact: true });
    stage.clock.advance(hourMs);
    expect(await listed(stage, { states: ['expired'], sort: 'most-denied', limit: 4 })).toEqual(
      names(8, 5, 2, 7, 4, 1, 6, 3, 0),
    );
    expect(await listed(stage, { states: ['active', 'proposed', 'confirmed'] })).toEqual([]);
  });

  it('goes on where it was although blocks are made, changed and ended meanwhile: none twice, none missed', async () => {
    for (const sort of ['newest', 'oldest', 'most-denied'] as const) {
      const stage = onStage();
      await fill(stage);
      let round = 0;
      const seen = await listed(stage, { sort, limit: 2, states: ['active', 'confirmed', 'proposed'] }, async () => {
        round += 1;
        if (round > 3) return;
        await stage.made({ id: `later${round}`, subject: ip(`192.0.2.${round}`), evidence: evidenceOf(25) });
        await stage.list.transition(
          `b-n${round}`,
          round === 2 ? goodwill : { kind: 'assign', assignee: 'bob', ...ada },
        );
      });
      expect(new Set(seen).size).toBe(seen.length);
      for (const name of names(0, 1, 3, 4, 5, 6, 7, 8)) expect(seen).toContain(name);
    }
  });

  it('refuses a cursor of another filter or sort, and what is none', async () => {
    const stage = onStage();
    await fill(stage);
    const { nextCursor } = await stage.list.list({ states: ['active', 'proposed'], limit: 2 });
    if (nextCursor === null) throw new Error('there is more');
    const same = await stage.list.list({ states: ['proposed', 'active'], limit: 5, cursor: nextCursor });
    expect(same.blocks.map(({ verdictId }) => verdictId)).toEqual(names(6, 5, 4, 3, 2));
    const others: readonly BlockQuery[] = [
      { states: ['active'], cursor: nextCursor },
      { states: ['active', 'proposed'], sort: 'oldest', cursor: nextCursor },
      { states: ['active', 'proposed'], rule: 'depth', cursor: nextCursor },
      { states: ['active', 'proposed'], cursor: `${nextCursor}x.y` },
      { cursor: '17' },
      { cursor: '' },
      { cursor: 'x'.repeat(5000) },
    ];
    for (const query of others) {
      await expect(stage.list.list(query)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        problems: [{ path: 'cursor' }],
      });
    }
  });

  it('lists blocks of every kind and origin by these', async () => {
    const stage = onStage();
    await stage.made({ id: 'v1' });
    await stage.added(network('192.0.2.0/24'));
    await stage.added(user('alice', 'acme'));
    await stage.import([clientB]);
    expect(await listed(stage, { subjectKinds: ['network'] })).toEqual(['manual']);
    expect(await listed(stage, { subjectKinds: ['ip'] })).toEqual(['v1']);
    expect(await listed(stage, { origins: ['list', 'detector'] })).toEqual(['bad', 'v1']);
    expect(await listed(stage, { tenants: ['acme'] })).toEqual(['manual']);
    expect(await listed(stage, { subjectKey: 'acme/user:alice' })).toEqual(['manual']);
  });
};
