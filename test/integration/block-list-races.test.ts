import { afterAll, beforeAll, expect, it } from 'vitest';
import { BlockListReplica } from '../../src/blocklist/replica.ts';
import type { BlockSubject } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { RedisBlockList } from '../../src/redis/block-list.ts';
import { openRedis, type RedisConnection } from '../../src/redis/client.ts';
import { describeWith, freshName } from '../support/engines.ts';
import { clientA, promotionOf } from '../support/promotions.ts';

const connectionsPerTest = 6;
const ada = { actor: 'ada', note: '' } as const;
const ip = (id: string): BlockSubject => ({ kind: 'ip', id });

describeWith('redis', 'several processes at one block list in Redis', (url) => {
  const connections: RedisConnection[] = [];
  beforeAll(async () => {
    for (let n = 0; n < connectionsPerTest; n += 1) connections.push(await openRedis({ url }));
  });
  afterAll(() => {
    for (const redis of connections) redis.disconnect();
  });

  /** The same list over as many connections as there would be processes. */
  const openAll = (options = {}): [RedisBlockList, ...RedisBlockList[]] => {
    const namespace = freshName('races');
    const [first, ...others] = connections.map((redis) => new RedisBlockList({ redis, namespace, ...options }));
    if (!first) throw new Error('no connection');
    return [first, ...others];
  };
  const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

  it('lets one of many steps from one version win, whatever they want', async () => {
    const lists = openAll();
    for (let round = 0; round < 10; round += 1) {
      const subject = ip(`203.0.113.${round}`);
      const made = await lists[0].promote(promotionOf({ id: `v${round}`, atMs: systemClock.nowMs(), subject }));
      const id = 'block' in made ? made.block.id : '';
      const steps = [
        { kind: 'confirm' },
        { kind: 'lift', reason: 'goodwill' },
        { kind: 'extend', untilMs: systemClock.nowMs() + 900_000 },
        { kind: 'change-action', action: { kind: 'limit', limit: 5, windowMs: 60_000 } },
        { kind: 'lift', reason: 'false-positive' },
        { kind: 'confirm' },
      ] as const;
      const results = await Promise.allSettled(
        lists.map((list, n) => list.transition(id, { ifVersion: 1, ...ada, ...(steps[n] ?? steps[0]) })),
      );
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(won).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(codeOf(result.reason)).toBe('BLOCK_CONFLICT');
      }
      expect(await lists[0].get(id)).toEqual(won[0]);
    }
  });

  it('takes every step that is possible where nobody asks for a version, one after the other', async () => {
    const lists = openAll();
    const made = await lists[0].promote(promotionOf({ id: 'v1', atMs: systemClock.nowMs() }));
    const id = 'block' in made ? made.block.id : '';
    const untilMs = systemClock.nowMs() + 900_000;
    await Promise.all(lists.map((list, n) => list.transition(id, { kind: 'extend', untilMs: untilMs + n, ...ada })));
    const block = await lists[0].get(id);
    expect(block?.version).toBe(1 + connectionsPerTest);
    const logged = await lists[0].loggedAfter(null, 100);
    const versions = logged.kind === 'changes' ? logged.changes.map(({ block: { version } }) => version) : [];
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect((await lists[0].snapshot()).entries).toMatchObject([{ expiresAtMs: block?.expiresAtMs }]);
  });

  it('never enforces whom somebody allowed, however verdicts, people and imports race', async () => {
    for (let round = 0; round < 15; round += 1) {
      const [detector, person, importer, allower, gate] = openAll();
      if (!person || !importer || !allower || !gate) throw new Error('too few connections');
      const nowMs = systemClock.nowMs();
      const untilMs = nowMs + 600_000;
      const refuse = { kind: 'refuse' } as const;
      await Promise.all([
        detector.promote(promotionOf({ id: 'v1', atMs: nowMs })),
        allower.allow({ subject: clientA, kind: 'allow', untilMs, ...ada }),
        person.add({ subject: clientA, action: refuse, untilMs, ...ada }),
        importer.importList({ list: 'bad', subjects: [clientA], action: refuse, untilMs, ...ada }),
        detector.promote(promotionOf({ id: 'v2', atMs: nowMs }, { mode: 'review' })),
      ]);
      expect((await gate.snapshot()).entries).toEqual([]);
      expect((await gate.list({ states: ['active', 'confirmed', 'proposed'] })).blocks.map(({ id }) => id)).toEqual([
        'l-bad',
      ]);
    }
  });

  it('makes one block of one subject, of all that see it at once, and never spends more than a budget', async () => {
    const lists = openAll();
    const nowMs = systemClock.nowMs();
    const same = await Promise.all(
      lists.flatMap((list, n) => [1, 2].map((k) => list.promote(promotionOf({ id: `s${n}-${k}`, atMs: nowMs })))),
    );
    expect(same.filter(({ kind }) => kind === 'activated')).toHaveLength(1);
    const tight = { blocksPerHour: 5, blocksPerMinute: 100, requestShare: 0, clientShare: 0 };
    const budget = { rule: tight, all: { ...tight, blocksPerHour: 1000 } };
    const many = await Promise.all(
      lists.flatMap((list, n) =>
        [1, 2, 3].map((k) => {
          const subject = ip(`198.51.100.${10 * n + k}`);
          return list.promote(promotionOf({ id: `m${n}-${k}`, atMs: nowMs, rule: 'tight', subject }, { budget }));
        }),
      ),
    );
    expect(many.filter(({ kind }) => kind === 'activated')).toHaveLength(5);
    expect(many.filter(({ kind }) => kind === 'proposed')).toHaveLength(13);
  });

  it('keeps followers, the stored list and its log in agreement while verdicts and people race', async () => {
    const lists = openAll({ maxChanges: 200 });
    const [gateList] = lists;
    const gate = new BlockListReplica({ feed: gateList, clock: systemClock });
    await gate.sync();
    let verdicts = 0;
    const work = async (list: RedisBlockList, seed: number): Promise<void> => {
      for (let step = 0; step < 40; step += 1) {
        const subject = ip(`203.0.113.${(seed * 7 + step * 3) % 8}`);
        verdicts += 1;
        const made = await list.promote(promotionOf({ id: `w${verdicts}`, atMs: systemClock.nowMs(), subject }));
        const id = 'block' in made ? made.block.id : 'blockId' in made ? made.blockId : null;
        if (id === null || step % 3 !== 0) continue;
        const lift = { kind: 'lift', reason: 'goodwill', tombstoneMs: 0, ...ada } as const;
        await list.transition(id, step % 2 === 0 ? lift : { kind: 'confirm', ...ada }).catch((error: unknown) => {
          if (codeOf(error) !== 'BLOCK_CONFLICT') throw error;
        });
        if (step % 9 === 0) await gate.sync();
      }
    };
    await Promise.all(lists.map(work));
    await gate.sync();
    const nowMs = systemClock.nowMs();
    const { entries } = await gateList.snapshot();
    const { blocks } = await gateList.list({ states: ['active', 'confirmed'], limit: 500 });
    expect(entries.map(({ blockId }) => blockId).sort()).toEqual(blocks.map(({ id }) => id).sort());
    for (let last = 0; last < 8; last += 1) {
      const subjectKey = `ip:203.0.113.${last}`;
      const held = gate.find({ kind: 'ip', id: `203.0.113.${last}` }, '', nowMs);
      expect(held?.blockId).toBe(entries.find((entry) => entry.subjectKey === subjectKey)?.blockId);
    }
    // The log counts on without a gap, and each block's versions with it.
    const start = await gateList.loggedAfter(null, 1000);
    if (start.kind !== 'changes') throw new Error('a gap');
    const sequences = start.changes.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0) + index));
    const versions = new Map<string, number>();
    for (const { block } of start.changes) {
      const before = versions.get(block.id);
      if (before !== undefined) expect(block.version).toBe(before + 1);
      versions.set(block.id, block.version);
    }
  });
});
