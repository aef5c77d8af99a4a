import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import { walk } from '../../../src/review/walk.ts';

it('a batch asks the store for four blocks at once at most: gates wait behind them', async () => {
  let [under, most] = [0, 0];
  const step = async () => {
    under += 1;
    most = Math.max(most, under);
    await new Promise((resolve) => setImmediate(resolve));
    under -= 1;
    return 'done' as const;
  };
  const { tally, isWhole } = await walk({
    blockIds: Array.from({ length: 300 }, (_, at) => `b${at}`),
    step,
    save: async () => true,
    isStopped: () => false,
    clock: new ManualClock(),
    logger: silentLogger,
  });
  expect([tally.done, isWhole, most]).toEqual([300, true, 4]);
});
