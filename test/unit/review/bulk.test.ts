import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { BlockList } from '../../../src/blocklist/block-list.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import type { Batch } from '../../../src/review/batches.ts';
import type { BulkAnswer, BulkRequest } from '../../../src/review/bulk.ts';
import type { BulkAct } from '../../../src/review/bulk-targets.ts';
import { as, dayMs, lea, leo, type ReviewStage, reviewStage, rita } from '../../support/review-stage.ts';

const lift: BulkAct = { kind: 'lift', reason: 'false-positive', note: 'one office' };
const byIds = (ids: readonly string[], act: BulkAct = lift): BulkRequest => ({ targets: { ids }, act });
const ofRule = (rule: string, act: BulkAct = lift): BulkRequest => ({ targets: { filter: { rule } }, act });

const batchOf = (answer: BulkAnswer): Batch => {
  if (answer.kind !== 'batch') throw new Error(`expected a batch, got ${JSON.stringify(answer)}`);
  return answer.batch;
};

describe('a preview', () => {
  it('counts what is meant, shows some of it, and changes nothing', async () => {
    const { bulk, many, made, expectStates } = reviewStage();
    const ids = await many(30);
    await made({ rule: 'depth' });
    const answer = await bulk.preview(rita, ofRule('breadth'));
    expect(answer).toMatchObject({
      preview: { count: 30, isExact: true, refused: [], refusedCount: 0, needs: 'reviewer' },
    });
    expect(answer.kind === 'preview' && answer.preview.sample).toHaveLength(20);
    await expectStates(ids, 'active');
  });

  it('means by a filter without states what it can be done to', async () => {
    const { bulk, made, blockList } = reviewStage();
    const [lifted, confirmed, proposed] = [await made(), await made(), await made({}, 'review')];
    await blockList.transition(lifted.id, { ...lift, actor: 'ada' });
    await blockList.transition(confirmed.id, { kind: 'confirm', actor: 'ada', note: '' });
    await made();
    const countOf = async (act: BulkAct) => {
      const answer = await bulk.preview(rita, ofRule('breadth', act));
      return answer.kind === 'preview' ? answer.preview.count : answer;
    };
    expect(await countOf(lift)).toBe(3);
    expect(await countOf({ kind: 'confirm', note: '' })).toBe(1);
    expect(await countOf({ kind: 'activate', note: '' })).toBe(1);
    expect(await countOf({ kind: 'assign', assignee: 'rita', note: '' })).toBe(3);
    expect(proposed.state).toBe('proposed');
  });

  it('looks for blocks one after the other, and for few who wait: gates ask the same store', async () => {
    const { bulk, many, blockList } = reviewStage();
    const ids = await many(40);
    const { get } = blockList;
    let [looking, most] = [0, 0];
    blockList.get = async (id) => {
      looking += 1;
      most = Math.max(most, looking);
      await null;
      looking -= 1;
      return get.call(blockList, id);
    };
    const answers = await Promise.all(Array.from({ length: 30 }, () => bulk.preview(rita, byIds(ids))));
    expect(most).toBeLessThanOrEqual(32);
    expect(answers.filter(({ kind }) => kind === 'preview')).toHaveLength(17);
    expect(answers.at(-1)).toMatchObject({ kind: 'conflict', detail: expect.stringContaining('ask again') });
    blockList.get = () => Promise.reject(new Error('away'));
    await expect(bulk.preview(rita, byIds(ids))).rejects.toThrow('away');
    blockList.get = get;
    expect(await bulk.preview(rita, byIds(ids))).toMatchObject({ preview: { count: 40 } });
  });

  it('says which it would not work for and why, and which role could do it', async () => {
    const { bulk, made, by } = reviewStage();
    const wide = await by({ kind: 'network', id: '203.0.0.0/16' });
    const answer = await bulk.preview(rita, byIds([(await made()).id, wide.id, 'nothing']));
    expect(answer).toMatchObject({
      preview: {
        count: 3,
        needs: 'lead',
        refused: [
          { id: 'nothing', reason: 'There is no such block.' },
          { id: wide.id, reason: expect.stringContaining('203.0.0.0/16') },
        ],
      },
    });
  });

  it('refuses what no role may write, and what this one may not, before anything is looked up', async () => {
    const { bulk, clock } = reviewStage();
    const extend = (untilMs: number): BulkAct => ({ kind: 'extend', untilMs, note: 'x' });
    await expect(bulk.preview(rita, byIds(['a'], extend(clock.nowMs() - 1)))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    const long = extend(clock.nowMs() + 30 * dayMs);
    expect(await bulk.preview(rita, byIds(['a'], long))).toMatchObject({ kind: 'forbidden' });
    expect(await bulk.run(rita, byIds(['a'], long))).toMatchObject({ kind: 'forbidden' });
  });
});

describe('a bulk change', () => {
  it('does it to every block in the name of whoever asked, each step with the id of the batch', async () => {
    const { bulk, many, blockList } = reviewStage();
    const ids = await many(50);
    const batch = batchOf(await bulk.run(rita, ofRule('breadth')));
    expect(batch).toMatchObject({
      state: 'done',
      total: 50,
      done: 50,
      failedCount: 0,
      by: 'rita',
      act: 'lift',
      undo: null,
    });
    for (const id of ids) {
      const step = (await blockList.history(id)).at(-1);
      expect(step).toMatchObject({ kind: 'lift', actor: 'rita', batchId: batch.id, state: 'lifted' });
    }
  });

  it('goes on past blocks that it does not work for, and tells why', async () => {
    const { bulk, made, by, stateOf } = reviewStage();
    const wide = await by({ kind: 'network', id: '203.0.0.0/16' });
    const gone = await made();
    await bulk.run(rita, byIds([gone.id]));
    const good = await made();
    const batch = batchOf(await bulk.run(rita, byIds([wide.id, gone.id, 'nothing', good.id])));
    expect(batch).toMatchObject({ state: 'done', total: 4, done: 1, failedCount: 3 });
    expect(Object.fromEntries(batch.failed.map(({ id, code }) => [id, code]))).toEqual({
      [wide.id]: 'forbidden',
      [gone.id]: 'conflict',
      nothing: 'not-found',
    });
    expect(await stateOf(good.id)).toBe('lifted');
  });

  it('of more than a hundred needs a lead, and nobody changes more than ten thousand', async () => {
    const { bulk, many, expectStates } = reviewStage();
    const ids = await many(101);
    expect(await bulk.run(rita, byIds(ids))).toMatchObject({ kind: 'forbidden', overstep: { needs: 'lead' } });
    expect(await bulk.run(rita, ofRule('breadth'))).toMatchObject({ kind: 'forbidden', overstep: { needs: 'lead' } });
    await expectStates(ids, 'active');
    expect(await bulk.run(leo, byIds(Array.from({ length: 10_001 }, (_, at) => `${at}`)))).toEqual({
      kind: 'too-many',
    });
    expect(batchOf(await bulk.run(leo, byIds(ids))).done).toBe(101);
  });

  it('is not done when much more or less is meant than the preview said', async () => {
    const { bulk, many, expectStates } = reviewStage();
    const ids = await many(50);
    for (const expected of [20, 70]) {
      expect(await bulk.run(rita, { ...ofRule('breadth'), expected })).toMatchObject({ kind: 'conflict' });
    }
    await expectStates(ids, 'active');
    for (const expected of [40, 55]) {
      expect(
        await bulk.run(rita, { ...ofRule('breadth', { kind: 'assign', assignee: 'rita', note: '' }), expected }),
      ).toMatchObject({
        kind: 'batch',
      });
    }
  });

  it('runs beside three others at most, however many are asked for at the same instant', async () => {
    const { bulk, many } = reviewStage();
    const ids = await many(30);
    const act: BulkAct = { kind: 'assign', assignee: 'leo', note: '' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => bulk.run(leo, byIds(ids, act))));
    const kinds = answers.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'batch')).toHaveLength(4);
    expect(kinds.filter((kind) => kind === 'conflict')).toHaveLength(16);
    expect(batchOf(await bulk.run(leo, byIds(ids, act))).state).toBe('done');
  });

  it('counts a block that is named twice once', async () => {
    const { bulk, made } = reviewStage();
    const { id } = await made();
    expect(batchOf(await bulk.run(rita, byIds([id, id])))).toMatchObject({ total: 1, done: 1, failedCount: 0 });
  });

  it('touches what is in reach alone, and is seen by those who see its tenants', async () => {
    const { bulk, made, stateOf } = reviewStage();
    const [ours, theirs] = [await made({ tenant: 'acme' }), await made({ tenant: 'beta' })];
    const ada = as('reviewer', 'ada', ['acme']);
    const batch = batchOf(await bulk.run(ada, byIds([ours.id, theirs.id])));
    expect(batch).toMatchObject({ done: 1, failed: [{ id: theirs.id, code: 'not-found' }] });
    expect(await stateOf(theirs.id)).toBe('active');
    expect(await bulk.find(as('admin', 'ben', ['beta']), batch.id)).toBeNull();
    expect(await bulk.undo(as('admin', 'ben', ['beta']), batch.id, 'x')).toEqual({ kind: 'not-found' });
    expect((await bulk.list(as('admin', 'ben', ['beta']), { limit: 10 })).batches).toEqual([]);
    expect((await bulk.find(ada, batch.id))?.id).toBe(batch.id);
    expect((await bulk.list(leo, { limit: 10 })).batches).toHaveLength(1);
  });
});

describe('the undo of a batch', () => {
  it('leaves what somebody has touched since, and says so', async () => {
    const { bulk, many, blockList, stateOf } = reviewStage();
    const [kept = '', touched = '', commented = ''] = await many(3);
    const confirm: BulkAct = { kind: 'confirm', note: '' };
    const batch = batchOf(await bulk.run(rita, byIds([kept, touched, commented], confirm)));
    await blockList.transition(touched, { kind: 'lift', reason: 'goodwill', actor: 'leo', note: 'x' });
    await blockList.comment(commented, { actor: 'leo', note: 'looks right' });
    const undone = batchOf(await bulk.undo(rita, batch.id, 'wrong rule'));
    expect(undone).toMatchObject({
      state: 'undone',
      done: 3,
      undo: { by: 'rita', done: 2, failedCount: 1, failed: [{ id: touched, code: 'changed-since' }] },
    });
    expect([await stateOf(kept), await stateOf(touched), await stateOf(commented)]).toEqual([
      'active',
      'lifted',
      'active',
    ]);
  });

  it('leaves what has ended or was superseded since, and says so', async () => {
    const { bulk, made, by, clock, blockList } = reviewStage();
    const [ending, replaced] = [await made(), await made()];
    const batch = batchOf(await bulk.run(rita, byIds([ending.id, replaced.id], { kind: 'confirm', note: '' })));
    await by(replaced.subject);
    clock.setMs(ending.expiresAtMs);
    const undone = batchOf(await bulk.undo(rita, batch.id, 'x'));
    expect(undone.undo).toMatchObject({ done: 0, failedCount: 2 });
    expect(undone.undo?.failed.map(({ code }) => code)).toEqual(['changed-since', 'changed-since']);
    expect((await blockList.get(replaced.id))?.state).toBe('superseded');
  });

  it('happens once, of two who ask at the same time by one', async () => {
    const { bulk, many } = reviewStage();
    const batch = batchOf(await bulk.run(rita, byIds(await many(5))));
    const answers = await Promise.all([bulk.undo(leo, batch.id, 'x'), bulk.undo(lea, batch.id, 'x')]);
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['batch', 'conflict']);
    expect(await bulk.undo(leo, batch.id, 'x')).toMatchObject({ kind: 'conflict' });
  });

  it("of another's batch needs a lead", async () => {
    const { bulk, many } = reviewStage();
    const batch = batchOf(await bulk.run(rita, byIds(await many(2))));
    expect(await bulk.undo(as('reviewer', 'rob'), batch.id, 'x')).toMatchObject({ kind: 'forbidden' });
    expect(batchOf(await bulk.undo(leo, batch.id, 'x')).state).toBe('undone');
  });

  it('leaves the list as it was before, but for versions and histories', async () => {
    const acts = fc.constantFrom<(nowMs: number) => BulkAct>(
      () => lift,
      () => ({ kind: 'lift', reason: 'goodwill', note: 'x', tombstoneMs: 0 }),
      () => ({ kind: 'confirm', note: '' }),
      () => ({ kind: 'activate', note: 'x' }),
      () => ({ kind: 'assign', assignee: 'rita', note: '' }),
      (nowMs) => ({ kind: 'extend', untilMs: nowMs + dayMs, note: 'x' }),
      () => ({ kind: 'change-action', action: { kind: 'limit', limit: 5, windowMs: 1000 }, note: 'x' }),
    );
    const before = fc.array(fc.constantFrom('active', 'proposed', 'confirmed', 'lifted', 'assigned'), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(before, acts, fc.boolean(), async (states, actOf, usesFilter) => {
        const stage = reviewStage();
        const ids: string[] = [];
        for (const state of states) ids.push(await blockIn(stage, state));
        const was = await pictureOf(stage, ids);
        const act = actOf(stage.clock.nowMs());
        const asked = usesFilter ? ofRule('breadth', act) : byIds(ids, act);
        const batch = batchOf(await stage.bulk.run(rita, asked));
        const undone = batchOf(await stage.bulk.undo(rita, batch.id, 'back'));
        expect(undone.undo).toMatchObject({ done: batch.done, failedCount: 0 });
        expect(await pictureOf(stage, ids)).toEqual(was);
      }),
      { numRuns: 60 },
    );
  });
});

const blockIn = async ({ made, blockList }: ReviewStage, state: string): Promise<string> => {
  const { id } = await made({}, state === 'proposed' ? 'review' : 'enforce');
  const act = { actor: 'ada', note: 'x' };
  if (state === 'confirmed') await blockList.transition(id, { kind: 'confirm', ...act });
  if (state === 'lifted') await blockList.transition(id, { kind: 'lift', reason: 'goodwill', ...act });
  if (state === 'assigned') await blockList.transition(id, { kind: 'assign', assignee: 'ada', ...act });
  return id;
};

/** All that people and gates see of the list, without what only ever grows. */
const pictureOf = async ({ blockList }: ReviewStage, ids: readonly string[]) => {
  const blocks = await Promise.all(ids.map((id) => blockList.get(id)));
  const standings = await Promise.all(blocks.map((block) => block && blockList.standing(block.subject)));
  const { entries, exemptions } = await blockList.snapshot();
  return {
    blocks: blocks.map((block) => block && { ...block, version: 0, actor: '' }),
    standings,
    entries: [...entries].sort((left, right) => (left.subjectKey < right.subjectKey ? -1 : 1)),
    exemptions,
    judgements: (await blockList.judgements()).map((one) => ({ ...one, lastLabelAtMs: null })),
  };
};

describe('a process that dies at it', () => {
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 300; turn += 1) await Promise.resolve();
  };

  /** A list whose transitions wait, from the first that is one too many, until they are let go. */
  const stallingAfter = (clock: ManualClock, transitions: number) => {
    const inner = new MemoryBlockList({ clock });
    const held: (() => void)[] = [];
    let left = transitions;
    const transition: BlockList['transition'] = async (id, step) => {
      left -= 1;
      if (left < 0) await new Promise<void>((resolve) => held.push(resolve));
      return inner.transition(id, step);
    };
    const list = new Proxy<BlockList>(inner, {
      get: (target, name) => {
        const member: unknown = name === 'transition' ? transition : Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const letGo = (): void => {
      left = Number.POSITIVE_INFINITY;
      for (const go of held.splice(0)) go();
    };
    return { inner, list, letGo };
  };

  /** A batch of 200 of which 20 are done when its process stops, and another process that sees it. */
  const stalled = async () => {
    const clock = new ManualClock();
    const { inner, list, letGo } = stallingAfter(clock, 20);
    const first = reviewStage({ clock, blockList: list });
    const ids = await first.many(200);
    const running = first.bulk.run(leo, byIds(ids));
    await settle();
    clock.advance(2000);
    const begun = batchOf(await running);
    // It has a clock of its own, or the stopped one's beats would go on with this one's time.
    const later = new ManualClock(clock.nowMs() + 30_001);
    const second = reviewStage({ clock: later, blockList: inner, records: first.records });
    return { clock, ids, begun, first, second, letGo };
  };

  it('leaves a batch that reads as running, then as interrupted, and can be undone by another one', async () => {
    const { ids, begun, first, second } = await stalled();
    expect(begun).toMatchObject({ state: 'running', total: 200 });
    expect(await first.bulk.undo(leo, begun.id, 'x')).toMatchObject({ kind: 'conflict' });
    expect((await second.bulk.find(leo, begun.id))?.state).toBe('interrupted');
    const undone = batchOf(await second.bulk.undo(leo, begun.id, 'it died'));
    expect(undone).toMatchObject({ state: 'undone', undo: { done: 20, failedCount: 0 } });
    await second.expectStates(ids, 'active');
  });

  it('and comes back to life stops as soon as it sees that another one has the batch in hand', async () => {
    const { clock, ids, begun, first, second, letGo } = await stalled();
    await second.bulk.undo(leo, begun.id, 'it died');
    // Time has passed for it, too, and none of its timers has fired yet. Steps under way still end; nothing new is begun.
    vi.spyOn(clock, 'nowMs').mockImplementation(() => second.clock.nowMs());
    letGo();
    await settle();
    const states = await Promise.all(ids.map((id) => first.stateOf(id)));
    expect(states.filter((state) => state === 'lifted').length).toBeLessThanOrEqual(16);
    expect((await second.bulk.find(leo, begun.id))?.state).toBe('undone');
  });

  it('in order stops after the block that it is at, and says so', async () => {
    const { begun, first, second, letGo } = await stalled();
    const closing = first.close();
    letGo();
    await closing;
    expect(await second.bulk.find(leo, begun.id)).toMatchObject({ state: 'interrupted', done: 24 });
    expect(await first.bulk.run(leo, byIds(['a']))).toMatchObject({ kind: 'conflict' });
  });
});
