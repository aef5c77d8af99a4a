import fc from 'fast-check';
import type { BlockList } from '../../src/blocklist/block-list.ts';
import { actOnModel, type BlockAct, type BlockModel, newModel, seenOfModel } from './block-model.ts';
import { actOnList, type PlayTime, seenOfList } from './block-play.ts';
import { type Call, isLinearizable } from './linearizable.ts';

/** What was there before the race: an active block of subject 0, a proposal of subject 1. */
const beforehand: readonly BlockAct[] = [
  { act: 'promote', verdict: 'a', subject: 0, mode: 'enforce' },
  { act: 'promote', verdict: 'b', subject: 1, mode: 'review' },
];

const block = fc.constantFrom('b-a', 'b-a', 'b-a', 'b-b', 'b-b', 'b-c');
const version = fc.constantFrom({}, { ifVersion: 1 }, { ifVersion: 1 }, { ifVersion: 2 });
const subject = fc.constantFrom(0, 1, 3);
const seconds = fc.constantFrom(30, 90);

/** What races: promotions, steps of the same few blocks, blocks by hand, the allow list. */
const racingAct: fc.Arbitrary<BlockAct> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('promote' as const),
      verdict: fc.constantFrom('c', 'd'),
      subject,
      mode: fc.constantFrom('enforce' as const, 'review' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...(['activate', 'confirm', 'lift', 'extend', 'assign', 'undo', 'undo'] as const)),
        block,
        version,
        seconds,
      )
      .map(([act, id, asked, length]): BlockAct => {
        if (act === 'lift') return { act, id, ...asked, falsePositive: length === 30, tombstone: length };
        if (act === 'assign') return { act, id, ...asked, assignee: length === 30 ? 'ada' : 'bob' };
        return act === 'extend' ? { act, id, ...asked, seconds: length } : { act, id, ...asked };
      }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('add' as const, 'allow' as const), subject, seconds }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('disallow' as const), subject }) },
);

export interface Race {
  /** Of each client what it does, one after the other. */
  readonly clients: readonly (readonly BlockAct[])[];
}

/** Four clients with up to three acts each. */
export const races: fc.Arbitrary<Race> = fc
  .array(fc.array(racingAct, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 })
  .map((clients) => ({ clients }));

export interface History {
  readonly start: BlockModel;
  readonly calls: readonly Call<BlockAct>[];
  readonly seen: readonly string[];
}

/** Lets all clients run at once, each against a list of its own that leads to the same store; time stands still. */
export const runRace = async (lists: readonly BlockList[], { clients }: Race, play: PlayTime): Promise<History> => {
  const [first] = lists;
  if (!first) throw new Error('no list');
  const start = newModel();
  for (const act of beforehand) actOnModel(start, act, (await actOnList(first, act, play)).id);
  let order = 0;
  const calls: Call<BlockAct>[] = [];
  const run = async (list: BlockList, acts: readonly BlockAct[]): Promise<void> => {
    for (const act of acts) {
      order += 1;
      const calledAt = order;
      const played = await actOnList(list, act, play);
      order += 1;
      calls.push({ act, calledAt, answeredAt: order, ...played });
    }
  };
  await Promise.all(clients.map((acts, index) => run(lists[index % lists.length] ?? first, acts)));
  return { start, calls, seen: await seenOfList(first, play) };
};

/** Whether one after the other could have answered the same, and left the same behind. */
export const isExplained = ({ start, calls, seen }: History): boolean =>
  isLinearizable(calls, start, {
    apply: (model, { act, id }) => actOnModel(model, act, id),
    endsRight: (model) => JSON.stringify(seenOfModel(model)) === JSON.stringify(seen),
  });
