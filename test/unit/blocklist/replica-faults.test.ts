import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockEntry } from '../../../src/blocklist/block-feed.ts';
import { BlockListReplica } from '../../../src/blocklist/replica.ts';
import type { BlockSubject, Client } from '../../../src/client.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { FaultyFeed, type FeedFault, feedFaults } from '../../support/faulty-feed.ts';
import { naiveFind, wholeList } from '../../support/naive-block-list.ts';

const act = { actor: 'ada', note: '' };
const subjects: readonly BlockSubject[] = [
  { kind: 'ip', id: '203.0.113.9' },
  { kind: 'ip', id: '203.0.113.10' },
  { kind: 'ip', id: '2001:db8::/64' },
  { kind: 'network', id: '203.0.113.0/24' },
  { kind: 'network', id: '203.0.112.0/20' },
  { kind: 'network', id: '2001:db8::/48' },
  { kind: 'key', id: 'k' },
  { kind: 'user', id: 'u', tenant: 'acme' },
];
const clients: readonly Client[] = [
  { kind: 'ip', id: '203.0.113.9' },
  { kind: 'ip', id: '203.0.113.11' },
  { kind: 'ip', id: '203.0.112.1' },
  { kind: 'ip', id: '2001:db8::/64' },
  { kind: 'ip', id: '2001:db8:0:1::/64' },
  { kind: 'key', id: 'k' },
  { kind: 'user', id: 'u' },
];

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(
      'add',
      'add',
      'add',
      'lift',
      'allow',
      'disallow',
      'import',
      'switch',
      'wait',
      'sync',
      'sync',
      'epoch',
    ),
    subject: fc.nat(subjects.length - 1),
    minutes: fc.integer({ min: 1, max: 30 }),
  }),
  { minLength: 5, maxLength: 60 },
);
const faults = fc.array(fc.constantFrom<FeedFault>(...feedFaults), { minLength: 30, maxLength: 30 });

type Step = { readonly what: string; readonly subject: number; readonly minutes: number };

const stageOf = (planned: readonly FeedFault[]) => {
  const clock = new ManualClock();
  const newList = (): MemoryBlockList => new MemoryBlockList({ clock, maxChanges: 3, entriesPerPage: 2 });
  const stage = { list: newList() };
  const feed = new FaultyFeed(stage.list);
  let call = 0;
  feed.next = () => {
    call += 1;
    return planned[call % planned.length] ?? 'none';
  };
  const replica = new BlockListReplica({ feed, clock });
  const play = async ({ what, subject: at, minutes }: Step): Promise<void> => {
    const subject = subjects[at] ?? { kind: 'key', id: 'k' };
    const untilMs = clock.nowMs() + minutes * 60_000;
    const { list } = stage;
    if (what === 'add') await list.add({ subject, action: { kind: 'refuse' }, untilMs, ...act });
    else if (what === 'lift') {
      const { blocks } = await list.list({ states: ['active', 'confirmed'] });
      const block = blocks[at % Math.max(1, blocks.length)];
      if (block) await list.transition(block.id, { kind: 'lift', reason: 'goodwill', ...act });
    } else if (what === 'allow') await list.allow({ subject, kind: 'allow', untilMs, ...act });
    else if (what === 'disallow') await list.disallow(subject, act);
    else if (what === 'import') {
      const some = subjects.filter((_, index) => (index + minutes) % 2 === 0);
      await list.importList({ list: 'feed', subjects: some, action: { kind: 'refuse' }, untilMs, ...act });
    } else if (what === 'switch') await list.setSwitch('blocks', at % 2 === 0 ? { untilMs, ...act } : null, act);
    else if (what === 'wait') clock.advance(minutes * 20_000);
    else if (what === 'sync') await replica.sync().catch(() => undefined);
    else {
      clock.advance(1);
      stage.list = newList();
      feed.source = stage.list;
    }
  };
  return { clock, stage, feed, replica, play };
};

describe('A replica behind a faulty way', () => {
  it('equals the list after any losses, repetitions, reorderings, trims and epochs, as soon as it was heard once', async () => {
    await fc.assert(
      fc.asyncProperty(steps, faults, async (all, planned) => {
        const { clock, stage, feed, replica, play } = stageOf(planned);
        for (const step of all) await play(step);
        feed.next = () => 'none';
        await replica.sync();
        const { entries, exemptions, switches, cursor } = await wholeList(stage.list);
        expect(replica.cursor).toEqual(cursor);
        const nowMs = clock.nowMs();
        const exempt = exemptions.map(({ subjectKey, untilMs }) => ({ ...entryFor(subjectKey), expiresAtMs: untilMs }));
        for (const client of clients) {
          for (const tenant of ['', 'acme']) {
            const isExempt = naiveFind(exempt, { client, tenant, nowMs }) !== null;
            const expected = isExempt ? null : naiveFind(entries, { client, tenant, nowMs });
            expect(replica.find(client, tenant, nowMs)).toEqual(expected);
          }
        }
        expect(replica.isOff('blocks', nowMs)).toBe((switches.blocks?.untilMs ?? 0) > nowMs);
        expect(replica.isOff('limits', nowMs)).toBe(false);
      }),
      { numRuns: 120 },
    );
  });

  it('answers with the old list until the whole of the new one is there', async () => {
    const clock = new ManualClock();
    const listWith = async (ids: readonly string[]): Promise<MemoryBlockList> => {
      const list = new MemoryBlockList({ clock, entriesPerPage: 1 });
      const untilMs = clock.nowMs() + 60_000;
      for (const id of ids)
        await list.add({ subject: { kind: 'key', id }, action: { kind: 'refuse' }, untilMs, ...act });
      return list;
    };
    const feed = new FaultyFeed(await listWith(['a', 'b']));
    const replica = new BlockListReplica({ feed, clock });
    await replica.sync();
    clock.advance(1);
    feed.source = await listWith(['c', 'd', 'e']);
    const isBlocked = (id: string): boolean => replica.find({ kind: 'key', id }, '', clock.nowMs()) !== null;
    const seen: string[] = [];
    feed.next = () => {
      seen.push(['a', 'b', 'c', 'd', 'e'].filter(isBlocked).join(''));
      return 'none';
    };
    await replica.sync();
    expect(seen.slice(0, 4)).toEqual(['ab', 'ab', 'ab', 'ab']);
    expect(['a', 'b', 'c', 'd', 'e'].filter(isBlocked).join('')).toBe('cde');
  });

  it('begins again when the list changes its epoch between two pages', async () => {
    const clock = new ManualClock();
    const untilMs = clock.nowMs() + 60_000;
    const listWith = async (ids: readonly string[]): Promise<MemoryBlockList> => {
      const list = new MemoryBlockList({ clock, entriesPerPage: 1 });
      for (const id of ids)
        await list.add({ subject: { kind: 'key', id }, action: { kind: 'refuse' }, untilMs, ...act });
      return list;
    };
    const feed = new FaultyFeed(await listWith(['a', 'b', 'c']));
    clock.advance(1);
    const next = await listWith(['b', 'c', 'd']);
    feed.next = () => {
      if (feed.calls.snapshot === 2) feed.source = next;
      return 'none';
    };
    const replica = new BlockListReplica({ feed, clock });
    await replica.sync();
    const blocked = ['a', 'b', 'c', 'd'].filter((id) => replica.find({ kind: 'key', id }, '', clock.nowMs()) !== null);
    expect(blocked).toEqual(['b', 'c', 'd']);
    expect(replica.stats().snapshots).toBe(1);
  });
});

const entryFor = (subjectKey: string): Omit<BlockEntry, 'expiresAtMs'> => ({
  subjectKey,
  blockId: '',
  rule: '',
  action: { kind: 'refuse' },
});
