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

/** The same connection, where something else happens before a script: with which call of how many. */
const interrupted = (redis: RedisConnection, before: (calls: number) => Promise<unknown> | null): RedisConnection => {
  let calls = 0;
  return new Proxy(redis, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver);
      if (name !== 'evalsha' || typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls += 1;
        const other = before(calls);
        return other === null
          ? Reflect.apply(value, target, args)
          : other.then(() => Reflect.apply(value, target, args));
      };
    },
  });
};

const signal = () => {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
};

const until = async (isSo: () => Promise<number>): Promise<void> => {
  while ((await isSo()) === 0) await systemClock.sleep(5);
};

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

  it('goes in step by step, so that the server answers others in between', async () => {
    const list = open();
    const beside = await openRedis({ url: server.url });
    await redis.call('CONFIG', 'RESETSTAT');
    let isDone = false;
    let answers = 0;
    const importing = list.importList(listOf(addresses(30_000))).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await beside.ping();
      answers += 1;
    }
    await importing;
    const [, scripts] = /cmdstat_evalsha:calls=(\d+)/.exec(await beside.info('commandstats')) ?? [];
    beside.disconnect();
    expect(Number(scripts)).toBeGreaterThanOrEqual(30);
    expect(answers).toBeGreaterThanOrEqual(5);
  });

  it('leaves the old list in force when it dies on the way, and the next import of the list tidies up', async () => {
    const namespace = freshName('import');
    const list = new RedisBlockList({ redis, namespace });
    await list.importList(listOf(addresses(3000)));
    const dying = interrupted(redis, (calls) => (calls > 4 ? Promise.reject(new Error('gone')) : null));
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
    const namespace = freshName('import');
    const list = new RedisBlockList({ redis, namespace });
    const later = addresses(5000).slice(2500);
    const begun = signal();
    const over = signal();
    // The one goes on when the other has begun, and that one when the first is over.
    const first = interrupted(redis, (calls) => (calls === 3 ? begun.promise : null));
    const second = interrupted(redis, (calls) => {
      if (calls === 3) begun.resolve();
      return calls === 3 ? over.promise : null;
    });
    const results = await Promise.allSettled([
      new RedisBlockList({ redis: first, namespace }).importList(listOf(addresses(5000))).finally(over.resolve),
      until(() => redis.hexists(`tg1:${namespace}:{bl}:2:terms`, '1')).then(() =>
        new RedisBlockList({ redis: second, namespace }).importList(listOf(later)),
      ),
    ]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'BLOCK_CONFLICT' } },
      { status: 'fulfilled', value: { added: expect.any(Number) } },
    ]);
    expect(await held(list)).toBe(later.length);
    const again = await list.importList(listOf(addresses(10)));
    expect(again).toMatchObject({ added: 10, removed: later.length });
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
