import { describe, expect, it } from 'vitest';
import type { BlockFeed, Refusals } from '../../../src/blocklist/block-feed.ts';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import { snapshotSpreadMs } from '../../../src/blocklist/replica-options.ts';
import type { Client } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../../src/errors.ts';
import { FaultyFeed } from '../../support/faulty-feed.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const act = { actor: 'ada', note: '' };
const client: Client = { kind: 'ip', id: '203.0.113.9' };
const away = new TidegateError('STORE_FAILED', 'away', { retryable: true });

/** Lets promises that are ready go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const advance = async (clock: ManualClock, ms: number, stepMs = 50): Promise<void> => {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    await settle();
  }
};

/** The same dice for every run. */
const diceOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const block = (list: MemoryBlockList, id: string, untilMs: number) =>
  list.add({ subject: { kind: 'ip', id }, action: { kind: 'refuse' }, untilMs, ...act });

describe('A fleet of replicas', () => {
  it('spreads its snapshots when the log was trimmed under all of it, and every gate catches up', async () => {
    const clock = new ManualClock();
    const list = new MemoryBlockList({ clock, maxChanges: 5 });
    const dice = diceOf(7);
    const inTenths = new Map<number, number>();
    const gates = Array.from({ length: 200 }, () => {
      const feed = new FaultyFeed(list);
      const replica = new BlockListReplica({ feed, clock, random: dice });
      replica.follow();
      return { feed, replica };
    });
    await advance(clock, 1000, 10);
    const untilMs = clock.nowMs() + 3_600_000;
    for (let at = 0; at < 20; at += 1) await block(list, `198.51.100.${at}`, untilMs);
    for (const { feed } of gates) {
      feed.next = () => {
        const tenth = Math.floor(clock.nowMs() / 100);
        if (feed.calls.snapshot > 1) inTenths.set(tenth, (inTenths.get(tenth) ?? 0) + 1);
        feed.calls.snapshot = Math.min(feed.calls.snapshot, 1);
        return 'none';
      };
    }
    await advance(clock, 1500, 10);
    const all = [...inTenths.values()].reduce((sum, count) => sum + count, 0);
    expect(all).toBe(200);
    expect(Math.max(...inTenths.values())).toBeLessThanOrEqual(60);
    expect(gates.every(({ replica }) => replica.size === 20)).toBe(true);
    await Promise.all(gates.map(({ replica }) => replica.stop()));
  });

  it('spreads them the further the more there is to read, within half a minute', () => {
    expect(snapshotSpreadMs(0)).toBe(500);
    expect(snapshotSpreadMs(1_000_000)).toBeGreaterThan(10_000);
    expect(snapshotSpreadMs(100_000_000)).toBe(30_000);
  });
});

describe('A replica that waits for its turn', () => {
  const waiting = async () => {
    const clock = new ManualClock();
    const list = new MemoryBlockList({ clock, maxChanges: 3 });
    const untilMs = clock.nowMs() + 3_600_000;
    await block(list, client.id, untilMs);
    const replica = new BlockListReplica({ feed: list, clock, random: () => 0.99 });
    await replica.sync();
    replica.follow({ pollMs: 100 });
    for (let at = 0; at < 9; at += 1) await block(list, `198.51.100.${at}`, untilMs);
    await advance(clock, 200);
    return { clock, replica };
  };

  it('goes on with the old list, grows older, and catches up', async () => {
    const { clock, replica } = await waiting();
    expect(replica.stats()).toMatchObject({ gaps: 1, entries: 1, snapshots: 1 });
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
    expect(replica.ageMs()).toBeGreaterThan(0);
    await advance(clock, 800);
    expect(replica.stats()).toMatchObject({ gaps: 1, entries: 10, snapshots: 2 });
    await replica.stop();
  });

  it('does not wait when somebody asks for the newest now', async () => {
    const { replica } = await waiting();
    await replica.sync();
    expect(replica.size).toBe(10);
    await replica.stop();
  });
});

describe('A replica that was never told anything', () => {
  it('blocks nobody, and says so once', async () => {
    const clock = new ManualClock();
    const logger = recordingLogger();
    const feed: BlockFeed = {
      snapshot: () => Promise.reject(away),
      changesAfter: () => Promise.reject(away),
      noteRefusals: () => Promise.reject(away),
    };
    const replica = new BlockListReplica({ feed, clock, logger });
    replica.follow();
    await advance(clock, 30_000, 100);
    expect(replica.find(client, '', clock.nowMs())).toBeNull();
    expect([replica.isOff('blocks', clock.nowMs()), replica.ageMs()]).toEqual([false, null]);
    const warnings = logger.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('nobody is blocked')]);
    await replica.stop();
  });
});

describe('Switches in a replica', () => {
  it('are seen within a second and end by the clock of the gate, the list being away', async () => {
    const clock = new ManualClock();
    const list = new MemoryBlockList({ clock });
    const feed = new FaultyFeed(list);
    const replica = new BlockListReplica({ feed, clock });
    replica.follow();
    await advance(clock, 500);
    const untilMs = clock.nowMs() + 60_000;
    await list.setSwitch('blocks', { untilMs, ...act }, act);
    await advance(clock, 1000);
    feed.next = () => 'lost';
    const isOff = (atMs: number) => [replica.isOff('blocks', atMs), replica.isOff('limits', atMs)];
    expect([isOff(untilMs - 1), isOff(untilMs)]).toEqual([
      [true, false],
      [false, false],
    ]);
    await replica.stop();
  });
});

describe('What a replica has refused', () => {
  const setUp = async () => {
    const clock = new ManualClock();
    const list = new MemoryBlockList({ clock });
    const told: Refusals[] = [];
    const link = { isDown: false };
    const feed: BlockFeed = {
      snapshot: (page) => list.snapshot(page),
      changesAfter: (cursor, maxChanges) => list.changesAfter(cursor, maxChanges),
      noteRefusals: (refusals) => {
        if (link.isDown) return Promise.reject(away);
        if (refusals.length > 1000) return Promise.reject(new Error('too many at once'));
        told.push(...refusals);
        return Promise.resolve();
      },
    };
    const replica = new BlockListReplica({ feed, clock });
    const added = await block(list, client.id, clock.nowMs() + 3_600_000);
    await replica.sync();
    const refuse = (times: number): void => {
      const entry = replica.find(client, '', clock.nowMs());
      if (entry === null) throw new Error('nothing refused it');
      for (let time = 0; time < times; time += 1) replica.refused(entry, { commands: 2, bytes: 300 }, clock.nowMs());
    };
    const blockId = added.kind === 'added' ? added.block.id : '';
    return { clock, told, link, replica, refuse, blockId };
  };

  it('is added up by block and told every ten seconds, nothing when there was nothing', async () => {
    const { clock, told, replica, refuse, blockId } = await setUp();
    replica.follow();
    refuse(3);
    await advance(clock, 10_000, 500);
    expect(told).toMatchObject([{ blockId, refused: 3, commands: 6, bytes: 900 }]);
    await advance(clock, 30_000, 500);
    expect(told).toHaveLength(1);
    await replica.stop();
  });

  it('is kept while the list cannot be told, and told once when it can', async () => {
    const { clock, told, link, replica, refuse, blockId } = await setUp();
    link.isDown = true;
    refuse(3);
    await replica.tellRefusals();
    clock.advance(5);
    refuse(2);
    link.isDown = false;
    await replica.stop();
    expect(told).toEqual([{ blockId, refused: 5, commands: 10, bytes: 1500, lastAtMs: clock.nowMs() }]);
    expect(replica.stats()).toMatchObject({ refusalFailures: 1, refusalsDropped: 0 });
  });

  it('is told of so many blocks at most, a thousand at once, and the rest is counted', async () => {
    const { told, replica, clock } = await setUp();
    for (let at = 0; at < 10_005; at += 1) {
      const entry = {
        subjectKey: '',
        blockId: `m-${at}`,
        rule: '',
        expiresAtMs: 0,
        action: { kind: 'refuse' },
      } as const;
      replica.refused(entry, { commands: 1, bytes: 1 }, clock.nowMs());
    }
    await replica.stop();
    expect(told).toHaveLength(10_000);
    expect(replica.stats()).toMatchObject({ refusalsDropped: 5, refusalFailures: 0 });
  });
});
