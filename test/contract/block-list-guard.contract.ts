import { expect, it } from 'vitest';
import type { BlockSubject } from '../../src/client.ts';
import { clientA, clientB } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  falsePositive,
  hourMs,
  ip,
  keyOfA,
  minuteMs,
  network,
  type OnStage,
  type Stage,
  startMs,
  user,
} from './block-list-stage.ts';

interface Meeting {
  readonly guarded: BlockSubject;
  readonly candidate: BlockSubject;
  readonly hits: boolean;
}

/** Who stands in the way of what. */
const meetings: readonly Meeting[] = [
  { guarded: clientA, candidate: clientA, hits: true },
  { guarded: clientA, candidate: clientB, hits: false },
  { guarded: network('203.0.113.0/24'), candidate: clientA, hits: true },
  { guarded: network('203.0.112.0/24'), candidate: clientA, hits: false },
  { guarded: network('203.0.0.0/8'), candidate: network('203.0.113.0/24'), hits: true },
  { guarded: clientA, candidate: network('203.0.113.0/24'), hits: true },
  { guarded: clientA, candidate: network('203.0.113.0/29'), hits: false },
  { guarded: network('203.0.113.128/25'), candidate: network('203.0.113.0/24'), hits: true },
  { guarded: network('203.0.113.128/25'), candidate: network('203.0.113.0/25'), hits: false },
  { guarded: ip('203.0.113.0'), candidate: network('203.0.113.0/24'), hits: true },
  { guarded: ip('203.0.113.255'), candidate: network('203.0.113.0/24'), hits: true },
  { guarded: ip('203.0.114.0'), candidate: network('203.0.113.0/24'), hits: false },
  { guarded: ip('2001:db8:0:7::/64'), candidate: network('2001:db8::/32'), hits: true },
  { guarded: network('2001:db8::/32'), candidate: ip('2001:db8:0:7::/64'), hits: true },
  { guarded: network('2001:db8::/33'), candidate: ip('2001:db8:8000:7::/64'), hits: false },
  { guarded: user('alice'), candidate: user('alice'), hits: true },
  { guarded: user('alice'), candidate: user('alice', 'acme'), hits: true },
  { guarded: user('alice', 'acme'), candidate: user('alice', 'acme'), hits: true },
  { guarded: user('alice', 'acme'), candidate: user('alice', 'other'), hits: false },
  { guarded: user('alice', 'acme'), candidate: user('alice'), hits: false },
  { guarded: ip('203.0.113.9', 'acme'), candidate: network('203.0.113.0/24', 'acme'), hits: true },
  { guarded: ip('203.0.113.9'), candidate: network('203.0.113.0/24', 'acme'), hits: true },
  { guarded: ip('203.0.113.9', 'acme'), candidate: network('203.0.113.0/24', 'other'), hits: false },
  { guarded: network('203.0.113.0/24', 'acme'), candidate: ip('203.0.113.9', 'acme'), hits: true },
  { guarded: { kind: 'key', id: '203.0.113.9' }, candidate: clientA, hits: false },
];

const textOf = ({ kind, id, tenant }: BlockSubject): string => `${tenant ? `${tenant}/` : ''}${kind}:${id}`;
const titleOf = ({ guarded, candidate, hits }: Meeting): string =>
  `${hits ? 'stands' : 'does not stand'} in the way of ${textOf(candidate)} with ${textOf(guarded)}`;

/** The allow list, canaries and tombstones: whom each stands before. */
export const meetingContract = (onStage: OnStage): void => {
  const lift = async (stage: Stage, subject: BlockSubject) => {
    const block = await stage.added(subject);
    await stage.list.transition(block.id, falsePositive);
  };

  for (const meeting of meetings) {
    it(titleOf(meeting), async () => {
      const { guarded, candidate: subject, hits } = meeting;
      const guards = [
        { reason: 'allow-list', put: (stage: Stage) => stage.allow(guarded) },
        { reason: 'canary', put: (stage: Stage) => stage.allow(guarded, { kind: 'canary' }) },
        { reason: 'tombstone', put: (stage: Stage) => lift(stage, guarded) },
      ];
      for (const { reason, put } of guards) {
        const stage = onStage();
        await put(stage);
        const standing = await stage.list.standing(subject);
        expect(reason === 'tombstone' ? standing.tombstoneUntilMs !== null : standing.allowed.length > 0).toBe(hits);
        const added = reason === 'tombstone' ? 'added' : hits ? 'refused' : 'added';
        const imported = await stage.import([subject]);
        expect(imported).toMatchObject(hits ? { added: 0, refused: 1 } : { added: 1, refused: 0 });
        await stage.import([]);
        expect(await stage.promote({ subject })).toMatchObject(
          hits ? { kind: 'suppressed', reason } : { kind: 'activated' },
        );
        expect((await stage.add(subject)).kind).toBe(added);
      }
    });
  }
};

/** What allowing does, and what it undoes. */
export const guardContract = (onStage: OnStage): void => {
  it('tells a person whose entry refuses a block', async () => {
    const stage = onStage();
    await stage.allow(clientA, { kind: 'canary', note: 'our own egress' });
    const result = await stage.add(network('203.0.113.0/24'));
    expect(result).toMatchObject({
      kind: 'refused',
      reason: 'canary',
      by: { subject: clientA, kind: 'canary', note: 'our own egress', actor: 'ada', untilMs: startMs + dayMs },
    });
    expect(await stage.enforced()).toEqual([]);
  });

  it('lifts at once what is in force of exactly whom it allows, and has gates exempt them from wider networks', async () => {
    const stage = onStage();
    const wide = await stage.added(network('203.0.113.0/24'));
    const exact = await stage.added(clientA);
    const changes = await stage.told(() => stage.allow(clientA));
    expect(changes).toMatchObject([
      { kind: 'exempted', exemption: { subjectKey: keyOfA, untilMs: startMs + dayMs } },
      { kind: 'removed', entries: [{ subjectKey: keyOfA, blockId: exact.id }] },
    ]);
    expect(await stage.list.get(exact.id)).toMatchObject({
      state: 'lifted',
      version: 2,
      actor: 'ada',
      reason: 'allow-list: looked at it',
    });
    expect(await stage.list.get(wide.id)).toMatchObject({ state: 'active' });
    expect((await stage.snapshot()).exemptions).toEqual([{ subjectKey: keyOfA, untilMs: startMs + dayMs }]);
  });

  it('dismisses the open proposal of whom it allows, and takes an imported entry away', async () => {
    const stage = onStage();
    const proposed = await stage.made({}, { mode: 'review' });
    await stage.import([clientB, ip('192.0.2.1')]);
    await stage.allow(clientA);
    await stage.allow(clientB, { kind: 'canary' });
    expect(await stage.list.get(proposed.id)).toMatchObject({ state: 'lifted' });
    expect((await stage.list.standing(clientA)).proposalId).toBeNull();
    expect(await stage.enforced()).toEqual(['ip:192.0.2.1']);
    expect(await stage.list.get('l-bad')).toMatchObject({ state: 'active' });
  });

  it('lists who is allowed, soonest end first, forgets them at their end, and replaces what was said before', async () => {
    const stage = onStage();
    await stage.allow(clientA, { untilMs: startMs + hourMs });
    await stage.allow(clientB, { untilMs: startMs + minuteMs, kind: 'canary' });
    await stage.allow(clientA, { untilMs: startMs + 2 * hourMs });
    const ends = async () => (await stage.list.allowEntries()).map(({ kind, untilMs }) => [kind, untilMs - startMs]);
    expect(await ends()).toEqual([
      ['canary', minuteMs],
      ['allow', 2 * hourMs],
    ]);
    stage.clock.advance(minuteMs);
    expect(await ends()).toEqual([['allow', 2 * hourMs]]);
    expect((await stage.snapshot()).exemptions).toHaveLength(1);
    expect((await stage.promote({ subject: clientB })).kind).toBe('activated');
  });

  it('stops allowing on request, once, and tells gates', async () => {
    const stage = onStage();
    await stage.allow(clientA);
    const changes = await stage.told(() => stage.list.disallow(clientA, ada));
    expect(changes).toMatchObject([{ kind: 'exempted', exemption: { subjectKey: keyOfA, untilMs: 0 } }]);
    expect(await stage.list.disallow(clientA, ada)).toBe(false);
    expect((await stage.snapshot()).exemptions).toEqual([]);
    expect((await stage.promote()).kind).toBe('activated');
  });
};
