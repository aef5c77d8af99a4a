import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { BlockEntry, BlockFeed } from '../../../src/blocklist/block-feed.ts';
import { nothingSwitchedOff } from '../../../src/blocklist/block-switches.ts';
import { HeldList } from '../../../src/blocklist/held-list.ts';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import { readListFile, writeListFile } from '../../../src/blocklist/replica-file.ts';
import type { Client } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../../src/errors.ts';
import { FaultyFeed } from '../../support/faulty-feed.ts';
import { recordingLogger } from '../../support/recording-logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-replica-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => {
  files += 1;
  return join(folder, `list-${files}`);
};

const nowMs = 1_750_000_000_000;
const limits = { maxEntries: 10_000, maxNetworks: 1000 };
const act = { actor: 'ada', note: '' };
const client: Client = { kind: 'ip', id: '203.0.113.9' };
const away = new TidegateError('STORE_FAILED', 'away', { retryable: true });
const noFeed: BlockFeed = {
  snapshot: () => Promise.reject(away),
  changesAfter: () => Promise.reject(away),
  noteRefusals: () => Promise.reject(away),
};

const entryOf = (subjectKey: string, change: Partial<BlockEntry> = {}): BlockEntry => ({
  subjectKey,
  blockId: 'l-list',
  rule: 'list',
  expiresAtMs: nowMs + 60_000,
  action: { kind: 'refuse' },
  ...change,
});

/** One of everything that a list can hold. */
const variety: readonly BlockEntry[] = [
  entryOf('ip:203.0.113.9'),
  entryOf('ip:2001:db8::/64', { blockId: `b-${'a1'.repeat(12)}`, rule: 'breadth' }),
  entryOf('key:日本 "x"\n', { action: { kind: 'limit', limit: 5, windowMs: 1000 } }),
  entryOf('network:198.51.100.0/24', { blockId: 'm-17', rule: 'manual' }),
  entryOf('acme/user:alice', { expiresAtMs: nowMs + 1234 }),
  entryOf('network:2001:db8:1::/80'),
];

const listOf = (entries: readonly BlockEntry[]): HeldList => {
  const list = new HeldList(limits);
  for (const entry of entries) list.add(entry);
  return list;
};

const written = async (entries: readonly BlockEntry[], path = freshFile()): Promise<string> => {
  const list = listOf(entries);
  list.exempt({ subjectKey: 'ip:192.0.2.1', untilMs: nowMs + 5 });
  list.switches = { ...nothingSwitchedOff, limits: { ...act, untilMs: nowMs + 50 } };
  await writeListFile(path, { epoch: 'one', sequence: 7, syncedAtMs: nowMs - 10, listName: 'tidegate', list });
  return path;
};

const read = (path: string, change: object = {}) =>
  readListFile({ path, listName: 'tidegate', limits, nowMs, ...change });

const sorted = (list: HeldList): BlockEntry[] =>
  [...list.entries()].flat().sort((a, b) => (a.subjectKey < b.subjectKey ? -1 : 1));

describe('The file of a list', () => {
  it('gives back what was put into it, and belongs to this user alone', async () => {
    const path = await written(variety);
    const kept = await read(path);
    expect(kept).toMatchObject({ epoch: 'one', sequence: 7, syncedAtMs: nowMs - 10 });
    expect(sorted(kept?.list ?? listOf([]))).toEqual(sorted(listOf(variety)));
    expect([...(kept?.list.exemptions() ?? [])].flat()).toEqual([{ subjectKey: 'ip:192.0.2.1', untilMs: nowMs + 5 }]);
    expect(kept?.list.switches.limits?.untilMs).toBe(nowMs + 50);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('gives back lists of many pages', async () => {
    const many = Array.from({ length: 9000 }, (_, at) =>
      entryOf(`ip:10.0.${at >> 8}.${at & 255}`, { blockId: `b-${at.toString(16).padStart(24, '0')}` }),
    );
    const kept = await read(await written(many));
    expect(sorted(kept?.list ?? listOf([]))).toEqual(sorted(listOf(many)));
  });

  it('leaves out what has ended since', async () => {
    const kept = await read(await written(variety), { nowMs: nowMs + 1234 });
    expect(kept?.list.size).toBe(variety.length - 1);
  });

  it('is no list where there is no file', async () => {
    expect(await read(freshFile())).toBeNull();
  });

  it('is of no use with any single byte changed, or cut anywhere', async () => {
    const path = await written(variety.slice(0, 3));
    const whole = readFileSync(path);
    const broken = freshFile();
    const outcomes = new Set<string>();
    const attempt = async (bytes: Buffer): Promise<void> => {
      writeFileSync(broken, bytes, { mode: 0o600 });
      outcomes.add(
        await read(broken).then(
          (kept) => (kept === null ? 'nothing' : 'used'),
          () => 'refused',
        ),
      );
    };
    for (let at = 0; at < whole.length; at += 1) {
      for (const flip of [1, 0x20, 0x80]) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        await attempt(bytes);
      }
      await attempt(whole.subarray(0, at));
    }
    await attempt(Buffer.concat([whole, whole]));
    await attempt(Buffer.alloc(100_000, 0x20));
    expect([...outcomes]).toEqual(['refused']);
  });

  it.each([
    ['another list', { listName: 'other' }, 0o600],
    ['a file that anybody could have written', {}, 0o606],
  ])('is of no use when it is %s', async (_, change, mode) => {
    const path = await written(variety);
    chmodSync(path, mode);
    await expect(read(path, change)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('is not touched by a writing that fails', async () => {
    const path = await written(variety);
    const list = listOf(variety);
    Object.defineProperty(list, 'entries', {
      value: () => {
        throw new Error('half-way');
      },
    });
    await expect(
      writeListFile(path, { epoch: 'two', sequence: 1, syncedAtMs: nowMs, listName: 'tidegate', list }),
    ).rejects.toThrow('half-way');
    expect(await read(path)).toMatchObject({ epoch: 'one' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('A replica with a file', () => {
  const listBlocking = async (clock: ManualClock, id = client.id): Promise<MemoryBlockList> => {
    const list = new MemoryBlockList({ clock });
    const untilMs = clock.nowMs() + 3_600_000;
    await list.add({ subject: { kind: 'ip', id }, action: { kind: 'refuse' }, untilMs, ...act });
    return list;
  };

  it('blocks from the first request when it starts while the list is away, and tells how old that is', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = freshFile();
    const before = new BlockListReplica({ feed: await listBlocking(clock), clock, snapshotFile });
    await before.sync();
    await before.stop();
    clock.advance(60_000);
    const after = new BlockListReplica({ feed: noFeed, clock, snapshotFile });
    await after.load();
    expect(after.find(client, '', clock.nowMs())?.subjectKey).toBe('ip:203.0.113.9');
    expect(after.ageMs()).toBe(60_000);
    expect(after.stats()).toMatchObject({ fileAgeMs: 60_000, filesIgnored: 0 });
    await expect(after.sync()).rejects.toBe(away);
    expect(after.find(client, '', clock.nowMs())).not.toBeNull();
  });

  it('goes on in the change log where the file ends, without a snapshot', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = freshFile();
    const list = await listBlocking(clock);
    const before = new BlockListReplica({ feed: list, clock, snapshotFile });
    await before.sync();
    await before.stop();
    const subject = { kind: 'key', id: 'k' } as const;
    await list.add({ subject, action: { kind: 'refuse' }, untilMs: clock.nowMs() + 60_000, ...act });
    const after = new BlockListReplica({ feed: list, clock, snapshotFile });
    await after.sync();
    expect(after.find({ kind: 'key', id: 'k' }, '', clock.nowMs())).not.toBeNull();
    expect(after.stats()).toMatchObject({ snapshots: 0, entries: 2 });
  });

  it('takes no file over a list that it knows already', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = freshFile();
    const old = new BlockListReplica({ feed: await listBlocking(clock, '192.0.2.1'), clock, snapshotFile });
    await old.sync();
    await old.stop();
    clock.advance(1);
    const replica = new BlockListReplica({ feed: await listBlocking(clock), clock, snapshotFile });
    await replica.sync();
    await replica.load();
    expect(replica.find({ kind: 'ip', id: '192.0.2.1' }, '', clock.nowMs())).toBeNull();
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
  });

  it('ignores a file of no use, counts it, says so, and begins as without one', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = freshFile();
    writeFileSync(snapshotFile, 'not a list\n', { mode: 0o600 });
    const logger = recordingLogger();
    const replica = new BlockListReplica({ feed: await listBlocking(clock), clock, snapshotFile, logger });
    await replica.sync();
    expect(replica.find(client, '', clock.nowMs())).not.toBeNull();
    expect(replica.stats()).toMatchObject({ filesIgnored: 1, snapshots: 1 });
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('writes its file after changes, not more often than it may, and not without', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = freshFile();
    const list = await listBlocking(clock);
    const replica = new BlockListReplica({ feed: list, clock, snapshotFile, fileMs: 10_000, random: () => 0.5 });
    await replica.sync();
    clock.advance(9_999);
    await nextTurn();
    expect(existsSync(snapshotFile)).toBe(false);
    clock.advance(1);
    await expect.poll(() => replica.stats().filesWritten).toBe(1);
    for (let second = 0; second < 60; second += 1) {
      clock.advance(1000);
      await replica.sync();
    }
    await nextTurn();
    expect(replica.stats().filesWritten).toBe(1);
    await replica.stop();
    expect(replica.stats().filesWritten).toBe(1);
  });

  it('goes on when the file cannot be written, counts it, and says so once', async () => {
    const clock = new ManualClock(nowMs);
    const snapshotFile = join(folder, 'no-such-folder', 'list');
    const logger = recordingLogger();
    const feed = new FaultyFeed(await listBlocking(clock));
    const replica = new BlockListReplica({ feed, clock, snapshotFile, fileMs: 1000, logger });
    await replica.sync();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      clock.advance(1500);
      await expect.poll(() => replica.stats().fileFailures).toBe(attempt);
    }
    expect(replica.stats().fileFailures).toBe(3);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await replica.stop();
  });
});
