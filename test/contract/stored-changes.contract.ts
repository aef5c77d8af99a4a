import { expect, it } from 'vitest';
import type { StoredChanges } from '../../src/analytics/stored-changes.ts';
import { EventReading, type EventsWanted } from '../../src/api/event-reading.ts';
import type { Cursor } from '../../src/blocklist/block-feed.ts';
import { ManualClock } from '../../src/clock.ts';
import { changesEmitter, framesOf } from '../../src/detect/change-row.ts';
import { MemoryBlockList } from '../../src/embedded/memory-block-list.ts';
import { hostileTexts } from './decision-questions.contract.ts';
import type { ReaderStage } from './decision-reader.contract.ts';

const act = { actor: 'anna', note: 'why, in words' };
const dayMs = 86_400_000;

/** What is told of the changes that a log has dropped; asked of the database that the event tables have filled. */
export const storedChangesContract = ({ database }: Pick<ReaderStage, 'database'>): void => {
  // Lists are told apart by when they begin.
  let startMs = 1_800_000_000_000;

  /** A list whose log keeps few changes, with all of them in the table. */
  const playedOut = async () => {
    startMs += 1000;
    const clock = new ManualClock(startMs);
    const list = new MemoryBlockList({ clock, maxChanges: 4 });
    const untilMs = clock.nowMs() + dayMs;
    let told: Cursor | null = null;
    const tell = async (): Promise<void> => {
      const logged = await list.loggedAfter(told, 100);
      if (logged.kind !== 'changes') throw new Error('told too late');
      for (const { headers, body } of framesOf(logged.changes, logged.cursor.epoch)) {
        const { emitter, firstSeq, rows } = headers;
        await database().blocks.insert([{ emitter, firstSeq, rows, body }], `b:${emitter}:${firstSeq}`);
      }
      told = logged.cursor;
    };
    const ids: string[] = [];
    for (const tenant of ['acme', 'globex']) {
      const subject = { kind: 'user', id: 'bob', tenant } as const;
      const action = { kind: 'limit', limit: 7, windowMs: 60_000 } as const;
      const added = await list.add({ subject, action, untilMs, ...act });
      if (added.kind !== 'added') throw new Error('refused');
      const { id } = added.block;
      await list.comment(id, { actor: 'ben', note: 'asked them' });
      await tell();
      ids.push(id);
    }
    await list.allow({ subject: { kind: 'ip', id: '203.0.113.9' }, kind: 'canary', untilMs, ...act });
    await list.setSwitch('blocks', { untilMs, ...act }, act);
    await tell();
    for (const id of ids) await list.transition(id, { kind: 'extend', untilMs: untilMs + 1000, ...act });
    await tell();
    return { list, ids, epoch: (await list.snapshot()).epoch };
  };
  const within = (tenants: readonly string[] | null): StoredChanges => database().reader.within(tenants);

  /** All pages of what is wanted. */
  const pages = async (list: MemoryBlockList, wanted: EventsWanted) => {
    const events = [];
    let { after } = wanted;
    for (let page = 0; page < 30; page += 1) {
      const sources = { changes: list, stored: within(wanted.tenants) };
      const answer = await new EventReading(sources, { ...wanted, after }).run();
      events.push(...answer.events);
      if (after !== null && answer.cursor.sequence === after.sequence && answer.cursor.epoch === after.epoch) break;
      after = answer.cursor;
    }
    return events;
  };

  it('tells what the log has dropped as the log told it, and goes on in the log', async () => {
    const { list, epoch, ids } = await playedOut();
    const all = { tenants: null, after: { epoch, sequence: 0 } };
    const whole = await pages(list, { ...all, limit: 500 });
    expect(whole.map(({ cursor }) => cursor)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((at) => `${epoch}.${at}`));
    expect(whole.map(({ kind, subject, actor, reason }) => [kind, subject, actor, reason]).slice(0, 6)).toEqual([
      ['block', 'acme/user:bob', 'anna', whole[0]?.reason],
      ['block', 'acme/user:bob', 'ben', 'asked them'],
      ['block', 'globex/user:bob', 'anna', whole[2]?.reason],
      ['block', 'globex/user:bob', 'ben', 'asked them'],
      ['allow', 'ip:203.0.113.9', 'anna', 'why, in words'],
      ['switch', null, 'anna', 'blocks off: why, in words'],
    ]);
    expect(whole[0]).toMatchObject({ blockId: ids[0], action: { kind: 'limit', limit: 7, windowMs: 60_000 } });
    for (const limit of [1, 2, 3]) expect(await pages(list, { ...all, limit })).toEqual(whole);
    const kept = await pages(list, { ...all, after: null, limit: 3 });
    expect(kept).toEqual(whole.slice(-4));
    // The log drops one more; nothing of what was told changes.
    const untilMs = startMs + dayMs;
    await list.allow({ subject: { kind: 'ip', id: '203.0.113.9' }, kind: 'allow', untilMs, ...act });
    expect((await pages(list, { ...all, limit: 2 })).slice(0, 8)).toEqual(whole);
  });

  it('tells all of one block from its first change, and to who is for a tenant theirs alone', async () => {
    const { list, ids, epoch } = await playedOut();
    const [id = ''] = ids;
    for (const limit of [1, 100]) {
      const ofBlock = await pages(list, { after: { epoch, sequence: 0 }, limit, block: id, tenants: null });
      expect(ofBlock.map(({ cursor }) => cursor)).toEqual([1, 2, 7].map((at) => `${epoch}.${at}`));
      const theirs = await pages(list, { after: { epoch, sequence: 0 }, limit, tenants: ['globex'] });
      expect(theirs.map(({ cursor }) => cursor)).toEqual([3, 4, 8].map((at) => `${epoch}.${at}`));
      const others = await pages(list, { after: { epoch, sequence: 0 }, limit, block: id, tenants: ['globex', ''] });
      expect(others).toEqual([]);
    }
    const fromStart = await pages(list, { after: null, limit: 100, block: id, tenants: null });
    // A block of that id was in a log of before, too.
    const inThis = fromStart.map(({ cursor }) => cursor).filter((cursor) => cursor.startsWith(`${epoch}.`));
    expect(inThis).toEqual([1, 2, 7].map((at) => `${epoch}.${at}`));
  });

  it('goes on from a log of before to the one that took its place', async () => {
    const before = await playedOut();
    const { list, epoch } = await playedOut();
    const wanted = { after: { epoch: before.epoch, sequence: 6 }, limit: 3, tenants: null };
    const told = await pages(list, wanted);
    expect(told.map(({ cursor }) => cursor)).toEqual([
      ...[7, 8].map((at) => `${before.epoch}.${at}`),
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((at) => `${epoch}.${at}`),
    ]);
  });

  it('takes no value for a part of a statement', async () => {
    const { epoch } = await playedOut();
    const emitter = changesEmitter(epoch);
    for (const text of hostileTexts) {
      const query = { emitter, after: 0, upTo: 100, limit: 5 };
      expect(await within(null).blockChanges({ ...query, blockId: text })).toEqual([]);
      expect(await within(null).blockChanges({ ...query, emitter: text })).toEqual([]);
      expect(await within([text]).blockChanges(query)).toEqual([]);
    }
    expect(await within([]).blockChanges({ emitter, after: 0, upTo: 100, limit: 5 })).toEqual([]);
    await expect(within(null).blockChanges({ emitter, after: 0, upTo: 9, limit: 1001 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
};
