import { afterAll, beforeAll, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { budget, promotionOf } from '../support/promotions.ts';
import { beforeListing } from '../support/release-before-listing.ts';
import { ada, falsePositive, goodwill, ip, startMs } from './block-list-stage.ts';

const networks = ['old', 'older', 'new', 'newer'];
const plenty = { ...budget, blocksPerHour: 10_000, blocksPerMinute: 10_000 };

describeWith('redis', 'a block list in Redis that a release before kept', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  const setUp = (change: { maxChanges?: number; maxBlocks?: number } = {}) => {
    const clock = new ManualClock(startMs);
    const setting = { namespace: freshName('upgrade'), nowMs: () => clock.nowMs(), ...change };
    const before = new RedisBlockList({ redis: beforeListing(redis), ...setting });
    const now = new RedisBlockList({ redis, ...setting });
    const make = async (list: RedisBlockList, count: number, name: string): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const subject = ip(`10.${networks.indexOf(name)}.${index >> 8}.${index & 255}`);
        const verdict = { id: `${name}${index}`, atMs: clock.nowMs(), subject };
        const made = await list.promote(promotionOf(verdict, { budget: { rule: plenty, all: plenty } }));
        expect(made.kind).toBe('activated');
      }
    };
    return { clock, before, now, make };
  };

  const idsOf = async (list: RedisBlockList, query: Parameters<RedisBlockList['list']>[0]) => {
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Awaited<ReturnType<RedisBlockList['list']>> = await list.list({
        ...query,
        limit: 500,
        ...(cursor !== '' && { cursor }),
      });
      ids.push(...page.blocks.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    return ids;
  };

  it('lists all that was made, as it is, and lets people go on with it', async () => {
    const { clock, before, now, make } = setUp();
    await make(before, 430, 'old');
    await before.transition('b-old1', { kind: 'confirm', ...ada });
    await before.transition('b-old2', falsePositive);
    await before.transition('b-old3', goodwill);
    expect(await idsOf(now, {})).toEqual(Array.from({ length: 430 }, (_, index) => `b-old${429 - index}`));
    expect(await idsOf(now, { isUnjudged: false, sort: 'oldest' })).toEqual(['b-old1', 'b-old2', 'b-old3']);
    expect(await now.count({ states: ['active'], isUnjudged: true }, 1000)).toEqual({ count: 427, isExact: true });
    expect(await idsOf(now, { subjectKey: 'ip:10.0.0.7', sort: 'most-denied' })).toEqual(['b-old7']);
    const counts = { made: 430, confirmed: 1, falsePositives: 1, goodwill: 1 };
    expect(await now.judgements()).toMatchObject([counts]);
    expect(await now.transition('b-old1', falsePositive)).toMatchObject({ label: 'false-positive' });
    expect(await now.transition('b-old1', { kind: 'undo', ...ada })).toMatchObject({
      state: 'confirmed',
      label: 'confirmed',
    });
    expect(await now.judgements()).toMatchObject([counts]);
    expect((await now.history('b-old1')).map(({ kind }) => kind)).toEqual(['made', 'lift', 'undo']);
    clock.advance(60_000);
    expect(await idsOf(now, { states: ['active', 'confirmed'] })).toEqual([]);
    expect(await now.count({ states: ['expired'] }, 1000)).toEqual({ count: 428, isExact: true });
  });

  it('takes a step before anybody has listed anything', async () => {
    const { before, now, make } = setUp();
    await make(before, 2, 'old');
    await now.transition('b-old0', { kind: 'confirm', ...ada });
    expect(await idsOf(now, { states: ['confirmed'] })).toEqual(['b-old0']);
    expect(await idsOf(now, { states: ['active'] })).toEqual(['b-old1']);
    expect(await now.judgements()).toMatchObject([{ made: 2, confirmed: 1 }]);
  });

  it('follows what processes of both releases do side by side', async () => {
    const { before, now, make } = setUp();
    await make(now, 3, 'new');
    await make(before, 3, 'old');
    await make(now, 2, 'newer');
    await before.transition('b-new0', falsePositive);
    await now.transition('b-old0', { kind: 'confirm', ...ada });
    await before.transition('b-old0', goodwill);
    const all = ['b-newer1', 'b-newer0', 'b-old2', 'b-old1', 'b-old0', 'b-new2', 'b-new1', 'b-new0'];
    expect(await idsOf(now, {})).toEqual(all);
    expect(await idsOf(now, { states: ['lifted'] })).toEqual(['b-old0', 'b-new0']);
    expect(await idsOf(now, { states: ['active'] })).toEqual(all.filter((id) => id !== 'b-old0' && id !== 'b-new0'));
    expect(await now.judgements()).toMatchObject([{ made: 8, confirmed: 0, falsePositives: 1, goodwill: 1 }]);
    expect((await before.get('b-newer0'))?.state).toBe('active');
    await before.transition('b-newer0', { kind: 'confirm', ...ada });
    expect(await idsOf(now, { states: ['confirmed'] })).toEqual(['b-newer0']);
  });

  it('lists anew what it missed of a change log that was trimmed meanwhile, and counts nothing twice', async () => {
    const { before, now, make } = setUp({ maxChanges: 5 });
    await make(now, 4, 'new');
    await make(before, 2, 'old');
    expect(await idsOf(now, { states: ['active'] })).toHaveLength(6);
    for (let index = 0; index < 4; index += 1) await before.transition(`b-new${index}`, { kind: 'confirm', ...ada });
    await make(before, 9, 'older');
    expect(await idsOf(now, { states: ['active'] })).toHaveLength(11);
    expect(await idsOf(now, { states: ['confirmed'] })).toHaveLength(4);
    expect(await now.judgements()).toMatchObject([{ made: 15, confirmed: 4 }]);
  });

  it('lists no more than it is told, whoever made it', async () => {
    const { clock, before, now, make } = setUp({ maxBlocks: 5 });
    await make(before, 4, 'old');
    await make(now, 4, 'new');
    expect(await idsOf(now, {})).toEqual(['b-new3', 'b-new2', 'b-new1', 'b-new0', 'b-old3']);
    clock.advance(60_000);
    await make(before, 3, 'older');
    expect(await idsOf(now, { states: ['active'] })).toEqual(['b-older2', 'b-older1', 'b-older0']);
    expect(await idsOf(now, {})).toHaveLength(5);
    expect(await now.count({}, 100)).toEqual({ count: 5, isExact: true });
  });
});
