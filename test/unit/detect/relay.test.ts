import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Block } from '../../../src/blocklist/block.ts';
import type { BlockBudget } from '../../../src/blocklist/block-promoter.ts';
import type { ChangeLog, LoggedChange } from '../../../src/blocklist/change-log.ts';
import { ManualClock } from '../../../src/clock.ts';
import { changesEmitter, framesOf } from '../../../src/detect/change-row.ts';
import { type ChangeRelay, createRelay, type RelayOptions } from '../../../src/detect/relay.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { MemoryEventLog } from '../../../src/embedded/memory-event-log.ts';
import { TidegateError } from '../../../src/errors.ts';
import { type BlockChange, decodeBlockChange } from '../../../src/event/block-change.ts';
import { type EventLog, type FrameWriter, topics } from '../../../src/event/event-log.ts';
import { ingestedTopics } from '../../../src/ingest/ingested-topics.ts';
import { createIngester } from '../../../src/ingest/ingester.ts';
import { silentLogger } from '../../../src/logger.ts';
import { FakeEventTable } from '../../support/fake-event-table.ts';
import { promotionOf } from '../../support/promotions.ts';
import { RecordingHandler } from '../../support/recording-handler.ts';

const plenty: BlockBudget = { blocksPerHour: 10_000, blocksPerMinute: 10_000, requestShare: 0, clientShare: 0 };
const budget = { rule: plenty, all: plenty };

const relays: ChangeRelay[] = [];
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});

/** A list, a log and relays between them, in the time of one clock. */
const setUp = (listOptions: { readonly maxChanges?: number } = {}) => {
  const clock = new ManualClock();
  const list = new MemoryBlockList({ clock, ...listOptions });
  const log = new MemoryEventLog({ clock, partitions: 2 });
  const relayWith = (options: Partial<RelayOptions> = {}): ChangeRelay => {
    const relay = createRelay({ changes: list, log, clock, holder: `relay-${relays.length}`, ...options });
    relays.push(relay);
    return relay;
  };
  /** Lets time pass until it is so. */
  const until = (check: () => void | Promise<void>) =>
    vi.waitFor(
      async () => {
        clock.advance(500);
        await check();
      },
      { interval: 5, timeout: 15_000 },
    );
  let verdicts = 0;
  const block = async (count = 1): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      verdicts += 1;
      const subject = { kind: 'user', id: `user-${verdicts}` } as const;
      await list.promote(promotionOf({ id: `v-${verdicts}`, atMs: clock.nowMs(), subject }, { budget }));
    }
  };
  return { clock, list, log, relayWith, until, block };
};

const publishedIn = async (log: EventLog): Promise<BlockChange[]> => {
  const handler = new RecordingHandler();
  const reader = await log.reader(topics.blocks, `group-${Math.floor(performance.now() * 1000)}`);
  await reader.start(handler);
  const end = (await log.endPositions(topics.blocks)).get(0) ?? 0;
  await vi.waitFor(() => expect(handler.records).toHaveLength(end), { timeout: 15_000 });
  await reader.stop();
  return handler.texts(0).flatMap((text) => text.split('\n').filter(Boolean).map(decodeBlockChange));
};

const seqsIn = async (log: EventLog): Promise<number[]> => (await publishedIn(log)).map(({ seq }) => seq);

const upTo = (last: number, from = 1): number[] => Array.from({ length: last - from + 1 }, (_, index) => from + index);

describe('the relay of changes', () => {
  it('publishes what the list wrote, in its order, once', async () => {
    const { list, log, relayWith, until, block } = setUp();
    await block(3);
    const relay = relayWith();
    relay.start();
    await until(() => expect(relay.stats()).toMatchObject({ published: 3, isLeader: true, lagMs: 0 }));
    await block(600);
    await until(() => expect(relay.stats()).toMatchObject({ published: 603, lost: 0, gaps: 0, failures: 0 }));
    await until(async () => expect((await list.relayedUpTo())?.sequence).toBe(603));
    expect(await seqsIn(log)).toEqual(upTo(603));
  });

  it('tells the whole of a change: of networks, within tenants, with action, origin and owner', async () => {
    const { clock, list, log, relayWith, until } = setUp();
    const network = { kind: 'network', id: '203.0.113.0/24' } as const;
    const action = { kind: 'limit', limit: 5, windowMs: 1000 } as const;
    await list.promote(promotionOf({ id: 'v-1', atMs: clock.nowMs(), subject: network, tenant: 'acme' }, { action }));
    const untilMs = clock.nowMs() + 60_000;
    const alice = { kind: 'user', id: 'alice', tenant: 'a/b' } as const;
    await list.add({ subject: alice, action: { kind: 'refuse' }, untilMs, actor: 'ann', note: 'asked to' });
    await list.allow({ subject: { kind: 'ip', id: '192.0.2.1' }, kind: 'allow', untilMs, actor: 'ann', note: 'ours' });
    const relay = relayWith();
    relay.start();
    await until(() => expect(relay.stats().published).toBe(3));
    const rows = await publishedIn(log);
    expect(rows).toMatchObject([
      { blockId: 'b-v-1', clientKind: 'network', client: '203.0.113.0/24', tenant: 'acme', verdictId: 'v-1', seq: 1 },
      { clientKind: 'user', client: 'alice', tenant: 'a/b', actor: 'ann', rule: 'manual', seq: 2 },
      { clientKind: 'ip', client: '192.0.2.1', actor: 'ann', seq: 3 },
    ]);
    expect(new Set(rows.map(({ emitter }) => emitter)).size).toBe(1);
    const told = rows.map(({ evidence }) => JSON.parse(evidence) as unknown);
    expect(told[0]).toMatchObject({ denied: 240, action, origin: 'detector', owner: 'security' });
    expect(told[1]).toMatchObject({ origin: 'person', owner: 'ann', within: 'a/b' });
  });

  it('leaves the lead to one, and another goes on when that is gone', async () => {
    const { log, relayWith, until, block } = setUp();
    const first = relayWith();
    const second = relayWith();
    first.start();
    await until(() => expect(first.stats().isLeader).toBe(true));
    second.start();
    await block(5);
    await until(() => expect(first.stats().published).toBe(5));
    expect(second.stats()).toMatchObject({ isLeader: false, published: 0 });
    await first.stop();
    await block(2);
    await until(() => expect(second.stats()).toMatchObject({ isLeader: true, published: 2 }));
    expect(await seqsIn(log)).toEqual(upTo(7));
  });

  it('publishes again what a leader sent and had not marked, and the audit has it once', async () => {
    const { clock, list, log, relayWith, until, block } = setUp();
    await block(4);
    const unmarked: ChangeLog = {
      ...changesOf(list),
      markRelayed: () => Promise.reject(new TidegateError('STORE_FAILED', 'died here', { retryable: true })),
    };
    const first = relayWith({ changes: unmarked });
    first.start();
    await until(() => expect(first.stats().published).toBe(4));
    await first.stop();
    await block(2);
    const second = relayWith();
    second.start();
    await until(() => expect(second.stats().published).toBe(6));
    expect(await seqsIn(log)).toEqual([...upTo(4), ...upTo(6)]);

    const table = new FakeEventTable();
    const ingester = createIngester({ ...ingestedTopics.blocks, log, table, clock, logger: silentLogger });
    await ingester.start();
    const reached = ingester.whenReached(await log.endPositions(topics.blocks));
    await until(() => expect(ingester.stats().rows).toBe(6));
    await reached;
    await ingester.stop();
    expect(table.rows.map(({ seq }) => seq)).toEqual(upTo(6));
    expect(ingester.stats()).toMatchObject({ rows: 6, doubledRows: 4, missingRows: 0, deadLetters: 0 });
  });

  it('waits while the log is away, and counts what the list had to let go meanwhile', async () => {
    const { log, relayWith, until, block } = setUp({ maxChanges: 10 });
    await block(4);
    let isAway = true;
    const away = new TidegateError('LOG_FAILED', 'no broker', { retryable: true });
    const writer: FrameWriter = await log.writer(topics.blocks);
    const shaky = { ...writer, append: (frames: never) => (isAway ? Promise.reject(away) : writer.append(frames)) };
    const relay = relayWith({ log: { writer: () => (isAway ? Promise.reject(away) : Promise.resolve(shaky)) } });
    relay.start();
    await until(() => expect(relay.stats().failures).toBeGreaterThan(2));
    expect(relay.stats()).toMatchObject({ isLeader: true, published: 0 });
    expect(relay.stats().lagMs).toBeGreaterThan(0);
    await block(30);
    isAway = false;
    await until(() => expect(relay.stats()).toMatchObject({ published: 14, gaps: 1, lost: 20, lagMs: 0 }));
    expect(await seqsIn(log)).toEqual([...upTo(4), ...upTo(34, 25)]);
  });

  it('counts what was gone before anything was published', async () => {
    const { relayWith, until, block } = setUp({ maxChanges: 10 });
    await block(12);
    const relay = relayWith();
    relay.start();
    await until(() => expect(relay.stats()).toMatchObject({ published: 10, gaps: 1, lost: 2 }));
  });

  it('goes on with a new epoch as another emitter, from its beginning', async () => {
    const { clock, list, log, relayWith, until, block } = setUp();
    await block(3);
    clock.advance(1000);
    const rolledBack = new MemoryBlockList({ clock });
    await rolledBack.promote(promotionOf({ id: 'other', atMs: clock.nowMs() }));
    let current = list;
    const changes: ChangeLog = {
      ...changesOf(list),
      loggedAfter: (cursor, max) => current.loggedAfter(cursor, max),
    };
    const relay = relayWith({ changes });
    relay.start();
    await until(() => expect(relay.stats().published).toBe(3));
    current = rolledBack;
    await until(() => expect(relay.stats()).toMatchObject({ published: 4, gaps: 1, lost: 0 }));
    const rows = await publishedIn(log);
    expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 1]);
    expect(new Set(rows.map(({ emitter }) => emitter)).size).toBe(2);
  });

  it('needs no list to start, and stops at once while it waits for one', async () => {
    const { list, relayWith, until } = setUp();
    const away = { ...changesOf(list), leadRelay: () => Promise.reject(new TidegateError('STORE_FAILED', 'away')) };
    const relay = relayWith({ changes: away });
    relay.start();
    await until(() => expect(relay.stats().failures).toBeGreaterThan(0));
    await relay.stop();
    expect(relay.stats().isLeader).toBe(false);
  });
});

const changesOf = (list: MemoryBlockList): ChangeLog => ({
  loggedAfter: (cursor, max) => list.loggedAfter(cursor, max),
  relayedUpTo: () => list.relayedUpTo(),
  markRelayed: (cursor) => list.markRelayed(cursor),
  leadRelay: (holder, ttlMs) => list.leadRelay(holder, ttlMs),
});

describe('frames of changes', () => {
  const block = { id: 'b', version: 1, subject: { kind: 'key', id: 'k' }, reason: '' } as Block;
  const changeAt = (sequence: number): LoggedChange => ({ sequence, timeMs: 1, block });

  it('have no gap within and a bounded number of rows', () => {
    const frames = framesOf([...upTo(250), ...upTo(260, 255)].map(changeAt), 'e');
    expect(frames.map(({ headers: { firstSeq, rows } }) => [firstSeq, rows])).toEqual([
      [1, 200],
      [201, 50],
      [255, 6],
    ]);
    expect(frames.at(-1)?.headers).toMatchObject({ emitter: 'changes-e', total: 260 });
  });

  it('bear the epoch, or its digest where that is no short name', () => {
    expect(changesEmitter('1a2b-77')).toBe('changes-1a2b-77');
    expect(changesEmitter('a b')).toMatch(/^changes-[\w-]{43}$/);
    expect(changesEmitter('x'.repeat(500))).toMatch(/^changes-[\w-]{43}$/);
  });
});
