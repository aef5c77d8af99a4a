import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process, told apart from a later one that was given the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in the system's own words: compared, never read. */
  readonly started: string;
}

/** Null when no such process runs. */
export const processId = (pid: number): ProcessId | null => {
  const started = process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
  return started === null ? null : { pid, started };
};

export const selfId = (): ProcessId => processId(process.pid) ?? { pid: process.pid, started: '' };

/** Whether this very process still runs: a reused number does not count, nor does a zombie. */
export const isRunning = (id: ProcessId): boolean => processId(id.pid)?.started === id.started;

/** Signals this very process; does nothing when it has gone, whoever has its number now. */
export const signal = (id: ProcessId, name: NodeJS.Signals): void => {
  if (!isRunning(id)) return;
  try {
    process.kill(id.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const linuxStart = (pid: number): string | null => {
  try {
    // The name in parentheses may hold spaces, so fields are counted from behind it: state is first, start time the 20th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
};

const psStart = (pid: number): string | null => {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    // ps exits with 1 when there is no such process.
    return null;
  }
};
