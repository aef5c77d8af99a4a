import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { writerFor } from '../../../src/api/list-formats.ts';
import { mostSnapshots, Snapshots } from '../../../src/api/list-stream.ts';
import { ListWatch } from '../../../src/api/list-watch.ts';
import type { BlockFeed, SnapshotPage } from '../../../src/blocklist/block-feed.ts';
import { ManualClock, systemClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { TidegateError } from '../../../src/errors.ts';
import { recordingLogger } from '../../support/recording-logger.ts';
import { apiUnderTest, asAnna } from './api-under-test.ts';

const nothingOff = { blocks: null, limits: null };

/** A feed of so many entries, page by page, none of them held. */
const longFeed = (total: number, epochOf: (page: number) => string = () => 'e1'): BlockFeed => ({
  snapshot: async (page = '0'): Promise<SnapshotPage> => {
    const at = Number(page);
    const size = Math.min(5000, total - at * 5000);
    const entries = Array.from({ length: size }, (_, index) => {
      const number = at * 5000 + index;
      const subjectKey = `ip:10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
      return { subjectKey, blockId: 'b', rule: 'r', expiresAtMs: 2e12, action: { kind: 'refuse' as const } };
    });
    const nextPage = (at + 1) * 5000 < total ? String(at + 1) : null;
    return { epoch: epochOf(at), sequence: 3, entries, exemptions: [], switches: nothingOff, nextPage };
  },
  changesAfter: async (cursor) => ({ kind: 'changes', cursor, changes: [] }),
  noteRefusals: async () => undefined,
});

const list = '/v1/list/snapshot';
const drained = async (stream: Readable): Promise<string> => {
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
};

describe('a snapshot of the list', () => {
  it('of a million entries is written while others are served, and is never held as a whole', async () => {
    const { stream } = await new Snapshots(longFeed(1_000_000), systemClock).open(writerFor('nginx-geo'));
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    let [bytes, longest] = [0, 0];
    for await (const piece of stream) {
      bytes += String(piece).length;
      longest = Math.max(longest, String(piece).length);
    }
    delay.disable();
    expect(bytes).toBeGreaterThan(10_000_000);
    expect(longest).toBeLessThan(100_000);
    // All at once it would be a second and more.
    expect(delay.max / 1e6).toBeLessThan(400);
  });

  it('is only made as fast as it is read', async () => {
    let pages = 0;
    const feed = longFeed(1_000_000);
    const counted: BlockFeed = {
      ...feed,
      snapshot: (page) => {
        pages += 1;
        return feed.snapshot(page);
      },
    };
    const { stream } = await new Snapshots(counted, systemClock).open(writerFor('text'));
    stream.read();
    await systemClock.sleep(20);
    expect(pages).toBeLessThan(4);
    stream.destroy();
  });

  it('breaks off when the list is replaced meanwhile: half of two lists is none', async () => {
    const feed = longFeed(20_000, (page) => (page < 2 ? 'e1' : 'e2'));
    const { stream } = await new Snapshots(feed, systemClock).open(writerFor('text'));
    await expect(drained(stream)).rejects.toThrow(/replaced/);
  });

  it('is given to four at once; the next one comes when one of them is done or gone', async () => {
    const clock = new ManualClock();
    const snapshots = new Snapshots(longFeed(100_000), clock);
    const open = () => snapshots.open(writerFor('text'));
    const streams = await Promise.all(Array.from({ length: mostSnapshots }, open));
    for (const each of streams) each.stream.on('error', () => undefined);
    await expect(open()).rejects.toThrow(/come back/);
    streams[0]?.stream.destroy();
    await new Promise((resolve) => streams[0]?.stream.once('close', resolve));
    const { stream } = await open();
    await expect(open()).rejects.toThrow(/come back/);
    // Who does not read on is let go after two minutes.
    const ended = expect(drained(stream)).rejects.toThrow(/too long/);
    clock.advance(120_000);
    await ended;
    await expect(open()).resolves.toBeDefined();
  });

  it('that is refused for that is no failure to the log, whose reader would find a line for each of a thousand pollers', async () => {
    const logger = recordingLogger();
    const feed = Object.assign(new MemoryBlockList({ clock: systemClock }), longFeed(1), {
      snapshot: () => new Promise<never>(() => undefined),
    });
    const { api } = await apiUnderTest({ blockList: feed, logger });
    for (let at = 0; at < mostSnapshots; at += 1) void api.inject({ url: list, headers: asAnna }).then(() => undefined);
    const refused = () => api.inject({ url: list, headers: asAnna });
    const answer = await refused();
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(logger.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  it('gives its place back when the list cannot be read', async () => {
    const away: BlockFeed = {
      ...longFeed(1),
      snapshot: () => Promise.reject(new TidegateError('STORE_FAILED', 'away')),
    };
    const { api } = await apiUnderTest({ blockList: Object.assign(new MemoryBlockList({ clock: systemClock }), away) });
    for (let asked = 0; asked < mostSnapshots + 2; asked += 1) {
      const answer = await api.inject({ url: list, headers: asAnna });
      expect([answer.statusCode, answer.json().type]).toEqual([503, 'urn:tidegate:problem:unavailable']);
    }
  });
});

describe('the ETag of a snapshot', () => {
  it('is the cursor, and spares whoever has the list already', async () => {
    const { api, block } = await apiUnderTest();
    await block('203.0.113.9');
    const first = await api.inject({ url: list, headers: asAnna });
    const etag = String(first.headers.etag);
    expect(etag).toBe(`"${first.json().cursor}"`);
    expect(first.headers['tidegate-cursor']).toBe(first.json().cursor);
    const ask = () => api.inject({ url: list, headers: { ...asAnna, 'if-none-match': etag } });
    const same = await ask();
    expect([same.statusCode, same.payload, same.headers.etag]).toEqual([304, '', etag]);
    await block('203.0.113.10');
    expect((await ask()).statusCode).toBe(200);
  });

  it.each(['"x.1"', '"', 'W/"', '*', '"memory.99999999999999"'])('%s is no reason to answer 304', async (tag) => {
    const { api } = await apiUnderTest();
    expect((await api.inject({ url: list, headers: { ...asAnna, 'if-none-match': tag } })).statusCode).toBe(200);
  });

  it('of a file for proxies is another one a minute later: blocks end without a change', async () => {
    const { api, clock, block } = await apiUnderTest();
    await block('203.0.113.9');
    const ask = (etag: string) =>
      api.inject({ url: `${list}?format=text`, headers: { ...asAnna, 'if-none-match': etag } });
    const first = await ask('"none"');
    expect(first.payload).toContain('203.0.113.9');
    expect((await ask(String(first.headers.etag))).statusCode).toBe(304);
    clock.advance(120_000);
    const later = await ask(String(first.headers.etag));
    expect(later.statusCode).toBe(200);
    expect(later.payload).not.toContain('203.0.113.9');
  });
});

describe('the changes of the list', () => {
  const changes = (after: string, wait = 0) => ({
    url: `/v1/list/changes?after=${encodeURIComponent(after)}&wait=${wait}`,
    headers: asAnna,
  });

  it('lead from a snapshot to the list as it is, added and removed', async () => {
    const { api, block, blockList } = await apiUnderTest();
    const { cursor } = (await api.inject({ url: list, headers: asAnna })).json();
    const id = await block('203.0.113.9');
    await blockList.transition(id, { kind: 'lift', reason: 'goodwill', actor: 'anna', note: 'n' });
    const told = (await api.inject(changes(cursor))).json();
    expect(told.changes.map(({ kind }: { kind: string }) => kind)).toEqual(['added', 'removed']);
    expect(told.changes[0].entries[0]).toMatchObject({ subject: 'ip:203.0.113.9', blockId: id });
    expect((await api.inject(changes(told.cursor))).json()).toEqual({ cursor: told.cursor, changes: [] });
  });

  it('are waited for, and told as soon as there is one', async () => {
    const { api, clock, block } = await apiUnderTest();
    const { cursor } = (await api.inject({ url: list, headers: asAnna })).json();
    const waiting = api.inject(changes(cursor, 20));
    await new Promise((resolve) => setImmediate(resolve));
    await block('203.0.113.9');
    clock.advance(200);
    expect((await waiting).json().changes).toHaveLength(1);
  });

  it('are none when the time is over', async () => {
    const { api, clock } = await apiUnderTest();
    const { cursor } = (await api.inject({ url: list, headers: asAnna })).json();
    const waiting = api.inject(changes(cursor, 3));
    for (let second = 0; second < 4; second += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1000);
    }
    expect((await waiting).json()).toEqual({ cursor, changes: [] });
  });

  it.each(['other-epoch.1', 'memory-0-0.5'])('behind %s are gone: 410 says where to begin again', async (after) => {
    const { api } = await apiUnderTest();
    const answer = await api.inject(changes(after));
    expect(answer.statusCode).toBe(410);
    expect(answer.json()).toMatchObject({ type: 'urn:tidegate:problem:gone', snapshot: '/v1/list/snapshot' });
  });

  it.each(['', '1', 'a.', '.1', 'a.-1', 'a.1.5', 'a.1e9', `${'a'.repeat(65)}.1`])(
    'are not asked for with the cursor %j',
    async (after) => {
      const { api } = await apiUnderTest();
      const answer = await api.inject(changes(after));
      expect([answer.statusCode, answer.json().problems[0].path]).toEqual([400, 'query.after']);
    },
  );

  it('hold up no end of the process', async () => {
    const { api } = await apiUnderTest();
    const { cursor } = (await api.inject({ url: list, headers: asAnna })).json();
    const waiting = api.inject(changes(cursor, 20));
    await new Promise((resolve) => setImmediate(resolve));
    await api.close();
    expect((await waiting).statusCode).toBe(200);
  });
});

describe('those who wait for a change', () => {
  it('cost the list one look for all of them', async () => {
    const clock = new ManualClock();
    let looks = 0;
    const changesAfter: BlockFeed['changesAfter'] = async (cursor) => {
      looks += 1;
      return { kind: 'changes', cursor, changes: [] };
    };
    const watch = new ListWatch({ feed: { changesAfter }, clock });
    const all = Array.from({ length: 500 }, () => watch.wait({ epoch: 'e', sequence: 1 }, 10_000));
    for (let step = 0; step < 5; step += 1) {
      clock.advance(200);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(looks).toBe(5);
    for (const each of all) each.cancel();
    expect(watch.size).toBe(0);
    clock.advance(10_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(looks).toBe(5);
  });

  it('are let go when the list is away: each asks for itself', async () => {
    const clock = new ManualClock();
    const changesAfter = () => Promise.reject(new TidegateError('STORE_FAILED', 'away'));
    const waiting = new ListWatch({ feed: { changesAfter }, clock }).wait({ epoch: 'e', sequence: 1 }, 10_000);
    clock.advance(200);
    await waiting.done;
  });
});
