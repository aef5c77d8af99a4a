import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type CrashJob, crashPoints, framesOfJob } from '../support/crash-child.ts';
import { describeWith } from '../support/engines.ts';

interface Life {
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

const child = fileURLToPath(new URL('../support/crash-child.ts', import.meta.url));

const live = (job: CrashJob): Promise<Life> =>
  new Promise((resolve) => {
    const args = ['--import', 'tsx', child, JSON.stringify(job)];
    execFile(process.execPath, args, { timeout: 60_000 }, (error, output, errors) => {
      resolve({ signal: error?.signal ?? null, output, errors });
    });
  });

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
      const { signal, errors } = await live({ folder, frames, ...job });
      expect(errors).toBe('');
      if (signal === 'SIGKILL') killed += 1;
    }
    expect(killed).toBeGreaterThanOrEqual(jobs.length - 4);
    const { output } = await live({ folder, frames, point: 'never', delayUs: 0 });
    const { rows } = framesOfJob({ frames });
    expect(JSON.parse(output)).toMatchObject({
      totals: { decisions: rows },
      partitions: [{ events: rows, decisions: rows, minuteDecisions: rows, drift: 0, doubledEvents: 0 }],
      stats: { storedTwiceRows: 0, changedBlocks: 0, deadLetters: 0 },
    });
  }, 240_000);
});
