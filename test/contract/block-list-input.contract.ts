import { expect, it } from 'vitest';
import type { BlockSubject } from '../../src/client.ts';
import { clientA } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  goodwill,
  hourMs,
  ip,
  minuteMs,
  network,
  type OnStage,
  startMs,
  user,
} from './block-list-stage.ts';

const invalid = { code: 'INPUT_INVALID' };

const badSubjects: readonly BlockSubject[] = [
  network('0.0.0.0/0'),
  network('::/0'),
  network('10.0.0.0/7'),
  network('2000::/15'),
  network('2001:db8::/96'),
  network('203.0.113.9/24'),
  network('203.0.113.0/33'),
  network('nowhere/24'),
  ip('localhost'),
  ip('1'),
  ip(''),
  user(''),
  { ...user('eve'), tenant: 'acme\ud800' },
];

/** What no list takes from anybody. */
export const inputContract = (onStage: OnStage): void => {
  it.each(badSubjects)('refuses $kind:$id wherever a person can name a subject', async (subject) => {
    const stage = onStage();
    await expect(stage.add(subject)).rejects.toMatchObject(invalid);
    await expect(stage.allow(subject)).rejects.toMatchObject(invalid);
    await expect(stage.import([clientA, subject])).rejects.toMatchObject(invalid);
    await expect(stage.list.standing(subject)).rejects.toMatchObject(invalid);
    await expect(stage.list.disallow(subject, ada)).rejects.toMatchObject(invalid);
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.cursor()).sequence).toBe(0);
  });

  it('refuses ends in the past, beyond a year, or that are no time', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    for (const untilMs of [
      startMs,
      startMs - 1,
      0,
      -1,
      1.5 * startMs + 0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      startMs + 400 * dayMs,
    ]) {
      const acts = [
        stage.add(clientA, { untilMs }),
        stage.allow(clientA, { untilMs }),
        stage.import([clientA], { untilMs }),
        stage.list.transition(id, { kind: 'extend', untilMs, ...ada }),
        stage.list.setSwitch('blocks', { untilMs, ...ada }, ada),
        stage.list.override({ rule: 'breadth', mode: 'off', untilMs, ...ada }),
      ];
      for (const result of await Promise.allSettled(acts)) {
        expect(result).toMatchObject({ status: 'rejected', reason: invalid });
      }
    }
    expect((await stage.cursor()).sequence).toBe(1);
    expect(await stage.list.get(id)).toMatchObject({ version: 1 });
  });

  it('refuses limits of nothing, names that are none, and acts of nobody', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const limit = (count: number, windowMs: number) => ({ kind: 'limit', limit: count, windowMs }) as const;
    const nobody = { actor: '', note: '' };
    const acts = [
      stage.add(clientA, { action: limit(0, minuteMs) }),
      stage.add(clientA, { action: limit(1.5, minuteMs) }),
      stage.add(clientA, { action: limit(1, 999) }),
      stage.add(clientA, { action: limit(1, 2 * dayMs) }),
      stage.add(clientA, nobody),
      stage.add(clientA, { note: 'x'.repeat(2001) }),
      stage.allow(clientA, nobody),
      stage.import([clientA], { list: '' }),
      stage.import([clientA], { list: 'no spaces' }),
      stage.import([clientA], { list: '~list' }),
      stage.import([clientA], { list: 'x'.repeat(65) }),
      stage.list.transition(id, { kind: 'change-action', action: limit(-1, minuteMs), ...ada }),
      stage.list.transition(id, { kind: 'confirm', ...nobody }),
      stage.list.transition(id, { ...goodwill, tombstoneMs: -1 }),
      stage.list.override({ rule: 'no spaces', mode: 'off', untilMs: startMs + hourMs, ...ada }),
      stage.list.refusals(Array.from({ length: 501 }, () => id)),
      stage.list.noteRefusals(
        Array.from({ length: 1001 }, () => ({ blockId: id, refused: 1, commands: 1, bytes: 1, lastAtMs: startMs })),
      ),
    ];
    for (const result of await Promise.allSettled(acts)) {
      expect(result).toMatchObject({ status: 'rejected', reason: invalid });
    }
    expect((await stage.cursor()).sequence).toBe(1);
  });

  it('refuses half of a surrogate pair in every text of a person, since no script and no audit could read it', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const untilMs = startMs + hourMs;
    const half = { actor: 'ada', note: 'x\ud800' };
    const acts = [
      stage.add(clientA, half),
      stage.add(clientA, { actor: '\udc00' }),
      stage.allow(clientA, half),
      stage.import([clientA], half),
      stage.list.disallow(clientA, half),
      stage.list.comment(id, half),
      stage.list.transition(id, { kind: 'confirm', ...half }),
      stage.list.transition(id, { kind: 'undo', ...half }),
      stage.list.transition(id, { kind: 'assign', assignee: 'ada\ud800', ...ada }),
      stage.list.setSwitch('blocks', { untilMs, ...half }, half),
      stage.list.override({ rule: 'breadth', mode: 'off', untilMs, ...half }),
      stage.list.endOverride('breadth', half),
      stage.list.resetBreaker('breadth', half),
    ];
    for (const result of await Promise.allSettled(acts)) {
      expect(result).toMatchObject({ status: 'rejected', reason: invalid });
    }
    expect((await stage.cursor()).sequence).toBe(1);
  });

  it('names what is wrong with a list, subject by subject, and takes nothing of it', async () => {
    const stage = onStage();
    const error: unknown = await stage.import([clientA, network('10.0.0.0/4'), ip('nobody')]).catch((thrown) => thrown);
    expect(error).toMatchObject({
      ...invalid,
      problems: [{ path: 'subjects[1]' }, { path: 'subjects[2]' }],
    });
    expect(await stage.list.get('l-bad')).toBeNull();
  });

  it('takes ids that hold what separates keys, and tells them apart', async () => {
    const stage = onStage();
    const odd = [
      user('a:b'),
      user('a/b'),
      user('a b'),
      user('a%3Ab'),
      user('\u{1f600}'),
      user('~list:bad'),
      user('a', 'b:c'),
    ];
    for (const subject of odd) await stage.added(subject);
    expect(await stage.enforced()).toHaveLength(odd.length);
    for (const subject of odd) {
      expect((await stage.list.standing(subject)).entries).toHaveLength(1);
      expect((await stage.promote({ subject })).kind).toBe('already');
    }
  });
};
