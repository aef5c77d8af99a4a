import { expect, it } from 'vitest';
import type { LoggedChange } from '../../src/blocklist/change-log.ts';
import { clientA, clientB } from '../support/promotions.ts';
import { ada, goodwill, hourMs, ip, minuteMs, type OnStage, type Stage, startMs } from './block-list-stage.ts';

const logged = async (stage: Stage, pageSize = 100): Promise<readonly LoggedChange[]> => {
  const all: LoggedChange[] = [];
  for (
    let page = await stage.list.loggedAfter(null, pageSize);
    ;
    page = await stage.list.loggedAfter(page.cursor, pageSize)
  ) {
    if (page.kind === 'gap') throw new Error('a gap');
    all.push(...page.changes);
    if (page.changes.length === 0) return all;
  }
};

/** What is kept for the audit. */
export const logContract = (onStage: OnStage): void => {
  it('numbers all changes of an epoch from 1 without a gap, and tells each block as the change left it', async () => {
    const stage = onStage();
    const made = await stage.made({ id: 'v1' });
    stage.clock.advance(1000);
    await stage.list.transition('b-v1', { kind: 'confirm', ...ada });
    stage.clock.advance(1000);
    await stage.list.transition('b-v1', { ...goodwill, note: 'asked' });
    const changes = await logged(stage, 2);
    expect(changes.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(changes.map(({ timeMs }) => timeMs - startMs)).toEqual([0, 1000, 2000]);
    expect(changes[0]?.block).toEqual(made);
    expect(
      changes.map(({ block: { id, state, version, actor, reason } }) => [id, state, version, actor, reason]),
    ).toEqual([
      ['b-v1', 'active', 1, 'detector', ''],
      ['b-v1', 'confirmed', 2, 'ada', 'looked at it'],
      ['b-v1', 'lifted', 3, 'ada', 'goodwill: asked'],
    ]);
    expect(changes[2]?.block).toMatchObject({
      subject: clientA,
      rule: 'breadth',
      ruleHash: 'abc',
      evidence: { denied: 240 },
    });
  });

  it('tells what has no block of its own by who, whom, why and until when', async () => {
    const stage = onStage();
    const off = { untilMs: startMs + hourMs, actor: 'ada', note: 'n' };
    await stage.allow(clientA, { untilMs: startMs + minuteMs });
    await stage.list.disallow(clientA, { actor: 'bob', note: 'no more' });
    await stage.list.setSwitch('blocks', off, off);
    await stage.list.setSwitch('blocks', null, { actor: 'bob', note: '' });
    await stage.list.override({ rule: 'breadth', mode: 'review', ...off });
    await stage.list.endOverride('breadth', { actor: 'bob', note: '' });
    const told = (await logged(stage)).map(({ block }) => {
      const { id, state, subject, actor, reason, expiresAtMs } = block;
      return [id, state, `${subject.kind}:${subject.id}`, actor, reason, expiresAtMs - startMs];
    });
    expect(told).toEqual([
      ['allow:ip:203.0.113.9', 'active', 'ip:203.0.113.9', 'ada', 'looked at it', minuteMs],
      ['allow:ip:203.0.113.9', 'lifted', 'ip:203.0.113.9', 'bob', 'no more', 0],
      ['switch:blocks', 'active', 'key:~switch:blocks', 'ada', 'blocks off: n', hourMs],
      ['switch:blocks', 'lifted', 'key:~switch:blocks', 'bob', 'blocks on', 0],
      ['mode:breadth', 'active', 'key:~mode:breadth', 'ada', 'at most review: n', hourMs],
      ['mode:breadth', 'lifted', 'key:~mode:breadth', 'bob', 'mode of the file', 0],
    ]);
  });

  it('tells of an import by the block of its list', async () => {
    const stage = onStage();
    await stage.import([clientA, clientB]);
    await stage.import([clientB]);
    const changes = await logged(stage);
    expect(new Set(changes.map(({ block }) => block.id))).toEqual(new Set(['l-bad']));
    expect(changes.at(-1)?.block).toMatchObject({ version: 2, origin: 'list', state: 'active' });
    expect(changes.map(({ sequence }) => sequence)).toEqual(changes.map((_, index) => index + 1));
  });

  it('says how much a reader has missed, and where it goes on', async () => {
    const stage = onStage({ maxChanges: 5 });
    await stage.made({ subject: ip('192.0.2.1') });
    const begin = await stage.list.loggedAfter(null, 10);
    for (let index = 2; index <= 12; index += 1) await stage.made({ subject: ip(`192.0.2.${index}`) });
    const gap = await stage.list.loggedAfter(begin.cursor, 10);
    expect(gap).toMatchObject({ kind: 'gap', lost: 6 });
    const rest = await stage.list.loggedAfter(gap.cursor, 10);
    if (rest.kind === 'gap') throw new Error('a gap again');
    expect(rest.changes.map(({ sequence }) => sequence)).toEqual([8, 9, 10, 11, 12]);
    const oldest = await stage.list.loggedAfter(null, 1);
    expect(oldest).toMatchObject({ kind: 'changes', changes: [{ sequence: 8 }] });
    const other = await stage.list.loggedAfter({ epoch: 'other', sequence: 3 }, 10);
    expect(other).toMatchObject({ kind: 'gap', cursor: gap.cursor });
  });

  it('remembers up to where everything is published', async () => {
    const stage = onStage();
    expect(await stage.list.relayedUpTo()).toBeNull();
    await stage.made();
    const { cursor } = await stage.list.loggedAfter(null, 10);
    await stage.list.markRelayed(cursor);
    expect(await stage.list.relayedUpTo()).toEqual(cursor);
    expect(await stage.list.loggedAfter(cursor, 10)).toEqual({ kind: 'changes', cursor, changes: [] });
  });
};

/** The lead is a lease in the server's own time: `hold` is how long the test can make it pass. */
export const leadContract = (onStage: OnStage): void => {
  it('gives the lead to one relay at a time, as long as it keeps it', async () => {
    const stage = onStage();
    const takes = await Promise.all(['one', 'two', 'three'].map((holder) => stage.list.leadRelay(holder, minuteMs)));
    expect(takes.filter(Boolean)).toHaveLength(1);
    const holder = ['one', 'two', 'three'][takes.indexOf(true)] ?? '';
    expect(await stage.list.leadRelay(holder, minuteMs)).toBe(true);
    expect(await stage.list.leadRelay('another', minuteMs)).toBe(false);
  });
};
