import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Transition } from '../../../src/blocklist/block-review.ts';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { isExplained, races, runRace } from '../../support/block-races.ts';
import { type Call, isLinearizable } from '../../support/linearizable.ts';

/** A counter: `add` answers the number before, `read` the number. */
const counter = {
  apply: (state: { count: number }, { act }: Call<'add' | 'read'>): string => {
    const before = state.count;
    if (act === 'add') state.count += 1;
    return String(before);
  },
  endsRight: ({ count }: { count: number }): boolean => count === 2,
};

const callOf = (act: 'add' | 'read', span: readonly [number, number], answer: string): Call<'add' | 'read'> => ({
  act,
  calledAt: span[0],
  answeredAt: span[1],
  answer,
  id: '',
});

describe('isLinearizable', () => {
  const adds = [callOf('add', [1, 4], '1'), callOf('add', [2, 3], '0')];

  it('finds an order that explains the answers, whatever the order of the calls', () => {
    expect(isLinearizable(adds, { count: 0 }, counter)).toBe(true);
    expect(isLinearizable([...adds, callOf('read', [1, 9], '1')], { count: 0 }, counter)).toBe(true);
  });

  it('refuses two winners, a wrong end, and what was answered before it was called', () => {
    expect(isLinearizable([callOf('add', [1, 4], '0'), callOf('add', [2, 3], '0')], { count: 0 }, counter)).toBe(false);
    expect(isLinearizable(adds.slice(1), { count: 0 }, counter)).toBe(false);
    expect(isLinearizable([...adds, callOf('read', [5, 6], '1')], { count: 0 }, counter)).toBe(false);
  });
});

/** Checks, then waits, then acts: what a list must not do. */
class TornBlockList extends MemoryBlockList {
  override async transition(blockId: string, transition: Transition) {
    const block = await this.get(blockId);
    if (transition.ifVersion !== undefined && block?.version !== transition.ifVersion) {
      return super.transition(blockId, transition);
    }
    await Promise.resolve();
    const { ifVersion: _, ...unconditional } = transition;
    return super.transition(blockId, unconditional);
  }
}

const raceOn = (List: typeof MemoryBlockList) =>
  fc.asyncProperty(races, async (race) => {
    const clock = new ManualClock();
    const startMs = clock.nowMs();
    const wait = (seconds: number) => clock.advance(seconds * 1000);
    const history = await runRace([new List({ clock })], race, { startMs, nowMs: () => clock.nowMs(), wait });
    expect(isExplained(history)).toBe(true);
  });

describe('clients that race for one block list', () => {
  it('are answered by the list in memory as if they had come one after the other', async () => {
    await fc.assert(raceOn(MemoryBlockList), { numRuns: 100 });
  });

  it('find out a list that checks first and acts later', async () => {
    expect((await fc.check(raceOn(TornBlockList), { numRuns: 500, endOnFailure: true })).failed).toBe(true);
  });
});
