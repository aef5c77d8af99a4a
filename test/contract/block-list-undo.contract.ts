import { expect, it } from 'vitest';
import type { Transition } from '../../src/blocklist/block-review.ts';
import { clientA } from '../support/promotions.ts';
import {
  ada,
  dayMs,
  falsePositive,
  goodwill,
  hourMs,
  keyOfA,
  minuteMs,
  type OnStage,
  type Stage,
  startMs,
} from './block-list-stage.ts';

const conflict = { code: 'BLOCK_CONFLICT' };
const undo = { kind: 'undo', actor: 'bob', note: 'oops' } as const;
const limited = { kind: 'limit', limit: 30, windowMs: minuteMs } as const;

/** Everything that a step changes beside version and actor. */
const standing = async (stage: Stage, id: string) => {
  const { version: _, actor: __, ...block } = (await stage.list.get(id)) ?? { version: 0, actor: '' };
  const { entries } = await stage.snapshot();
  return { block, entries, standing: await stage.list.standing(clientA), judged: await stage.list.judgements() };
};

/** Taking back. */
export const undoContract = (onStage: OnStage): void => {
  const steps: readonly [string, 'enforce' | 'review', Transition][] = [
    ['a confirmation', 'enforce', { kind: 'confirm', ...ada }],
    ['a false positive', 'enforce', falsePositive],
    ['goodwill', 'enforce', goodwill],
    ['a shorter end', 'enforce', { kind: 'extend', untilMs: startMs + 20_000, ...ada }],
    ['a longer end', 'enforce', { kind: 'extend', untilMs: startMs + dayMs, ...ada }],
    ['another action', 'enforce', { kind: 'change-action', action: limited, ...ada }],
    ['an assignment', 'enforce', { kind: 'assign', assignee: 'eve', ...ada }],
    ['an activation', 'review', { kind: 'activate', ...ada }],
    ['the dismissal of a proposal', 'review', falsePositive],
    ['another end of a proposal', 'review', { kind: 'extend', untilMs: startMs + dayMs, ...ada }],
  ];

  it.each(steps)('takes back %s: all is as it was', async (_, mode, step) => {
    const stage = onStage();
    const { id } = await stage.made({}, { mode });
    stage.clock.advance(10_000);
    const before = await standing(stage, id);
    await stage.list.transition(id, step);
    stage.clock.advance(9000);
    expect(await stage.list.transition(id, undo)).toMatchObject({ version: 3, actor: 'bob' });
    expect(await standing(stage, id)).toEqual(before);
    await expect(stage.list.transition(id, undo)).rejects.toMatchObject(conflict);
  });

  it('tells gates what comes back and what goes again, and nothing where nothing does', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await stage.list.transition(id, goodwill);
    const back = await stage.told(() => stage.list.transition(id, undo));
    expect(back).toMatchObject([
      { kind: 'added', entries: [{ subjectKey: keyOfA, blockId: id, expiresAtMs: startMs + minuteMs }] },
    ]);
    await stage.list.transition(id, { kind: 'confirm', ...ada });
    expect((await stage.told(() => stage.list.transition(id, undo))).map(({ kind }) => kind)).toEqual(['noted']);
    const other = onStage();
    const proposed = await other.made({}, { mode: 'review' });
    await other.list.transition(proposed.id, { kind: 'activate', ...ada });
    const gone = await other.told(() => other.list.transition(proposed.id, undo));
    expect(gone).toMatchObject([{ kind: 'removed', entries: [{ subjectKey: keyOfA, blockId: proposed.id }] }]);
    expect((await other.list.standing(clientA)).proposalId).toBe(proposed.id);
  });

  it('gives back the tombstone that was there, and leaves alone one that came later', async () => {
    const stage = onStage();
    const first = await stage.made();
    await stage.list.transition(first.id, { ...goodwill, tombstoneMs: hourMs });
    const second = await stage.added(clientA);
    await stage.list.transition(second.id, { ...goodwill, tombstoneMs: 5000 });
    expect((await stage.list.standing(clientA)).tombstoneUntilMs).toBe(startMs + 5000);
    await stage.list.transition(second.id, undo);
    expect((await stage.list.standing(clientA)).tombstoneUntilMs).toBe(startMs + hourMs);
    await stage.list.transition(second.id, { ...goodwill, tombstoneMs: 9000 });
    await stage.list.transition(first.id, undo);
    expect((await stage.list.standing(clientA)).tombstoneUntilMs).toBe(startMs + 9000);
  });

  it('takes nothing back that would be over, has been overtaken, is no step, or is of another version', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await expect(stage.list.transition(id, undo)).rejects.toMatchObject(conflict);
    await stage.list.transition(id, goodwill);
    await expect(stage.list.transition(id, { ...undo, ifVersion: 1 })).rejects.toMatchObject(conflict);
    await stage.added(clientA);
    await expect(stage.list.transition(id, undo)).rejects.toMatchObject(conflict);
    const other = onStage();
    const lifted = await other.made();
    await other.list.transition(lifted.id, goodwill);
    const proposed = await other.made({}, { mode: 'review' });
    await expect(other.list.transition(lifted.id, undo)).rejects.toMatchObject(conflict);
    await other.list.transition(proposed.id, goodwill);
    await other.allow(clientA);
    await expect(other.list.transition(proposed.id, undo)).rejects.toMatchObject(conflict);
    await other.list.disallow(clientA, ada);
    other.clock.advance(2 * minuteMs);
    await expect(other.list.transition(proposed.id, undo)).rejects.toMatchObject(conflict);
    await expect(other.list.transition('b-none', undo)).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  });

  it('takes back no step of something else: a block that took its place, an allow entry, a list', async () => {
    const stage = onStage();
    const first = await stage.added(clientA);
    await stage.list.transition(first.id, { kind: 'confirm', ...ada });
    await stage.added(clientA);
    await expect(stage.list.transition(first.id, undo)).rejects.toMatchObject(conflict);
    const other = onStage();
    const allowed = await other.made();
    await other.list.transition(allowed.id, { kind: 'confirm', ...ada });
    await other.allow(clientA);
    await other.list.disallow(clientA, ada);
    await expect(other.list.transition(allowed.id, undo)).rejects.toMatchObject(conflict);
    await other.import([clientA]);
    await other.list.transition('l-bad', { kind: 'confirm', ...ada });
    expect(await other.list.transition('l-bad', undo)).toMatchObject({ state: 'active', version: 3 });
    await other.list.transition('l-bad', goodwill);
    await expect(other.list.transition('l-bad', undo)).rejects.toMatchObject(conflict);
    expect(await other.enforced()).toEqual([]);
  });

  it('brings a block back that its shortened end has ended since', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await stage.list.transition(id, { kind: 'extend', untilMs: startMs + 1000, ...ada });
    stage.clock.advance(1000);
    expect(await stage.list.get(id)).toMatchObject({ state: 'expired', version: 3 });
    expect(await stage.list.transition(id, undo)).toMatchObject({ state: 'active', version: 4 });
    expect(await stage.enforced()).toEqual([keyOfA]);
    expect((await stage.list.list({ states: ['active'] })).blocks).toHaveLength(1);
  });

  it('lets one of many parallel undos win, and none after a lift that came first', async () => {
    const stage = onStage();
    const { id } = await stage.made();
    await stage.list.transition(id, goodwill);
    const undos = await Promise.allSettled(Array.from({ length: 6 }, () => stage.list.transition(id, undo)));
    expect(undos.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await stage.list.transition(id, { kind: 'confirm', ...ada });
    const race = await Promise.allSettled([
      stage.list.transition(id, { ...undo, ifVersion: 4 }),
      stage.list.transition(id, { ...falsePositive, ifVersion: 4 }),
    ]);
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const judged = await stage.list.judgements();
    const block = await stage.list.get(id);
    expect(judged).toMatchObject([
      { made: 1, confirmed: 0, falsePositives: block?.label === 'false-positive' ? 1 : 0, goodwill: 0 },
    ]);
  });
};
