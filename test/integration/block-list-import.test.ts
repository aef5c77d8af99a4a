import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import type { BlockSubject } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName, type OwnEngine, startRedis } from '../support/engines.ts';
import { repositoryRoot } from '../support/source-text.ts';

const act = { actor: 'ada', note: '' } as const;
const refuse = { kind: 'refuse' } as const;
const addressOf = (n: number): BlockSubject => ({
  kind: 'ip',
  id: `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`,
});
const addresses = (count: number): BlockSubject[] => Array.from({ length: count }, (_, n) => addressOf(n));
const inAnHour = (): number => systemClock.nowMs() + 3_600_000;
const listOf = (subjects: readonly BlockSubject[], change = {}) => ({
  list: 'bad',
  subjects,
  action: refuse,
  untilMs: inAnHour(),
  ...act,
  ...change,
});

/** A published list of addresses, where it was put beside the project. */
const published = join(repositoryRoot, '../shared/data/ipsum.tsv.gz');
const isPublished = existsSync(published);
if (!isPublished)
  process.stderr.write('\n!!! SKIPPING the import of a published list: no ../shared/data/ipsum.tsv.gz\n');

describeWith('redis', 'importing into a block list in Redis', () => {
  let server: OwnEngine;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    redis = await openRedis({ url: server.url });
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  const open = (options = {}) => new RedisBlockList({ redis, namespace: freshName('import'), ...options });
  const usedBytes = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const held = async (list: RedisBlockList): Promise<number> => {
    let [count, page] = [0, await list.snapshot()];
    for (;;) {
      count += page.entries.length;
      if (page.nextPage === null) return count;
      page = await list.snapshot(page.nextPage);
    }
  };

  it.skipIf(!isPublished)('takes 120,000 published addresses in seconds, in less than 90 bytes each', async () => {
    const rows = gunzipSync(readFileSync(published)).toString().split('\n');
    const subjects = rows
      .filter((row) => /^\d/.test(row))
      .map((row): BlockSubject => ({ kind: 'ip', id: row.split('\t', 1)[0] ?? '' }));
    const list = open();
    const before = await usedBytes();
    const startMs = systemClock.nowMs();
    const result = await list.importList(listOf(subjects));
    const tookMs = systemClock.nowMs() - startMs;
    expect(result).toMatchObject({ added: subjects.length, refused: 0, shadowed: 0, removed: 0 });
    // The bench holds it to 2 s; on a machine that runs other suites as well nothing so tight can be asked.
    expect(tookMs).toBeLessThan(15_000);
    // With the change log of it, which gates have yet to read.
    expect(((await usedBytes()) - before) / subjects.length).toBeLessThan(90);
    expect(await held(list)).toBe(subjects.length);
  });

  it('keeps the server answering others while a long list goes in', async () => {
    const list = open();
    const beside = await openRedis({ url: server.url });
    let isDone = false;
    let worstUs = 0;
    const importing = list.importList(listOf(addresses(30_000))).finally(() => {
      isDone = true;
    });
    // The server's own measure: what a busy machine does to this process is none of its business.
    await redis.call('CONFIG', 'RESETSTAT');
    while (!isDone) await beside.ping();
    await importing;
    const stats = await beside.info('commandstats');
    for (const [, calls, usec] of stats.matchAll(/cmdstat_evalsha:calls=(\d+),usec=(\d+)/g)) {
      worstUs = Number(usec) / Number(calls);
    }
    beside.disconnect();
    expect(worstUs).toBeGreaterThan(0);
    expect(worstUs).toBeLessThan(20_000);
  });

  it('leaves the old list in force when it dies on the way, and the next import of the list tidies up', async () => {
    const namespace = freshName('import');
    const list = new RedisBlockList({ redis, namespace });
    await list.importList(listOf(addresses(3000)));
    let calls = 0;
    const dying = new Proxy(redis, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        if (name !== 'evalsha' || typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          calls += 1;
          return calls > 4 ? Promise.reject(new Error('gone')) : Reflect.apply(value, target, args);
        };
      },
    });
    const other = new RedisBlockList({ redis: dying, namespace });
    const moved = addresses(6000).slice(1500);
    await expect(other.importList(listOf(moved))).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true });
    const half = await held(list);
    expect(half).toBeGreaterThan(3000);
    expect(half).toBeLessThan(6000);
    const result = await list.importList(listOf(moved));
    expect(result.added + result.renewed).toBe(4500);
    expect(result.removed).toBe(1500);
    expect(await held(list)).toBe(4500);
    expect(await redis.hlen(`tg1:${namespace}:{bl}:2:terms`)).toBe(1);
  });

  it('lets the later of two imports of one list win, and tells the other', async () => {
    const list = open();
    const results = await Promise.allSettled([
      list.importList(listOf(addresses(5000))),
      list.importList(listOf(addresses(5000).slice(2500))),
    ]);
    const lost = results.filter(({ status }) => status === 'rejected');
    expect(lost.length).toBeLessThanOrEqual(1);
    for (const result of lost) expect(result).toMatchObject({ reason: { code: 'BLOCK_CONFLICT' } });
    const again = await list.importList(listOf(addresses(10)));
    expect(again.added + again.renewed).toBe(10);
    expect(await held(list)).toBe(10);
  });

  it('takes a lifted list out of force in one step, tells gates of each entry, and leaves nothing behind', async () => {
    const namespace = freshName('import');
    const list = new RedisBlockList({ redis, namespace });
    const gate = new BlockListReplica({ feed: list, clock: systemClock });
    await list.importList(listOf(addresses(4000)));
    await list.importList(listOf([{ kind: 'network', id: '192.0.2.0/24' }], { list: 'other' }));
    await gate.sync();
    expect(gate.find({ kind: 'ip', id: '198.18.0.7' }, '', systemClock.nowMs())).not.toBeNull();
    await list.transition('l-bad', { kind: 'lift', reason: 'false-positive', ...act });
    expect(await held(list)).toBe(1);
    await gate.sync();
    expect(gate.stats()).toMatchObject({ snapshots: 1, entries: 1 });
    expect(gate.find({ kind: 'ip', id: '192.0.2.7' }, '', systemClock.nowMs())).not.toBeNull();
    const shards = await redis.keys(`tg1:${namespace}:?bl?:2:e:*`);
    expect(shards).toHaveLength(1);
  });

  it('sends a follower that a long import has left behind to a snapshot', async () => {
    const list = open({ maxLoggedEntries: 2000 });
    const gate = new BlockListReplica({ feed: list, clock: systemClock });
    await list.importList(listOf(addresses(100)));
    await gate.sync();
    await list.importList(listOf(addresses(20_000)));
    await gate.sync();
    expect(gate.stats()).toMatchObject({ snapshots: 2, gaps: 1, entries: 20_000 });
  });
});
