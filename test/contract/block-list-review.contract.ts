import { expect, it } from 'vitest';
import type { Block } from '../../src/blocklist/block.ts';
import type { Transition } from '../../src/blocklist/block-review.ts';
import { clientA, clientB } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  falsePositive,
  goodwill,
  hourMs,
  ip,
  keyOfA,
  minuteMs,
  network,
  type OnStage,
  type Stage,
  startMs,
} from './block-list-stage.ts';

const conflict = { code: 'BLOCK_CONFLICT' };
const limited = { kind: 'limit', limit: 30, windowMs: minuteMs } as const;

/** What people do to blocks. */
export const transitionContract = (onStage: OnStage): void => {
  it('makes a block by hand with a key once, whatever became of it since', async () => {
    const stage = onStage();
    const made = await stage.added(ip('203.0.113.70'), { key: 'ap-1_x' });
    expect(await stage.added(ip('203.0.113.70'), { key: 'ap-1_x' })).toEqual(made);
    const { sequence } = await stage.cursor();
    const lifted = await stage.list.transition(made.id, falsePositive);
    expect(await stage.added(ip('203.0.113.70'), { key: 'ap-1_x' })).toEqual(lifted);
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.cursor()).sequence).toBe(sequence + 1);
    expect((await stage.added(ip('203.0.113.70'), { key: 'ap-2' })).id).not.toBe(made.id);
    for (const key of ['', 'x'.repeat(61), 'a:b', '\ud800']) {
      await expect(stage.add(clientA, { key })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
  });

  it('lifts a block: off the list, with who and why, and no promotion while its tombstone stands', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const lift = { ...falsePositive, tombstoneMs: 600_000 };
    const lifted = await stage.list.transition(id, lift);
    expect(lifted).toMatchObject({
      state: 'lifted',
      version: 2,
      reason: 'false-positive: looked at it',
      actor: 'ada',
    });
    expect(await stage.list.get(id)).toEqual(lifted);
    expect(await stage.enforced()).toEqual([]);
    expect((await stage.list.standing(clientA)).tombstoneUntilMs).toBe(startMs + 600_000);
    expect(await stage.promote()).toEqual({ kind: 'suppressed', reason: 'tombstone' });
    stage.clock.advance(600_000);
    expect((await stage.list.standing(clientA)).tombstoneUntilMs).toBeNull();
    expect(await stage.made()).toMatchObject({ state: 'active', strikes: 1 });
  });

  it('keeps a lifted client off the list for a day where nobody says otherwise', async () => {
    const stage = onStage();
    await stage.list.transition((await stage.made()).id, falsePositive);
    stage.clock.advance(dayMs - 1000);
    expect(await stage.promote()).toEqual({ kind: 'suppressed', reason: 'tombstone' });
    stage.clock.advance(1000);
    expect((await stage.promote()).kind).toBe('activated');
  });

  it('confirms an active block once: gates see no difference', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const changes = await stage.told(() => stage.list.transition(id, { kind: 'confirm', ...ada }));
    expect(changes.map(({ kind }) => kind)).toEqual(['noted']);
    expect(await stage.list.get(id)).toMatchObject({ state: 'confirmed', version: 2, actor: 'ada', reason: ada.note });
    await expect(stage.list.transition(id, { kind: 'confirm', ...ada })).rejects.toMatchObject(conflict);
    expect(await stage.enforced()).toEqual([keyOfA]);
    await stage.list.transition(id, goodwill);
    expect(await stage.enforced()).toEqual([]);
  });

  it('activates a proposal: from then on as long as it was proposed for, and with a strike', async () => {
    const stage = onStage();
    const { id } = await stage.made({}, { mode: 'review' });
    stage.clock.advance(30_000);
    const changes = await stage.told(() => stage.list.transition(id, { kind: 'activate', ...ada }));
    expect(changes).toMatchObject([
      { kind: 'added', entries: [{ subjectKey: keyOfA, blockId: id, expiresAtMs: startMs + 30_000 + minuteMs }] },
    ]);
    expect(await stage.list.get(id)).toMatchObject({ state: 'active', version: 2, blockedAtMs: startMs + 30_000 });
    const { strikes, proposalId } = await stage.list.standing(clientA);
    expect([strikes.map(({ blockId }) => blockId), proposalId]).toEqual([[id], null]);
    stage.clock.advance(minuteMs);
    expect(await stage.list.get(id)).toMatchObject({ state: 'expired', version: 3 });
    expect(await stage.made()).toMatchObject({ strikes: 2 });
  });

  it('does not activate the proposal of a client that is allowed by now', async () => {
    const stage = onStage();
    const proposed = await stage.made({}, { mode: 'review' });
    await stage.allow(network('203.0.113.0/24'));
    await expect(stage.list.transition(proposed.id, { kind: 'activate', ...ada })).rejects.toMatchObject(conflict);
    expect(await stage.enforced()).toEqual([]);
  });

  it('dismisses a proposal, and lets its client be proposed again', async () => {
    const stage = onStage();
    const { id } = await stage.made({}, { mode: 'review' });
    const changes = await stage.told(() => stage.list.transition(id, goodwill));
    expect(changes.map(({ kind }) => kind)).toEqual(['noted']);
    expect(await stage.made({}, { mode: 'review' })).toMatchObject({ state: 'proposed' });
  });

  it('extends and shortens a block in force, and a proposal without blocking anybody', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const extend = (untilMs: number): Transition => ({ kind: 'extend', untilMs, ...ada });
    const changes = await stage.told(() => stage.list.transition(id, extend(startMs + hourMs)));
    expect(changes).toMatchObject([{ kind: 'added', entries: [{ blockId: id, expiresAtMs: startMs + hourMs }] }]);
    expect(await stage.list.transition(id, extend(startMs + 5000))).toMatchObject({ state: 'active', version: 3 });
    stage.clock.advance(5000);
    expect(await stage.enforced()).toEqual([]);
    await expect(stage.list.transition(id, extend(startMs + hourMs))).rejects.toMatchObject(conflict);
    const proposed = await stage.made({ subject: clientB }, { mode: 'review' });
    await stage.list.transition(proposed.id, extend(startMs + hourMs));
    stage.clock.advance(minuteMs);
    expect((await stage.list.standing(clientB)).proposalId).toBe(proposed.id);
    expect(await stage.promote({ subject: clientB })).toEqual({ kind: 'already', blockId: proposed.id });
    expect(await stage.enforced()).toEqual([]);
  });

  it('turns a refusal into a limit and back', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const change = (action: Block['action']): Transition => ({ kind: 'change-action', action, ...ada });
    const changes = await stage.told(() => stage.list.transition(id, change(limited)));
    expect(changes).toMatchObject([{ kind: 'added', entries: [{ subjectKey: keyOfA, action: limited }] }]);
    await stage.list.transition(id, change({ kind: 'refuse' }));
    expect((await stage.snapshot()).entries).toMatchObject([{ action: { kind: 'refuse' } }]);
    expect(await stage.list.get(id)).toMatchObject({ state: 'active', version: 3, action: { kind: 'refuse' } });
  });

  it('refuses a step that another version, an ended block, a shadow or none at all stands against', async () => {
    const stage = onStage();
    const steps: readonly Transition[] = [
      { kind: 'activate', ...ada },
      { kind: 'confirm', ...ada },
      falsePositive,
      { kind: 'extend', untilMs: startMs + dayMs, ...ada },
      { kind: 'change-action', action: limited, ...ada },
    ];
    const { id } = await stage.made();
    const shadow = await stage.made({ subject: clientB }, { mode: 'shadow' });
    const { sequence } = await stage.cursor();
    await expect(stage.list.transition(id, { kind: 'activate', ...ada })).rejects.toMatchObject(conflict);
    for (const step of steps) {
      await expect(stage.list.transition(id, { ...step, ifVersion: 7 })).rejects.toMatchObject(conflict);
      await expect(stage.list.transition(shadow.id, step)).rejects.toMatchObject(conflict);
      await expect(stage.list.transition('b-none', step)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    }
    stage.clock.advance(minuteMs);
    for (const step of steps) await expect(stage.list.transition(id, step)).rejects.toMatchObject(conflict);
    expect((await stage.cursor()).sequence).toBe(sequence);
  });

  it('lets exactly one of many parallel steps of the same version win', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    const steps: readonly Transition[] = [
      falsePositive,
      { kind: 'confirm', ...ada },
      { kind: 'extend', untilMs: startMs + dayMs, ...ada },
    ];
    const results = await Promise.allSettled(
      [...steps, ...steps, ...steps].map((step) => stage.list.transition(id, { ...step, ifVersion: 1 })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject(conflict);
    expect((await stage.cursor()).sequence).toBe(2);
  });
};

/** Blocks by hand. */
export const addContract = (onStage: OnStage): void => {
  it('blocks whom a person names, with owner and end, and no strike', async () => {
    const stage = onStage();
    const block = await stage.added(network('203.0.113.0/24'), { action: limited });
    expect(block).toMatchObject({
      state: 'active',
      version: 1,
      subject: network('203.0.113.0/24'),
      action: limited,
      origin: 'person',
      rule: 'manual',
      verdictId: '',
      owner: 'ada',
      actor: 'ada',
      reason: ada.note,
      blockedAtMs: startMs,
      expiresAtMs: startMs + hourMs,
      strikes: 0,
      evidence: null,
    });
    expect(block.id).toMatch(/^m-/);
    expect(await stage.list.get(block.id)).toEqual(block);
    expect((await stage.snapshot()).entries).toMatchObject([
      { subjectKey: 'network:203.0.113.0/24', blockId: block.id, rule: 'manual', action: limited },
    ]);
    expect(await stage.promote()).toEqual({ kind: 'already', blockId: block.id });
    expect((await stage.list.standing(clientA)).entries).toMatchObject([{ blockId: block.id }]);
  });

  it('takes the place of the block and the proposal that were there, a tombstone notwithstanding', async () => {
    const stage = onStage();
    const lifted = await stage.made();
    await stage.list.transition(lifted.id, falsePositive);
    const first = await stage.added(clientA);
    const second = await stage.added(clientA);
    expect(second.id).not.toBe(first.id);
    expect(await stage.list.get(first.id)).toMatchObject({
      state: 'superseded',
      version: 2,
      reason: `superseded by ${second.id}`,
    });
    await expect(stage.list.transition(first.id, goodwill)).rejects.toMatchObject(conflict);
    expect((await stage.snapshot()).entries).toMatchObject([{ subjectKey: keyOfA, blockId: second.id }]);
    const proposed = await stage.made({ subject: clientB }, { mode: 'review' });
    const changes = await stage.told(() => stage.added(clientB));
    expect(changes.map(({ kind }) => kind)).toEqual(['noted', 'added']);
    expect(await stage.list.get(proposed.id)).toMatchObject({ state: 'superseded' });
    expect((await stage.list.standing(clientB)).proposalId).toBeNull();
  });

  it('supersedes what a person added since a proposal was made, when the proposal is activated', async () => {
    const stage = onStage();
    const proposed = await stage.made({ subject: ip('192.0.2.1') }, { mode: 'review' });
    await stage.added(network('192.0.2.0/24'));
    await stage.list.transition(proposed.id, { kind: 'activate', ...ada });
    expect(await stage.enforced()).toEqual(['ip:192.0.2.1', 'network:192.0.2.0/24']);
    await stage.list.transition(proposed.id, goodwill);
    expect(await stage.enforced()).toEqual(['network:192.0.2.0/24']);
  });

  it('spells what it is given in the one way there is', async () => {
    const stage = onStage();
    expect((await stage.added(ip('::ffff:203.0.113.9'))).subject).toEqual(ip('203.0.113.9'));
    expect((await stage.added(ip('2001:DB8:0:0:1:2:3:4'))).subject).toEqual(ip('2001:db8::/64'));
    expect((await stage.added(network('203.0.113.10/32'))).subject).toEqual(ip('203.0.113.10'));
    expect(await stage.enforced()).toEqual(['ip:2001:db8::/64', 'ip:203.0.113.10', 'ip:203.0.113.9']);
  });
};

/** Looking blocks up. */
export const listingContract = (onStage: OnStage): void => {
  const fill = async (stage: Stage, count: number) => {
    for (let index = 0; index < count; index += 1) {
      const rule = index % 2 === 0 ? 'breadth' : 'depth';
      await stage.made({ id: `n${index}`, rule, subject: ip(`198.51.100.${index}`) });
    }
  };

  it('pages through all blocks, newest first, each once, while more are made and some change', async () => {
    const stage = onStage();
    await fill(stage, 25);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof stage.list.list>> = await stage.list.list({
        limit: 10,
        ...(cursor && { cursor }),
      });
      seen.push(...page.blocks.map(({ verdictId }) => verdictId));
      cursor = page.nextCursor;
      if (seen.length !== 10) continue;
      await stage.made({ subject: clientB });
      await stage.list.transition('b-n20', { kind: 'confirm', ...ada });
      await stage.list.transition('b-n3', goodwill);
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `n${24 - index}`));
  });

  it('filters by rule, subject and state as it is now', async () => {
    const stage = onStage();
    await fill(stage, 6);
    const query = async (change: Parameters<typeof stage.list.list>[0]) =>
      (await stage.list.list(change)).blocks.map(({ verdictId }) => verdictId);
    expect(await query({ rule: 'depth' })).toEqual(['n5', 'n3', 'n1']);
    expect(await query({ subjectKey: 'ip:198.51.100.4' })).toEqual(['n4']);
    expect(await query({ states: ['expired'] })).toEqual([]);
    stage.clock.advance(minuteMs);
    expect(await query({ states: ['active'] })).toEqual([]);
    expect(await query({ states: ['expired'], limit: 2 })).toEqual(['n5', 'n4']);
  });

  it('knows nothing of a block that nobody made', async () => {
    const stage = onStage();
    expect(await stage.list.get('b-none')).toBeNull();
    expect(await stage.list.list({})).toEqual({ blocks: [], nextCursor: null });
    expect(await stage.list.standing(clientA)).toEqual({
      entries: [],
      allowed: [],
      tombstoneUntilMs: null,
      strikes: [],
      proposalId: null,
      identities: 0,
    });
  });
};
