import { describe, expect, it } from 'vitest';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import type { ManualClock } from '../../src/clock.ts';
import type { BulkAnswer } from '../../src/review/bulk.ts';
import type { BulkAct } from '../../src/review/bulk-targets.ts';
import type { DeskAct } from '../../src/review/desk.ts';
import type { ReviewRecords } from '../../src/review/records.ts';
import { as, dayMs, lea, leo, reviewStage, rita } from '../support/review-stage.ts';

/** The engines of one process; those of a second one stand on the same data. */
export type OpenEngines = (clock: ManualClock) => { readonly blockList: BlockList; readonly records: ReviewRecords };

/** What two people who work at the same time can count on, in one process or in two. `make`: data of its own each time. */
export const reviewDeskContract = (make: () => OpenEngines): void => {
  const twoProcesses = () => {
    const open = make();
    const one = reviewStage();
    const first = reviewStage({ clock: one.clock, ...open(one.clock) });
    const second = reviewStage({ clock: one.clock, ...open(one.clock) });
    return { first, second };
  };
  const lift: DeskAct & BulkAct = { kind: 'lift', reason: 'goodwill', note: 'x' };
  const batchOf = (answer: BulkAnswer) => {
    if (answer.kind !== 'batch') throw new Error(JSON.stringify(answer));
    return answer.batch;
  };

  describe('two people', () => {
    it('who saw the same version of a block: exactly one wins, whatever they do', async () => {
      const { first, second } = twoProcesses();
      const untilMs = first.clock.nowMs() + dayMs;
      const acts: DeskAct[] = [
        lift,
        { kind: 'confirm', note: '' },
        { kind: 'extend', untilMs, note: 'x' },
        { kind: 'assign', assignee: 'lea', note: '' },
      ];
      for (const mine of acts) {
        for (const theirs of acts) {
          const { id, version } = await first.made();
          const answers = await Promise.all([
            first.desk.act(leo, id, { ...mine, ifVersions: [version] }),
            second.desk.act(lea, id, { ...theirs, ifVersions: [version] }),
          ]);
          expect(answers.map(({ kind }) => kind).sort(), `${mine.kind} and ${theirs.kind}`).toEqual(['done', 'stale']);
          const steps = await first.blockList.history(id);
          expect(steps.map(({ kind }) => kind)).toHaveLength(2);
        }
      }
    });

    it('who lift a block without looking at its version: one does, the other is told that it is lifted', async () => {
      const { first, second } = twoProcesses();
      const { id } = await first.made();
      const answers = await Promise.all([first.desk.act(leo, id, lift), second.desk.act(lea, id, lift)]);
      expect(answers.map(({ kind }) => kind).sort()).toEqual(['conflict', 'done']);
      expect(answers.find(({ kind }) => kind === 'conflict')).toMatchObject({ block: { state: 'lifted' } });
    });

    it('who do what does not rule each other out without a version: both have their way', async () => {
      const { first, second } = twoProcesses();
      const { id } = await first.made();
      const answers = await Promise.all([
        first.desk.act(leo, id, { kind: 'confirm', note: '' }),
        second.desk.act(lea, id, { kind: 'assign', assignee: 'lea', note: '' }),
      ]);
      expect(answers.map(({ kind }) => kind)).toEqual(['done', 'done']);
      expect(await first.blockList.get(id)).toMatchObject({ state: 'confirmed', assignee: 'lea', version: 3 });
    });

    it('who change the same blocks in bulk: each block is changed by one of them', async () => {
      const { first, second } = twoProcesses();
      const ids = await first.many(40);
      const [one, other] = (
        await Promise.all([
          first.bulk.run(leo, { targets: { ids }, act: lift }),
          second.bulk.run(lea, { targets: { ids }, act: lift }),
        ])
      ).map(batchOf);
      expect((one?.done ?? 0) + (other?.done ?? 0)).toBe(40);
      expect((one?.failedCount ?? 0) + (other?.failedCount ?? 0)).toBe(40);
      const undone = batchOf(await second.bulk.undo(leo, one?.id ?? '', 'x'));
      expect(undone.undo?.done).toBe(one?.done);
    });

    it('who undo a batch, or decide about an approval: one does', async () => {
      const { first, second } = twoProcesses();
      const ids = await first.many(10);
      const batch = batchOf(await first.bulk.run(rita, { targets: { ids }, act: lift }));
      const undos = await Promise.all([first.bulk.undo(leo, batch.id, 'x'), second.bulk.undo(lea, batch.id, 'x')]);
      expect(undos.map(({ kind }) => kind).sort()).toEqual(['batch', 'conflict']);
      await first.expectStates(ids, 'active');

      const subject = { kind: 'ip', id: '192.0.2.1' } as const;
      const making = { subject, action: { kind: 'refuse' }, untilMs: null, reason: 'attack', note: 'x' } as const;
      const asked = await first.making.make(leo, making);
      if (asked.kind !== 'asked') throw new Error(asked.kind);
      const { id } = asked.approval;
      const verdicts = await Promise.all([
        first.approvals.decide(lea, id, { verdict: 'approved', note: 'x' }),
        second.approvals.decide(as('admin', 'ada'), id, { verdict: 'approved', note: 'x' }),
      ]);
      expect(verdicts.map(({ kind }) => kind).sort()).toEqual(['conflict', 'decided']);
      const { blocks } = await first.blockList.list({ origins: ['person'] });
      expect(blocks).toHaveLength(1);
    });
  });

  it('a bulk change of hundreds and its undo leave every block as it was', async () => {
    const { first } = twoProcesses();
    await first.many(250);
    const pictureOf = async () => {
      const { blocks } = await first.blockList.list({ limit: 500 });
      return blocks.map((block) => ({ ...block, version: 0, actor: '' }));
    };
    const before = await pictureOf();
    const asked = { targets: { filter: { rule: 'breadth' } }, act: lift, expected: 250 };
    const batch = batchOf(await first.bulk.run(leo, asked));
    expect(batch).toMatchObject({ done: 250, failedCount: 0, state: 'done' });
    expect(batchOf(await first.bulk.undo(leo, batch.id, 'x'))).toMatchObject({ undo: { done: 250, failedCount: 0 } });
    expect(await pictureOf()).toEqual(before);
  });
};
