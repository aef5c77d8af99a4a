import { describe, expect, it } from 'vitest';
import type { BlockEntry, BlockFeed, Change, Changes, SnapshotPage } from '../../../src/blocklist/block-feed.ts';
import { nothingSwitchedOff } from '../../../src/blocklist/block-switches.ts';
import { BlockListReplica, replicaDefaults } from '../../../src/blocklist/replica.ts';
import type { Client } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../../src/errors.ts';
import { clientA, promotionOf } from '../../support/promotions.ts';

const client: Client = { kind: 'ip', id: '203.0.113.9' };
const subjectKey = 'ip:203.0.113.9';
const action = { kind: 'refuse' } as const;
const away = new TidegateError('STORE_FAILED', 'away', { retryable: true });

const pageOf = (page: Partial<SnapshotPage>): SnapshotPage => ({
  epoch: 'one',
  sequence: 0,
  entries: [],
  exemptions: [],
  switches: nothingSwitchedOff,
  nextPage: null,
  ...page,
});

/** Lets promises that are ready go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A list and a replica of it, with a switch for the way between them. */
const setUp = () => {
  const clock = new ManualClock();
  const list = new MemoryBlockList({ clock });
  const link = { isDown: false, calls: 0 };
  const over = <T>(call: () => Promise<T>): Promise<T> => {
    link.calls += 1;
    return link.isDown ? Promise.reject(away) : call();
  };
  const feed: BlockFeed = {
    snapshot: (page) => over(() => list.snapshot(page)),
    changesAfter: (cursor, maxChanges) => over(() => list.changesAfter(cursor, maxChanges)),
    noteRefusals: (refusals) => over(() => list.noteRefusals(refusals)),
  };
  const replica = new BlockListReplica({ feed, clock, random: () => 0.5 });
  const block = async (id: string) => {
    const made = await list.promote(promotionOf({ id, atMs: clock.nowMs() }));
    return made.kind === 'activated' ? made.block : Promise.reject(new Error(`not activated: ${made.kind}`));
  };
  const advance = async (ms: number, stepMs = 50) => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      clock.advance(Math.min(stepMs, ms - passed));
      await settle();
    }
  };
  return { clock, list, link, replica, block, advance };
};

describe('BlockListReplica', () => {
  it('finds nobody before it has been synchronised, and says that it has no age', () => {
    const { clock, replica } = setUp();
    expect(replica.find(client, '', clock.nowMs())).toBeNull();
    expect(replica.ageMs()).toBeNull();
  });

  it('finds an entry until it expires, without being told', async () => {
    const { clock, replica, block } = setUp();
    const { expiresAtMs, id } = await block('v1');
    await replica.sync();
    expect(replica.find(client, '', clock.nowMs())).toEqual({
      subjectKey,
      blockId: id,
      rule: 'breadth',
      expiresAtMs,
      action,
    });
    expect(replica.find(client, '', expiresAtMs - 1)).not.toBeNull();
    expect(replica.find(client, '', expiresAtMs)).toBeNull();
  });

  it('answers a client that keeps coming with the same entry each time', async () => {
    const { clock, replica, block } = setUp();
    await block('v1');
    await replica.sync();
    replica.find(client, '', clock.nowMs());
    expect(replica.find(client, '', clock.nowMs())).toBe(replica.find(client, '', clock.nowMs()));
  });

  it('gives the memory of expired entries back', async () => {
    const { clock, replica, block } = setUp();
    await block('v1');
    await replica.sync();
    clock.advance(60_000);
    await replica.sync();
    expect(replica.size).toBe(0);
  });

  it('sees an add and a lift within a second while it follows', async () => {
    const { clock, list, replica, block, advance } = setUp();
    replica.follow();
    await advance(1000);
    const { id } = await block('v1');
    await advance(1000);
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
    await list.transition(id, { kind: 'lift', actor: 'ada', reason: 'goodwill', note: '' });
    await advance(1000);
    expect(replica.find(client, '', clock.nowMs())).toBeNull();
    await replica.stop();
  });

  it('keeps the last known list while the source is away, tells its age, and catches up when it is back', async () => {
    const { clock, list, link, replica, block, advance } = setUp();
    const { id } = await block('v1');
    replica.follow();
    await advance(1000);
    link.isDown = true;
    await list.transition(id, { kind: 'lift', actor: 'ada', reason: 'goodwill', note: '' });
    await advance(20_000);
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
    expect(replica.ageMs()).toBeGreaterThanOrEqual(19_000);
    link.isDown = false;
    await advance(replicaDefaults.maxBackOffMs);
    expect(replica.find(client, '', clock.nowMs())).toBeNull();
    expect(replica.ageMs()).toBeLessThan(replicaDefaults.maxBackOffMs);
    await replica.stop();
  });

  it('asks less and less often while the source is away, but never less than every five seconds', async () => {
    const { link, replica, advance } = setUp();
    link.isDown = true;
    replica.follow({ pollMs: 200 });
    await advance(10_000);
    const early = link.calls;
    link.calls = 0;
    await advance(60_000);
    expect(early).toBeLessThan(12);
    expect(link.calls).toBeGreaterThanOrEqual(12);
    expect(link.calls).toBeLessThanOrEqual(30);
    expect(replica.stats().failures).toBe(early + link.calls);
    await replica.stop();
  });

  it('asks no more after stop', async () => {
    const { link, replica, advance } = setUp();
    replica.follow();
    await advance(1000);
    await replica.stop();
    link.calls = 0;
    await advance(5000);
    expect(link.calls).toBe(0);
  });

  it('spreads the first look of many gates over the interval', async () => {
    const { list, clock } = setUp();
    const firstLookMs = async (random: number) => {
      const replica = new BlockListReplica({ feed: list, clock, random: () => random });
      replica.follow({ pollMs: 1000 });
      const startMs = clock.nowMs();
      while (replica.cursor === null) {
        clock.advance(100);
        await settle();
      }
      await replica.stop();
      return clock.nowMs() - startMs;
    };
    expect(await firstLookMs(0.1)).toBeLessThan(await firstLookMs(0.9));
  });

  it('rejects a sync that fails, and keeps what it had', async () => {
    const { clock, link, replica, block } = setUp();
    await block('v1');
    await replica.sync();
    link.isDown = true;
    await expect(replica.sync()).rejects.toBe(away);
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
  });

  it('takes over what was written before the call, even while another sync is under way that has read already', async () => {
    const { clock, list, block } = setUp();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reads = 0;
    const feed: BlockFeed = {
      snapshot: (page) => list.snapshot(page),
      noteRefusals: () => Promise.resolve(),
      changesAfter: async (cursor, maxChanges) => {
        const answer = await list.changesAfter(cursor, maxChanges);
        reads += 1;
        if (reads === 1) await held;
        return answer;
      },
    };
    const replica = new BlockListReplica({ feed, clock });
    const running = replica.sync();
    await expect.poll(() => reads).toBe(1);
    const { id } = await block('v1');
    const after = [replica.sync(), replica.sync()];
    release();
    await running;
    expect(replica.size).toBe(0);
    await Promise.all(after);
    expect(replica.find(client, '', clock.nowMs())?.blockId).toBe(id);
    expect(reads).toBe(2);
  });

  it('keeps a newer block of a client when the end of an older one comes', async () => {
    const clock = new ManualClock();
    const entryOf = (blockId: string): BlockEntry => ({
      subjectKey,
      blockId,
      rule: 'r',
      expiresAtMs: clock.nowMs() + 60_000,
      action,
    });
    const all: Change[] = [
      { kind: 'added', sequence: 1, entries: [entryOf('b-1')] },
      { kind: 'added', sequence: 2, entries: [entryOf('b-2')] },
      { kind: 'removed', sequence: 3, entries: [{ subjectKey, blockId: 'b-1' }] },
    ];
    const feed: BlockFeed = {
      snapshot: () => Promise.resolve(pageOf({ epoch: 'one' })),
      changesAfter: ({ epoch, sequence }): Promise<Changes> =>
        Promise.resolve({ kind: 'changes', cursor: { epoch, sequence: 3 }, changes: all.slice(sequence) }),
      noteRefusals: () => Promise.resolve(),
    };
    const replica = new BlockListReplica({ feed, clock });
    await replica.sync();
    expect(replica.find(client, '', clock.nowMs())?.blockId).toBe('b-2');
  });

  it('takes a snapshot when there is a gap, and lets go of what is no longer in it', async () => {
    const clock = new ManualClock();
    const entry: BlockEntry = { subjectKey, blockId: 'b-1', rule: 'r', expiresAtMs: clock.nowMs() + 60_000, action };
    const state = { epoch: 'one', entries: [entry] };
    const feed: BlockFeed = {
      snapshot: () => Promise.resolve(pageOf({ ...state, sequence: 7 })),
      changesAfter: (cursor): Promise<Changes> =>
        Promise.resolve(cursor.epoch === state.epoch ? { kind: 'changes', cursor, changes: [] } : { kind: 'gap' }),
      noteRefusals: () => Promise.resolve(),
    };
    const replica = new BlockListReplica({ feed, clock });
    await replica.sync();
    expect(replica.size).toBe(1);
    state.epoch = 'two';
    state.entries = [];
    await replica.sync();
    expect(replica.size).toBe(0);
    expect(replica.cursor).toEqual({ epoch: 'two', sequence: 7 });
    expect(replica.stats().snapshots).toBe(2);
  });

  it('gives up on a source that has nothing but gaps', async () => {
    const feed: BlockFeed = {
      snapshot: () => Promise.resolve(pageOf({ epoch: 'one' })),
      changesAfter: () => Promise.resolve({ kind: 'gap' }),
      noteRefusals: () => Promise.resolve(),
    };
    const replica = new BlockListReplica({ feed, clock: new ManualClock() });
    await expect(replica.sync()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('leaves out entries for which there is no room, and counts them', async () => {
    const { clock, list } = setUp();
    for (let index = 0; index < 5; index += 1) {
      const subject = { ...clientA, id: `198.51.100.${index}` };
      await list.promote(promotionOf({ id: `v${index}`, atMs: clock.nowMs(), subject }));
    }
    const replica = new BlockListReplica({ feed: list, clock, maxEntries: 3 });
    await replica.sync();
    expect(replica.stats()).toMatchObject({ entries: 3, dropped: 2 });
  });
});
