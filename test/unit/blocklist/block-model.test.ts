import { describe, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { MemoryBlockList } from '../../../src/embedded/memory-block-list.ts';
import { behavesAsTheModel } from '../../support/block-commands.ts';

describe('the block list in memory', () => {
  it('does and answers what a model of it does that was written apart from it', async () => {
    const make = () => {
      const clock = new ManualClock();
      const startMs = clock.nowMs();
      const wait = (seconds: number) => clock.advance(seconds * 1000);
      return { list: new MemoryBlockList({ clock }), play: { startMs, nowMs: () => clock.nowMs(), wait } };
    };
    await behavesAsTheModel(make, { numRuns: 150, maxCommands: 50, maxMs: 5000 });
  }, 30_000);
});
