import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { crashPoints, framesOfJob } from '../support/crash-child.ts';
import { describeWith } from '../support/engines.ts';
import { liveAndDie } from '../support/live-and-die.ts';

/** Moments within an insert, microseconds: before, in and after the writing of its parts. */
const delaysUs = [0, 500, 1_500, 3_000, 5_000, 8_000, 12_000, 20_000];

describeWith('chdb', 'an ingest process on chDB that is killed with SIGKILL', (url) => {
  it('stores every decision exactly once, wherever it dies, and then dies again while it recovers', async () => {
    const folder = url.slice('chdb:'.length);
    mkdirSync(folder, { recursive: true });
    const frames = 60;
    const jobs = [
      ...crashPoints.filter((point) => point !== 'never').map((point) => ({ point, delayUs: 2_000 })),
      ...delaysUs.flatMap((delayUs) => [
        { point: 'during-insert' as const, delayUs },
        ...(delayUs % 1_000 === 0 ? [{ point: 'during-repair' as const, delayUs }] : []),
      ]),
    ];
    let killed = 0;
    for (const job of jobs) {
      const { signal, errors } = await liveAndDie({ folder, frames, ...job });
      expect(errors).toBe('');
      if (signal === 'SIGKILL') killed += 1;
    }
    expect(killed).toBeGreaterThanOrEqual(jobs.length - 4);
    const { output } = await liveAndDie({ folder, frames, point: 'never', delayUs: 0 });
    const { rows } = framesOfJob({ frames });
    expect(JSON.parse(output)).toMatchObject({
      totals: { decisions: rows },
      partitions: [{ events: rows, decisions: rows, minuteDecisions: rows, drift: 0, doubledEvents: 0 }],
      stats: { storedTwiceRows: 0, changedBlocks: 0, deadLetters: 0 },
    });
  }, 240_000);
});
