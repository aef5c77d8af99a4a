import { afterAll, expect, it, vi } from 'vitest';
import { processFigures } from '../../../src/cli/process-figures.ts';
import { systemClock } from '../../../src/clock.ts';

const figures = processFigures();
afterAll(() => figures.stop());

/** Time for a few samples: what is sampled is real time. */
const samples = (): Promise<void> => systemClock.sleep(60);

const holdUp = (durationMs: number): void => {
  const until = process.hrtime.bigint() + BigInt(durationMs) * 1_000_000n;
  while (process.hrtime.bigint() < until);
};

it('says how late the event loop was since the last reading, how busy it is, and what the process has used', async () => {
  figures.stats();
  const cpuBefore = figures.stats().cpuUserS;
  const late = await vi.waitFor(
    async () => {
      await samples();
      holdUp(150);
      await samples();
      const { loopDelayMaxS } = figures.stats();
      expect(loopDelayMaxS).toBeGreaterThan(0.1);
      return loopDelayMaxS;
    },
    { timeout: 15_000 },
  );
  expect(late).toBeLessThan(30);
  // Another reader finds it, too.
  expect(figures.stats().loopDelayMaxS).toBe(late);
  const now = figures.stats();
  expect(now.cpuUserS).toBeGreaterThan(cpuBefore);
  expect(now.memoryBytes).toBeGreaterThan(10_000_000);
  expect(now.uptimeS).toBeGreaterThan(0);
  expect(now.loopUtilization).toBeGreaterThanOrEqual(0);
  expect(now.loopUtilization).toBeLessThanOrEqual(1);
  expect(now.loopDelayP99S).toBeGreaterThanOrEqual(0);
});
