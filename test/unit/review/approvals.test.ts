import { describe, expect, it } from 'vitest';
import type { BlockAction } from '../../../src/blocklist/block.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryReviewRecords } from '../../../src/embedded/memory-review-records.ts';
import { TidegateError } from '../../../src/errors.ts';
import type { Making } from '../../../src/review/making.ts';
import type { RecordStore, ReviewRecords } from '../../../src/review/records.ts';
import type { Reviewer } from '../../../src/review/roles.ts';
import { as, dayMs, lea, leo, type ReviewStage, reviewStage, rita, subjectAt } from '../../support/review-stage.ts';

const permanent: Making = {
  subject: subjectAt(1),
  action: { kind: 'refuse' },
  untilMs: null,
  reason: 'attack',
  note: 'stuffing since May',
};

const ask = async ({ making }: ReviewStage, what: Partial<Making> = {}, who: Reviewer = leo) => {
  const answer = await making.make(who, { ...permanent, ...what });
  if (answer.kind !== 'asked') throw new Error(`expected a question, got ${JSON.stringify(answer)}`);
  return answer.approval;
};

const bound = (store: RecordStore): RecordStore => ({
  put: (record) => store.put(record),
  remove: (id, ifRevision) => store.remove(id, ifRevision),
  get: (id) => store.get(id),
  newest: (limit, cursor) => store.newest(limit, cursor),
});

const approve = { verdict: 'approved', note: 'seen it too' } as const;
const reject = { verdict: 'rejected', note: 'no' } as const;

describe('a block by hand', () => {
  it('of a week is made at once, its note begins with the reason, and it is its maker that answers for it', async () => {
    const { making, clock, notices } = reviewStage();
    const answer = await making.make(rita, { ...permanent, untilMs: clock.nowMs() + 7 * dayMs });
    expect(answer).toMatchObject({
      kind: 'done',
      block: { actor: 'rita', owner: 'rita', origin: 'person', reason: 'attack: stuffing since May' },
    });
    expect(notices).toEqual([]);
  });

  it('that never ends is no business of a reviewer, and waits for a second person where a lead asks', async () => {
    const stage = reviewStage();
    expect(await stage.making.make(rita, permanent)).toMatchObject({ kind: 'forbidden', overstep: { needs: 'lead' } });
    const approval = await ask(stage);
    expect(approval).toMatchObject({ state: 'open', by: 'leo', decidedBy: '', blockId: null });
    expect(approval.expiresAtMs - approval.atMs).toBe(dayMs);
    expect((await stage.blockList.list({})).blocks).toEqual([]);
    expect(stage.notices).toEqual([
      expect.objectContaining({
        kind: 'approval.requested',
        id: approval.id,
        data: expect.objectContaining({ by: 'leo', subject: `ip:${permanent.subject.id}`, until: null }),
      }),
    ]);
  });

  it('of 91 days waits as well: an end just short of never is no way around a second person', async () => {
    const stage = reviewStage();
    const untilMs = stage.clock.nowMs() + 91 * dayMs;
    expect((await ask(stage, { untilMs })).what.untilMs).toBe(untilMs);
    const alone = await stage.making.make(leo, { ...permanent, untilMs: stage.clock.nowMs() + 90 * dayMs });
    expect(alone.kind).toBe('done');
  });

  it('that the allow list forbids says which entry it is', async () => {
    const { making, clock, blockList } = reviewStage();
    const untilMs = clock.nowMs() + dayMs;
    await blockList.allow({ subject: permanent.subject, kind: 'allow', untilMs, actor: 'ada', note: 'partner' });
    expect(await making.make(rita, { ...permanent, untilMs })).toMatchObject({
      kind: 'refused',
      reason: 'allow-list',
      by: { note: 'partner' },
    });
  });

  it('with a note that the list would refuse is no question to anybody', async () => {
    const { making, notices } = reviewStage();
    await expect(making.make(leo, { ...permanent, note: 'x\ud800' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      problems: [{ path: 'note' }],
    });
    expect(notices).toEqual([]);
  });

  it('with a note that leaves no room for who agreed is refused, with the length that fits', async () => {
    const { making, clock } = reviewStage();
    for (const [untilMs, length] of [
      [null, 1701],
      [clock.nowMs() + dayMs, 1993],
    ] as const) {
      await expect(making.make(leo, { ...permanent, untilMs, note: 'x'.repeat(length) })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        problems: [{ path: 'note', message: expect.stringContaining(String(length - 1)) }],
      });
    }
  });
});

describe('an approval', () => {
  it('by another lead makes the block, for as long as anything lasts, and says who asked and who agreed', async () => {
    const stage = reviewStage();
    const { id } = await ask(stage);
    const answer = await stage.approvals.decide(lea, id, approve);
    if (answer.kind !== 'decided') throw new Error(answer.kind);
    expect(answer.approval).toMatchObject({ state: 'approved', decidedBy: 'lea', problem: '' });
    const block = await stage.blockList.get(answer.approval.blockId ?? '');
    expect(block).toMatchObject({ state: 'active', actor: 'leo' });
    expect(block?.reason).toBe('permanent, asked for by leo, agreed by lea: attack: stuffing since May');
    expect((block?.expiresAtMs ?? 0) - stage.clock.nowMs()).toBeGreaterThan(365.9 * dayMs);
    expect(await stage.approvals.find(leo, id)).toEqual(answer.approval);
  });

  it.each([
    ['by whoever asked', leo],
    ['by whoever asked under a name that differs in case alone', as('admin', 'Leo ')],
    ['by a reviewer', rita],
    ['by a lead of other tenants', as('lead', 'tom', ['acme'])],
  ])('%s does nothing', async (_, who) => {
    const stage = reviewStage();
    const { id } = await ask(stage);
    const answer = await stage.approvals.decide(who, id, approve);
    expect(['forbidden', 'not-found']).toContain(answer.kind);
    expect((await stage.blockList.list({})).blocks).toEqual([]);
    expect((await stage.approvals.find(leo, id))?.state).toBe('open');
  });

  it('that is rejected, or has waited a day, can be decided no more', async () => {
    const stage = reviewStage();
    const [first, second] = [await ask(stage), await ask(stage)];
    expect(await stage.approvals.decide(lea, first.id, reject)).toMatchObject({ approval: { state: 'rejected' } });
    expect(await stage.approvals.decide(lea, first.id, approve)).toMatchObject({ kind: 'conflict' });
    stage.clock.advance(dayMs);
    expect(await stage.approvals.decide(lea, second.id, approve)).toMatchObject({ kind: 'conflict' });
    const { approvals } = await stage.approvals.list(leo, { limit: 10 });
    expect(approvals.map(({ state }) => state)).toEqual(['expired', 'rejected']);
    expect((await stage.blockList.list({})).blocks).toEqual([]);
  });

  it('is decided once, of two who decide at the same time by one', async () => {
    const stage = reviewStage();
    const { id } = await ask(stage);
    const answers = await Promise.all([
      stage.approvals.decide(lea, id, approve),
      stage.approvals.decide(as('admin', 'ada'), id, reject),
    ]);
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['conflict', 'decided']);
  });

  it('that cannot be carried out any more says why', async () => {
    const stage = reviewStage();
    const { id } = await ask(stage);
    const untilMs = stage.clock.nowMs() + dayMs;
    await stage.blockList.allow({ subject: permanent.subject, kind: 'allow', untilMs, actor: 'ada', note: 'partner' });
    expect(await stage.approvals.decide(lea, id, approve)).toMatchObject({
      approval: { state: 'approved', blockId: null, problem: expect.stringContaining('partner') },
    });
  });

  it('is as open as before when the list does not answer', async () => {
    const stage = reviewStage();
    const { id } = await ask(stage);
    const { add } = stage.blockList;
    stage.blockList.add = () => Promise.reject(new TidegateError('STORE_FAILED', 'away'));
    await expect(stage.approvals.decide(lea, id, approve)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect((await stage.approvals.find(lea, id))?.state).toBe('open');
    stage.blockList.add = add;
    expect(await stage.approvals.decide(lea, id, approve)).toMatchObject({ kind: 'decided' });
  });

  it.each<['before' | 'after']>([['before'], ['after']])(
    'whose process died %s the deed is carried out once, by whoever approves again',
    async (when) => {
      const stage = reviewStage();
      const { id } = await ask(stage);
      const { add } = stage.blockList;
      const died = new Promise<never>(() => undefined);
      const reached = new Promise<void>((resolve) => {
        stage.blockList.add = async (block) => {
          if (when === 'after') await add.call(stage.blockList, block);
          resolve();
          return died;
        };
      });
      void stage.approvals.decide(lea, id, approve);
      await reached;
      stage.blockList.add = add;
      const ada = as('admin', 'ada');
      expect(await stage.approvals.decide(ada, id, approve)).toMatchObject({ kind: 'conflict' });
      stage.clock.advance(30_000);
      expect(await stage.approvals.decide(ada, id, reject)).toMatchObject({ kind: 'conflict' });
      expect((await stage.approvals.decide(leo, id, approve)).kind).toBe('forbidden');
      const answer = await stage.approvals.decide(ada, id, approve);
      const { blocks } = await stage.blockList.list({});
      expect(blocks.map(({ state, reason }) => [state, reason])).toEqual([
        ['active', 'permanent, asked for by leo, agreed by lea: attack: stuffing since May'],
      ]);
      expect(answer).toMatchObject({ approval: { decidedBy: 'lea', blockId: blocks[0]?.id } });
      expect(await stage.approvals.decide(ada, id, approve)).toMatchObject({ kind: 'conflict' });
    },
  );

  it('of an end is carried out once, too', async () => {
    const stage = reviewStage();
    const { id, version } = await stage.made();
    const asked = await stage.making.askToExtend(leo, id, { untilMs: null, note: 'still there' });
    if (asked?.kind !== 'asked') throw new Error(`${asked?.kind}`);
    const { transition } = stage.blockList;
    const died = new Promise<never>(() => undefined);
    const reached = new Promise<void>((resolve) => {
      stage.blockList.transition = async (...what) => {
        await transition.apply(stage.blockList, what);
        resolve();
        return died;
      };
    });
    void stage.approvals.decide(lea, asked.approval.id, approve);
    await reached;
    stage.blockList.transition = transition;
    stage.clock.advance(60_000);
    expect(await stage.approvals.decide(lea, asked.approval.id, approve)).toMatchObject({ approval: { blockId: id } });
    expect((await stage.blockList.get(id))?.version).toBe(version + 1);
  });

  it('that was done although its record could not be written is no open question', async () => {
    const records = new MemoryReviewRecords({ clock: new ManualClock() });
    let isAway = false;
    const faulty: ReviewRecords = {
      shelf: (shelf) => {
        const store = records.shelf(shelf);
        const put: RecordStore['put'] = (record) =>
          isAway ? Promise.reject(new TidegateError('STORE_FAILED', 'away')) : store.put(record);
        return { ...bound(store), put };
      },
    };
    const stage = reviewStage({ records: faulty });
    const { id } = await ask(stage);
    const { add } = stage.blockList;
    stage.blockList.add = (block) => {
      isAway = true;
      return add.call(stage.blockList, block);
    };
    await expect(stage.approvals.decide(lea, id, approve)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    isAway = false;
    stage.blockList.add = add;
    stage.clock.advance(60_000);
    expect(await stage.approvals.decide(lea, id, reject)).toMatchObject({ kind: 'conflict' });
    const answer = await stage.approvals.decide(lea, id, approve);
    const { blocks } = await stage.blockList.list({});
    expect(answer).toMatchObject({ approval: { blockId: blocks[0]?.id } });
    expect(blocks).toHaveLength(1);
  });

  it('lets a block last longer than one person may choose', async () => {
    const stage = reviewStage();
    const { id } = await stage.made();
    const extension = { untilMs: stage.clock.nowMs() + 200 * dayMs, note: 'still there' };
    expect(await stage.making.askToExtend(rita, id, { untilMs: null, note: 'x' })).toMatchObject({ kind: 'forbidden' });
    expect(await stage.making.askToExtend(leo, id, { ...extension, untilMs: stage.clock.nowMs() + dayMs })).toBeNull();
    const asked = await stage.making.askToExtend(leo, id, extension);
    if (asked?.kind !== 'asked') throw new Error(`${asked?.kind}`);
    expect(await stage.approvals.decide(lea, asked.approval.id, approve)).toMatchObject({ approval: { blockId: id } });
    expect((await stage.blockList.get(id))?.expiresAtMs).toBe(extension.untilMs);
  });

  it('of a longer limit is none of a refusal: whoever changes the block meanwhile has to ask again', async () => {
    const stage = reviewStage();
    const { id } = await stage.made();
    const change = (action: BlockAction) => stage.desk.act(leo, id, { kind: 'change-action', action, note: 'x' });
    await change({ kind: 'limit', limit: 60, windowMs: 60_000 });
    const asked = await stage.making.askToExtend(leo, id, { untilMs: null, note: 'as long as they like' });
    if (asked?.kind !== 'asked') throw new Error(`${asked?.kind}`);
    expect(await change({ kind: 'refuse' })).toMatchObject({ kind: 'done' });
    const before = await stage.blockList.get(id);
    expect(await stage.approvals.decide(lea, asked.approval.id, approve)).toMatchObject({
      approval: { state: 'approved', blockId: null, problem: expect.stringContaining('ask again') },
    });
    expect(await stage.blockList.get(id)).toEqual(before);
  });

  it('lets nobody make alone a refusal of a limit that two people agreed on', async () => {
    const stage = reviewStage();
    const { id } = await ask(stage, { action: { kind: 'limit', limit: 60, windowMs: 60_000 } });
    const answer = await stage.approvals.decide(lea, id, approve);
    const blockId = (answer.kind === 'decided' && answer.approval.blockId) || '';
    const refuse = { kind: 'change-action', action: { kind: 'refuse' }, note: 'x' } as const;
    expect(await stage.desk.act(leo, blockId, refuse)).toMatchObject({ kind: 'forbidden', overstep: { needs: null } });
    expect(await stage.blockList.get(blockId)).toMatchObject({ action: { kind: 'limit' }, version: 1 });
  });

  it('is told of where somebody listens, and asked for all the same where telling fails', async () => {
    const stage = reviewStage();
    stage.notices.push = () => {
      throw new Error('nobody there');
    };
    const { id } = await ask(stage);
    expect((await stage.approvals.find(lea, id))?.state).toBe('open');
    expect(stage.logger.lines.some(({ message }) => message.startsWith('nobody could be told'))).toBe(true);
  });
});
