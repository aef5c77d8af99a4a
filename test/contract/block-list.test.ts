import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockDurationMs, durationTermsOf, millionthsOf } from '../../src/blocklist/promotion.ts';
import { ManualClock } from '../../src/clock.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { promotionOf } from '../support/promotions.ts';
import { blockListContract } from './block-list.contract.ts';

describe('the block list in memory', () => {
  blockListContract((setting) => new MemoryBlockList(setting));
});

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
    const [seconds] = await redis.time();
    const made = await list.promote(promotionOf({ id: 'v1', atMs: Number(seconds) * 1000 }));
    if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
    expect(Math.abs(made.block.blockedAtMs - Number(seconds) * 1000)).toBeLessThan(5000);
    await list.lift(made.block.id, { actor: 'ada', reason: 'goodwill', note: '' });
    const keys = await redis.keys(`tg1:${namespace}:*`);
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) {
      expect(key).toContain(':{bl}:');
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
  });

  it('keeps neither entries that are over nor more blocks in the listing than it is told', async () => {
    const namespace = freshName('blocks');
    const clock = new ManualClock();
    const list = new RedisBlockList({ redis, namespace, nowMs: () => clock.nowMs(), maxBlocks: 5 });
    for (let n = 0; n < 12; n += 1) {
      const client = { kind: 'ip' as const, id: `198.51.100.${n}` };
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), client }));
      clock.advance(30_000);
    }
    const prefix = `tg1:${namespace}:{bl}:`;
    const held = [await redis.hlen(`${prefix}entries`), await redis.zcard(`${prefix}expiries`)];
    expect(held).toEqual([2, 2]);
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
        const list = new RedisBlockList({
          redis,
          namespace: freshName('blocks'),
          nowMs: () => clock.nowMs(),
          random: () => random,
        });
        for (let strikes = 1; strikes <= 4; strikes += 1) {
          const made = await list.promote(promotionOf({ id: `v${strikes}`, atMs: clock.nowMs() }, { duration }));
          if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
          const lengthMs = made.block.expiresAtMs - made.block.blockedAtMs;
          expect(lengthMs).toBe(blockDurationMs(durationTermsOf(duration), strikes, millionthsOf(random)));
          clock.advance(duration.maxMs);
        }
      }),
      { numRuns: 50 },
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
