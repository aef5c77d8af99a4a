import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockDurationMs, durationTermsOf, millionthsOf } from '../../src/blocklist/promotion.ts';
import { ManualClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';
import { blockListContract } from './block-list.contract.ts';
import { ada, clientAt } from './block-list-stage.ts';

describeWith('redis', 'the block list in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  blockListContract(
    ({ clock, ...setting }) =>
      new RedisBlockList({ redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), ...setting }),
  );

  it('lives in the time of the server unless it is told another, and gives every key an expiry', async () => {
    const namespace = freshName('blocks');
    const list = new RedisBlockList({ redis, namespace });
    const nowMs = Number((await redis.time())[0]) * 1000;
    const made = await list.promote(promotionOf({ id: 'v1', atMs: nowMs }));
    if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
    expect(Math.abs(made.block.blockedAtMs - nowMs)).toBeLessThan(5000);
    await list.transition(made.block.id, { kind: 'lift', reason: 'goodwill', ...ada });
    await list.allow({ subject: clientAt(7), kind: 'allow', untilMs: nowMs + 60_000, ...ada });
    await list.noteIdentities([{ address: '192.0.2.1', clientKey: 'user:alice' }]);
    await list.noteTraffic([{ partition: 0, windowStartMs: nowMs - 60_000, allowed: 1, clients: 1 }]);
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });

  it('keeps no more blocks in the listing than it is told', async () => {
    const clock = new ManualClock();
    const list = new RedisBlockList({
      redis,
      namespace: freshName('blocks'),
      nowMs: () => clock.nowMs(),
      maxBlocks: 5,
    });
    for (let n = 0; n < 12; n += 1) {
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject: clientAt(n) }));
      clock.advance(30_000);
    }
    expect((await list.list({})).blocks.map(({ verdictId }) => verdictId)).toEqual(['v11', 'v10', 'v9', 'v8', 'v7']);
  });

  it('computes durations as the reference does', async () => {
    const terms = fc.record({
      baseMs: fc.integer({ min: 1000, max: 86_400_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      maxMs: fc.integer({ min: 1000, max: 30 * 86_400_000 }),
      jitter: fc.double({ min: 0, max: 0.9, noNaN: true }),
      strikeTtlMs: fc.constant(400 * 86_400_000),
    });
    await fc.assert(
      fc.asyncProperty(terms, fc.double({ min: 0, max: 0.999_999, noNaN: true }), async (duration, random) => {
        const clock = new ManualClock();
        const setting = { redis, namespace: freshName('blocks'), nowMs: () => clock.nowMs(), random: () => random };
        const list = new RedisBlockList(setting);
        for (let strikes = 1; strikes <= 4; strikes += 1) {
          const made = await list.promote(promotionOf({ id: `v${strikes}`, atMs: clock.nowMs() }, { duration }));
          if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
          const lengthMs = made.block.expiresAtMs - made.block.blockedAtMs;
          expect(lengthMs).toBe(blockDurationMs(durationTermsOf(duration), strikes, millionthsOf(random)));
          clock.advance(duration.maxMs + 1000);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('starts a new epoch when the list was lost, so that followers take a snapshot', async () => {
    const namespace = freshName('blocks');
    const list = new RedisBlockList({ redis, namespace });
    const nowMs = Number((await redis.time())[0]) * 1000;
    await list.promote(promotionOf({ id: 'v1', atMs: nowMs }));
    const before = await list.snapshot();
    await redis.del(...(await redis.keys(`tg1:${namespace}:*`)));
    expect(await list.changesAfter(before, 10)).toEqual({ kind: 'gap' });
    await list.promote(promotionOf({ id: 'v2', atMs: nowMs }));
    expect(await list.changesAfter(before, 10)).toEqual({ kind: 'gap' });
  });
});
