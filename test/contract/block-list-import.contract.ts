import { expect, it } from 'vitest';
import type { BlockSubject } from '../../src/client.ts';
import { clientA } from '../support/promotions.ts';
import { ada, dayMs, goodwill, hourMs, ip, keyOfA, network, type OnStage, startMs, user } from './block-list-stage.ts';

const one = ip('192.0.2.1');
const two = ip('192.0.2.2');
const three = ip('192.0.2.3');
const none = { added: 0, renewed: 0, removed: 0, refused: 0, shadowed: 0, refusedSubjects: [] };

/** Lists from elsewhere. */
export const importContract = (onStage: OnStage): void => {
  it('puts every subject of a list in force, each once, under one block that stands for the list', async () => {
    const stage = onStage();
    const subjects = [one, two, network('198.51.100.0/24'), user('mallory'), ip('::ffff:192.0.2.1')];
    expect(await stage.import(subjects)).toEqual({ ...none, blockId: 'l-bad', added: 4 });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.1', 'ip:192.0.2.2', 'network:198.51.100.0/24', 'user:mallory']);
    expect((await stage.snapshot()).entries).toContainEqual({
      subjectKey: 'ip:192.0.2.1',
      blockId: 'l-bad',
      rule: 'bad',
      expiresAtMs: startMs + dayMs,
      action: { kind: 'refuse' },
    });
    expect(await stage.list.get('l-bad')).toMatchObject({
      state: 'active',
      version: 1,
      subject: { kind: 'key', id: '~list:bad' },
      origin: 'list',
      rule: 'bad',
      owner: 'ada',
      evidence: null,
      expiresAtMs: startMs + dayMs,
    });
    expect(await stage.promote({ subject: ip('198.51.100.7') })).toEqual({ kind: 'already', blockId: 'l-bad' });
  });

  it('replaces what it held before: added, renewed, removed', async () => {
    const stage = onStage();
    await stage.import([one, two]);
    stage.clock.advance(hourMs);
    const limited = { kind: 'limit', limit: 5, windowMs: 10_000 } as const;
    const changes = await stage.told(async () => {
      const result = await stage.import([two, three], { action: limited });
      expect(result).toEqual({ ...none, blockId: 'l-bad', added: 1, renewed: 1, removed: 1 });
    });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.2', 'ip:192.0.2.3']);
    expect((await stage.snapshot()).entries).toMatchObject([{ action: limited }, { action: limited }]);
    expect(await stage.list.get('l-bad')).toMatchObject({ version: 2, blockedAtMs: startMs, action: limited });
    const added = changes.flatMap((change) => (change.kind === 'added' ? change.entries : []));
    const removed = changes.flatMap((change) => (change.kind === 'removed' ? change.entries : []));
    expect(added.map(({ subjectKey }) => subjectKey)).toContain('ip:192.0.2.3');
    expect(removed).toEqual([{ subjectKey: 'ip:192.0.2.1', blockId: 'l-bad' }]);
  });

  it('keeps lists apart, and leaves what is blocked already', async () => {
    const stage = onStage();
    const manual = await stage.added(one);
    await stage.import([two], { list: 'worse' });
    expect(await stage.import([one, two, three])).toEqual({ ...none, blockId: 'l-bad', added: 1, shadowed: 2 });
    expect(await stage.import([])).toEqual({ ...none, blockId: 'l-bad', removed: 1 });
    expect((await stage.list.standing(one)).entries).toMatchObject([{ blockId: manual.id }]);
    expect((await stage.list.standing(two)).entries).toMatchObject([{ blockId: 'l-worse' }]);
  });

  it('takes away what it must not hit any more', async () => {
    const stage = onStage();
    await stage.import([one, two]);
    await stage.allow(network('192.0.2.0/31'));
    expect(await stage.import([one, two])).toEqual({
      ...none,
      blockId: 'l-bad',
      renewed: 1,
      refused: 1,
      removed: 1,
      refusedSubjects: [{ subjectKey: 'ip:192.0.2.1', by: 'allow-list' }],
    });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.2']);
  });

  it('names at most 20 of those it refused, and what by', async () => {
    const stage = onStage();
    await stage.allow(one, { kind: 'canary' });
    await stage.list.transition((await stage.made({ subject: two })).id, { ...goodwill, tombstoneMs: 5000 });
    const { refusedSubjects } = await stage.import([one, two, three]);
    expect(new Set(refusedSubjects)).toEqual(
      new Set([
        { subjectKey: 'ip:192.0.2.1', by: 'canary' },
        { subjectKey: 'ip:192.0.2.2', by: 'tombstone' },
      ]),
    );
    await stage.allow(network('10.0.0.0/8'));
    const many = Array.from({ length: 25 }, (_, index) => ip(`10.0.0.${index}`));
    const result = await stage.import(many);
    expect([result.refused, result.refusedSubjects.length]).toEqual([25, 20]);
  });

  it('gives its place to a person’s block, and is not the worse for it', async () => {
    const stage = onStage();
    await stage.import([one, clientA]);
    const manual = await stage.added(clientA);
    expect(await stage.list.get('l-bad')).toMatchObject({ state: 'active', version: 1 });
    expect((await stage.list.standing(clientA)).entries).toMatchObject([{ blockId: manual.id }]);
    await stage.list.transition(manual.id, goodwill);
    expect(await stage.enforced()).toEqual(['ip:192.0.2.1']);
    expect(await stage.import([one, clientA])).toMatchObject({ added: 1, renewed: 1 });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.1', keyOfA]);
  });

  it('is lifted as a whole by its block, can be confirmed, and comes back when it is imported again', async () => {
    const stage = onStage();
    await stage.import([one, two]);
    await stage.added(three);
    await stage.list.transition('l-bad', { kind: 'confirm', ...ada });
    expect(await stage.list.transition('l-bad', goodwill)).toMatchObject({ state: 'lifted', version: 3 });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.3']);
    expect(await stage.import([one])).toMatchObject({ added: 1 });
    expect(await stage.list.get('l-bad')).toMatchObject({ state: 'active', version: 4 });
  });

  it('is changed by importing it again, not by changing its block', async () => {
    const stage = onStage();
    await stage.import([one]);
    const extend = stage.list.transition('l-bad', { kind: 'extend', untilMs: startMs + 2 * dayMs, ...ada });
    await expect(extend).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const change = { kind: 'change-action', action: { kind: 'refuse' }, ...ada } as const;
    await expect(stage.list.transition('l-bad', change)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('ends when its time is over', async () => {
    const stage = onStage();
    await stage.import([one]);
    stage.clock.advance(dayMs);
    expect(await stage.enforced()).toEqual([]);
    expect(await stage.list.get('l-bad')).toMatchObject({ state: 'expired' });
    expect(await stage.import([one])).toMatchObject({ added: 1, renewed: 0 });
  });

  it('packs a long list into few changes, which say all of it', async () => {
    const stage = onStage();
    const subjects: BlockSubject[] = Array.from({ length: 2500 }, (_, n) => ip(`10.${n >> 8}.${n & 255}.1`));
    const changes = await stage.told(() => stage.import(subjects));
    expect(changes.length).toBeLessThanOrEqual(4);
    const added = changes.flatMap((change) => (change.kind === 'added' ? change.entries : []));
    for (const change of changes) if (change.kind === 'added') expect(change.entries.length).toBeLessThanOrEqual(1000);
    expect(added.map(({ subjectKey }) => subjectKey).sort()).toEqual(subjects.map(({ id }) => `ip:${id}`).sort());
    expect(await stage.enforced()).toHaveLength(2500);
    const removed = await stage.told(() => stage.import(subjects.slice(0, 10)));
    expect(removed.length).toBeLessThanOrEqual(5);
    expect(await stage.enforced()).toHaveLength(10);
  });
};
