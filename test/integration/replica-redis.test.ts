import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BlockEntry } from '../../src/blocklist/block-feed.ts';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import type { BlockSubject, Client } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { FaultyFeed, feedFaults } from '../support/faulty-feed.ts';
import { naiveFind, wholeList } from '../support/naive-block-list.ts';

const act = { actor: 'ada', note: '' };
const refuse = { kind: 'refuse' } as const;

/** The same dice for every run. */
const diceOf = (seed: number): ((sides: number) => number) => {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
};

const subjectAt = (index: number): BlockSubject => {
  const ids = [`203.0.113.${index}`, `2001:db8:0:${index.toString(16)}::/64`, `customer-${index}`];
  if (index % 5 === 3) return { kind: 'network', id: `203.0.${112 + (index % 16)}.0/24` };
  if (index % 5 === 4) return { kind: 'network', id: `2001:db8:${index % 4}::/48` };
  return { kind: index % 5 === 2 ? 'key' : 'ip', id: ids[index % 5] ?? '' };
};
const clients: readonly Client[] = Array.from({ length: 60 }, (_, index): Client => {
  const { kind, id } = subjectAt(index);
  if (kind !== 'network') return { kind, id };
  return { kind: 'ip', id: id.includes(':') ? id.replace('::/48', ':7::/64') : id.replace('.0/24', '.7') };
});

describeWith('redis', 'a replica of the list in Redis', (url) => {
  let redis: RedisConnection;
  beforeAll(async () => {
    redis = await openRedis({ url });
  });
  afterAll(() => redis.disconnect());

  const listOf = (): RedisBlockList =>
    new RedisBlockList({ redis, namespace: freshName('replica'), maxChanges: 20, entriesPerPage: 10 });

  const isEqual = async (replica: BlockListReplica, list: RedisBlockList): Promise<void> => {
    const { entries, exemptions, cursor } = await wholeList(list);
    expect(replica.cursor).toEqual(cursor);
    const exempt = exemptions.map(
      ({ subjectKey, untilMs }): BlockEntry => ({
        subjectKey,
        blockId: '',
        rule: '',
        expiresAtMs: untilMs,
        action: refuse,
      }),
    );
    const nowMs = systemClock.nowMs();
    for (const client of clients) {
      const asked = { client, tenant: '', nowMs };
      const expected = naiveFind(exempt, asked) === null ? naiveFind(entries, asked) : null;
      expect(replica.find(client, '', nowMs)).toEqual(expected);
    }
  };

  it('equals it after random writes, losses, repetitions, reorderings, trims and another epoch', async () => {
    const dice = diceOf(11);
    let list = listOf();
    const feed = new FaultyFeed(list);
    const replica = new BlockListReplica({ feed });
    const untilMs = systemClock.nowMs() + 3_600_000;
    const step = async (): Promise<void> => {
      const subject = subjectAt(dice(60));
      const what = dice(10);
      if (what < 5) await list.add({ subject, action: refuse, untilMs, ...act });
      else if (what === 5) await list.allow({ subject, kind: 'allow', untilMs, ...act });
      else if (what === 6) await list.disallow(subject, act);
      else if (what === 7) {
        const { blocks } = await list.list({ states: ['active'], limit: 20 });
        const block = blocks[dice(Math.max(1, blocks.length))];
        if (block) await list.transition(block.id, { kind: 'lift', reason: 'goodwill', ...act });
      } else if (what === 8) {
        const subjects = Array.from({ length: 30 }, () => subjectAt(dice(60)));
        await list.importList({ list: 'feed', subjects, action: refuse, untilMs, ...act });
      } else await replica.sync().catch(() => undefined);
    };
    for (let round = 0; round < 6; round += 1) {
      feed.next = () => feedFaults[dice(feedFaults.length)] ?? 'none';
      for (let at = 0; at < 40; at += 1) await step();
      feed.next = () => 'none';
      await replica.sync();
      await isEqual(replica, list);
      if (round !== 3) continue;
      list = listOf();
      feed.source = list;
    }
    expect(replica.stats().gaps).toBeGreaterThan(0);
  });

  it('follows what is written without a snapshot more than the first, and tells what it refused', async () => {
    const list = new RedisBlockList({ redis, namespace: freshName('replica') });
    const replica = new BlockListReplica({ feed: list });
    await replica.sync();
    const untilMs = systemClock.nowMs() + 3_600_000;
    for (let index = 0; index < 30; index += 1) {
      await list.add({ subject: subjectAt(index), action: refuse, untilMs, ...act });
      await replica.sync();
    }
    await isEqual(replica, list);
    expect(replica.stats()).toMatchObject({ snapshots: 1, gaps: 0, failures: 0 });
    const entry = replica.find({ kind: 'key', id: 'customer-2' }, '', systemClock.nowMs());
    if (entry === null) throw new Error('nothing refused it');
    replica.refused(entry, { commands: 2, bytes: 300 }, systemClock.nowMs());
    await replica.stop();
    expect(await list.refusals([entry.blockId])).toMatchObject([
      { blockId: entry.blockId, refused: 1, commands: 2, bytes: 300 },
    ]);
  });
});
