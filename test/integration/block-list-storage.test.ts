import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockDurationMs, durationTermsOf, millionthsOf } from '../../src/blocklist/promotion.ts';
import { type BlockSubject, subjectKeyOf } from '../../src/client.ts';
import { ManualClock, systemClock } from '../../src/clock.ts';
import { RedisBlockList, type RedisBlockListOptions } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { duration, promotionOf } from '../support/promotions.ts';

const ada = { actor: 'ada', note: '' } as const;
const refuse = { kind: 'refuse' } as const;
const ip = (id: string): BlockSubject => ({ kind: 'ip', id });
const addressOf = (n: number): string => `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;

describeWith('redis', 'what a block list is in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis?.disconnect());

  const open = (options: Partial<RedisBlockListOptions> = {}) => {
    const namespace = freshName('stored');
    const prefix = `tg1:${namespace}:{bl}:2:`;
    return { list: new RedisBlockList({ redis, namespace, ...options }), prefix, namespace };
  };
  const keysOf = (namespace: string) => redis.keys(`tg1:${namespace}:*`);
  const shardsOf = (prefix: string) => redis.keys(`${prefix.replace(/[{}]/g, '?')}e:*`);

  /** Everything that can be written, once. */
  const writeAll = async (list: RedisBlockList, nowMs: number): Promise<void> => {
    const untilMs = nowMs + 3_600_000;
    const made = await list.promote(promotionOf({ id: 'v1', atMs: nowMs, subject: ip('203.0.113.1') }));
    await list.promote(promotionOf({ id: 'v2', atMs: nowMs, subject: ip('203.0.113.2') }, { mode: 'review' }));
    await list.noteTraffic([{ partition: 0, windowStartMs: nowMs - (nowMs % 60_000), allowed: 5, clients: 2 }]);
    await list.noteIdentities([{ address: '203.0.113.9', clientKey: 'user:ada' }]);
    await list.noteRefusals([{ blockId: 'b-v1', refused: 3, commands: 6, bytes: 600, lastAtMs: nowMs }]);
    await list.add({ subject: { kind: 'network', id: '192.0.2.0/24' }, action: refuse, untilMs, ...ada });
    await list.allow({ subject: { kind: 'network', id: '100.64.0.0/10' }, kind: 'canary', untilMs, ...ada });
    await list.importList({ list: 'bad', subjects: [ip('198.51.100.7')], action: refuse, untilMs, ...ada });
    await list.setSwitch('blocks', { untilMs, ...ada }, ada);
    await list.override({ rule: 'depth', mode: 'shadow', untilMs, ...ada });
    await list.leadRelay('relay-1', 5000);
    await list.markRelayed((await list.loggedAfter(null, 1)).cursor);
    if ('block' in made) await list.transition(made.block.id, { kind: 'lift', reason: 'goodwill', ...ada });
  };

  it('lives in the time of the server, in one slot, and every key of it expires', async () => {
    const { list, namespace, prefix } = open();
    await writeAll(list, systemClock.nowMs());
    const keys = await keysOf(namespace);
    expect(keys.length).toBeGreaterThan(20);
    for (const key of keys) {
      expect(key.startsWith(prefix), key).toBe(true);
      expect(await redis.pttl(key), key).toBeGreaterThan(0);
    }
    const [seconds] = await redis.time();
    expect(Math.abs(((await list.get('b-v1'))?.blockedAtMs ?? 0) - Number(seconds) * 1000)).toBeLessThan(5000);
    // The prefix is declared as a key, so that no script runs on one half of a slot that moves: it must never be one.
    expect(await redis.exists(prefix)).toBe(0);
  });

  it('keeps a list in hashes that stay packed, whatever long ids lie beside it', async () => {
    const { list, prefix } = open();
    const subjects = Array.from({ length: 3000 }, (_, n) => ip(addressOf(n)));
    const untilMs = systemClock.nowMs() + 3_600_000;
    await list.importList({
      list: 'bad',
      subjects,
      action: { kind: 'limit', limit: 5, windowMs: 60_000 },
      untilMs,
      ...ada,
    });
    for (let n = 0; n < 5; n += 1) {
      const subject: BlockSubject = { kind: 'user', id: `${n}${'x'.repeat(120)}`, tenant: 'acme' };
      await list.add({ subject, action: refuse, untilMs, ...ada });
      await list.promote(
        promotionOf({ id: `${'0'.repeat(23)}${n}`, atMs: systemClock.nowMs(), subject: ip(`10.9.8.${n}`) }),
      );
    }
    const encodings = new Map<string, number>();
    for (const key of await shardsOf(prefix)) {
      const long = Number(key.slice(prefix.length + 2)) >= 16_384;
      const encoding = `${long ? 'long' : 'short'} ${await redis.object('ENCODING', key)}`;
      encodings.set(encoding, (encodings.get(encoding) ?? 0) + 1);
    }
    expect([...encodings.keys()].sort()).toEqual(['long hashtable', 'short listpack']);
    expect(encodings.get('long hashtable')).toBeLessThanOrEqual(5);
  });

  it('forgets entries that are over with the writes that come after, and a lapsed shard by itself', async () => {
    const clock = new ManualClock();
    const { list, prefix } = open({ nowMs: () => clock.nowMs() });
    for (let n = 0; n < 60; n += 1) {
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject: ip(addressOf(n)) }));
    }
    expect(await shardsOf(prefix)).toHaveLength(60);
    clock.advance(120_000);
    for (let n = 0; n < 5; n += 1) await list.noteTraffic([{ partition: 0, windowStartMs: 0, allowed: 0, clients: 0 }]);
    expect(await shardsOf(prefix)).toHaveLength(0);
    expect(await redis.bitcount(`${prefix}shards`)).toBe(0);
  });

  it('keeps no more blocks in the listing and no more packed entries in the log than it is told', async () => {
    const clock = new ManualClock();
    const { list, prefix } = open({ nowMs: () => clock.nowMs(), maxBlocks: 5, maxLoggedEntries: 2500 });
    for (let n = 0; n < 12; n += 1) {
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject: ip(addressOf(n)) }));
    }
    expect((await list.list({})).blocks.map(({ verdictId }) => verdictId)).toEqual(['v11', 'v10', 'v9', 'v8', 'v7']);
    const behind = await list.snapshot();
    const subjects = Array.from({ length: 6000 }, (_, n) => ip(addressOf(100 + n)));
    await list.importList({ list: 'bad', subjects, action: refuse, untilMs: clock.nowMs() + 1_000_000, ...ada });
    expect(await redis.xlen(`${prefix}changes`)).toBe(2);
    expect(await redis.hget(`${prefix}list`, 'packed')).toBe('2000');
    expect(await list.changesAfter(behind, 1000)).toEqual({ kind: 'gap' });
  });

  it('lets blocks that have ended leave the listing before those in force', async () => {
    const clock = new ManualClock();
    const { list } = open({ nowMs: () => clock.nowMs(), maxBlocks: 3 });
    for (const n of [0, 1, 2]) {
      const subject = ip(addressOf(n));
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject }));
    }
    await list.transition('b-v1', { kind: 'lift', reason: 'goodwill', ...ada });
    for (const n of [3, 4]) {
      await list.promote(promotionOf({ id: `v${n}`, atMs: clock.nowMs(), subject: ip(addressOf(n)) }));
    }
    expect((await list.list({})).blocks.map(({ verdictId }) => verdictId)).toEqual(['v4', 'v3', 'v2']);
    expect((await list.get('b-v0'))?.state).toBe('active');
  });

  it('remembers a bounded number of identities of one network, for a day', async () => {
    const clock = new ManualClock();
    const { list, prefix } = open({ nowMs: () => clock.nowMs() });
    const notes = Array.from({ length: 300 }, (_, n) => ({
      address: `203.0.113.${n % 2}`,
      clientKey: `user:${n}`,
    }));
    await list.noteIdentities(notes);
    const counted = async (id: string, kind: 'ip' | 'network' = 'ip') => (await list.standing({ kind, id })).identities;
    expect(await counted('203.0.113.0')).toBe(64);
    expect(await counted('203.0.113.0/24', 'network')).toBe(128);
    expect(await counted('203.0.0.0/16', 'network')).toBe(128);
    expect(await counted('203.0.114.0/24', 'network')).toBe(0);
    expect(await redis.object('ENCODING', `${prefix}i:4cb0071`)).toBe('listpack');
    clock.advance(86_400_000 + 3_600_000);
    expect(await counted('203.0.113.0')).toBe(0);
    await list.noteIdentities([{ address: '198.51.100.1', clientKey: 'user:ada' }]);
    expect(await redis.zrange(`${prefix}networks`, '0', '-1')).toEqual(['4c63364']);
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
      fc.asyncProperty(terms, fc.double({ min: 0, max: 0.999_999, noNaN: true }), async (rule, random) => {
        const clock = new ManualClock();
        const { list } = open({ nowMs: () => clock.nowMs(), random: () => random });
        for (let strikes = 1; strikes <= 4; strikes += 1) {
          const made = await list.promote(promotionOf({ id: `v${strikes}`, atMs: clock.nowMs() }, { duration: rule }));
          if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
          const lengthMs = made.block.expiresAtMs - made.block.blockedAtMs;
          expect(lengthMs).toBe(blockDurationMs(durationTermsOf(rule), strikes, millionthsOf(random)));
          clock.advance(rule.maxMs);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('lets a release with another stored form work beside it, each on a list of its own', async () => {
    const { list, namespace } = open();
    const before = `tg1:${namespace}:{bl}:`;
    // As the form before it was: one hash of entries, and blocks without an action.
    await redis.hset(`${before}list`, 'epoch', 'old', 'sequence', 7);
    await redis.hset(`${before}entries`, 'ip:203.0.113.9', `${systemClock.nowMs() + 60_000} b-old breadth`);
    await redis.hset(`${before}block:b-old`, 'state', 'active', 'version', 1, 'fixed', '{}');
    const made = await list.promote(promotionOf({ id: 'v1', atMs: systemClock.nowMs() }));
    expect(made.kind).toBe('activated');
    expect(await list.get('b-old')).toBeNull();
    expect(await redis.hgetall(`${before}list`)).toEqual({ epoch: 'old', sequence: '7' });
    expect(await redis.hlen(`${before}entries`)).toBe(1);
    await redis.del(`${before}list`, `${before}entries`, `${before}block:b-old`);
  });

  it.each([
    ['a tenant of braces', { kind: 'user', id: 'ada', tenant: '{other}' }],
    ['a tenant of spaces and lines', { kind: 'user', id: 'a b  c', tenant: ' \n\r\0\t ' }],
    ['a tenant that looks like a key', { kind: 'ip', id: '203.0.113.200', tenant: 'network:10.0.0.0/8' }],
    ['an id that looks like an import', { kind: 'key', id: '~1' }],
    ['an id in hex', { kind: 'user', id: 'dead:beef' }],
    ['an id of quotes and code', { kind: 'user', id: `"]} return redis.call('FLUSHALL') --[[` }],
    ['letters of the world', { kind: 'user', id: 'Ünïcødé 測試 🐟' }],
  ] as const)('takes %s for what it is', async (_, subject: BlockSubject) => {
    const { list, namespace, prefix } = open();
    const nowMs = systemClock.nowMs();
    const made = await list.promote(
      promotionOf({ id: 'v1', atMs: nowMs, subject, tenant: subject.tenant ?? '' }, { duration }),
    );
    if (made.kind !== 'activated') throw new Error(`expected a block, got ${made.kind}`);
    const stored = (await list.get(made.block.id))?.subject;
    expect(stored).toEqual(subject);
    const key = subjectKeyOf(subject);
    const page = await list.snapshot();
    expect(page.entries.map(({ subjectKey }) => subjectKey)).toEqual([key]);
    const { cursor } = await list.loggedAfter(null, 10);
    const told = await list.changesAfter({ ...cursor, sequence: 0 }, 10);
    expect(told).toMatchObject({ changes: [{ kind: 'added', entries: [{ subjectKey: key, blockId: 'b-v1' }] }] });
    await list.allow({ subject, kind: 'allow', untilMs: nowMs + 60_000, ...ada });
    expect(await list.snapshot()).toMatchObject({ entries: [], exemptions: [{ subjectKey: key }] });
    expect((await list.standing(subject)).allowed).toHaveLength(1);
    for (const name of await keysOf(namespace)) expect(name.startsWith(prefix), name).toBe(true);
  });
});
