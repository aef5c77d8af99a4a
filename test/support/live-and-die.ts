import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CrashJob } from './crash-child.ts';

/** How a process of the crash tests ended. */
export interface Life {
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url));

/** Runs one life of an ingest process to its end, whichever that is. */
export const liveAndDie = (job: CrashJob): Promise<Life> =>
  new Promise((resolve) => {
    const args = ['--import', 'tsx', child, JSON.stringify(job)];
    execFile(process.execPath, args, { timeout: 60_000 }, (error, output, errors) => {
      resolve({ signal: error?.signal ?? null, output, errors });
    });
  });
