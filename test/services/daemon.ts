import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { isRunning, type ProcessId, processId, signal } from './process-id.ts';
import { ServiceError } from './service-error.ts';

export interface DaemonOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly logPath: string;
  /** True: it dies with this process, however this one ends. False: that holds until it is healthy. */
  readonly tied: boolean;
  readonly healthyWithinMs: number;
  readonly isHealthy: () => Promise<boolean>;
}

/** Starts a process in the background, its output in a file, and resolves when it is healthy. Throws ServiceError. */
export const startDaemon = async (options: DaemonOptions): Promise<ProcessId> => {
  mkdirSync(dirname(options.logPath), { recursive: true });
  const child = await spawnLogged(options);
  const id = child.pid === undefined ? null : processId(child.pid);
  if (!id) throw endedTooSoon(options);
  const watcher = watchOver(id);
  child.once('exit', () => watcher.kill('SIGKILL'));
  try {
    await waitHealthy(options, id);
  } catch (error) {
    await killDaemon(id);
    throw error;
  }
  if (!options.tied) watcher.kill('SIGKILL');
  return id;
};

const spawnLogged = async (options: DaemonOptions): Promise<ChildProcess> => {
  const log = openSync(options.logPath, 'a');
  const stdio: StdioOptions = ['ignore', log, log];
  const child = spawn(options.command, [...options.args], { cwd: options.folder, detached: true, stdio });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new ServiceError(`cannot run ${options.command}: ${error.message}`)));
  });
  child.unref();
  return child;
};

/** Kills $1 once its standard input closes, which the system does for us when the owner dies by any cause. */
const watcherScript = 'read _; kill -9 "$1"';

/** A companion that kills the process once this one has ended, by any cause. Kill it when the process has ended itself. */
export const watchOver = (id: ProcessId): ChildProcess => {
  const watcher = spawn('sh', ['-c', watcherScript, 'watcher', String(id.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  // A pipe is a socket in Node, whatever its declared type says, and would keep this process alive.
  if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  return watcher;
};

const waitHealthy = async (options: DaemonOptions, id: ProcessId): Promise<void> => {
  const deadlineUs = systemClock.monotonicUs() + options.healthyWithinMs * 1000;
  while (!(await options.isHealthy())) {
    if (!isRunning(id)) throw endedTooSoon(options);
    if (systemClock.monotonicUs() > deadlineUs) {
      throw new ServiceError(
        `${options.name} is not healthy after ${options.healthyWithinMs} ms; its log: ${options.logPath}`,
      );
    }
    await systemClock.sleep(50);
  }
};

const endedTooSoon = ({ name, logPath }: DaemonOptions): ServiceError => {
  const said = readFileSync(logPath, 'utf8').trimEnd().split('\n').at(-1) || 'it said nothing';
  return new ServiceError(`${name} ended while starting: ${said} (whole log: ${logPath})`);
};

/** Ends a process: politely, and after `graceMs` for certain. Resolves when it is gone. */
export const stopDaemon = async (id: ProcessId, graceMs = 10_000): Promise<void> => {
  signal(id, 'SIGCONT');
  signal(id, 'SIGTERM');
  if (await ends(id, graceMs)) return;
  signal(id, 'SIGKILL');
  if (!(await ends(id, 5_000))) throw new ServiceError(`process ${id.pid} does not end, not even by SIGKILL`);
};

/** Ends a process with no chance to say goodbye: what a crash looks like to its clients. */
export const killDaemon = async (id: ProcessId): Promise<void> => {
  signal(id, 'SIGKILL');
  if (!(await ends(id, 5_000))) throw new ServiceError(`process ${id.pid} does not end, not even by SIGKILL`);
};

const ends = async (id: ProcessId, withinMs: number): Promise<boolean> => {
  const deadlineUs = systemClock.monotonicUs() + withinMs * 1000;
  while (isRunning(id)) {
    if (systemClock.monotonicUs() > deadlineUs) return false;
    await systemClock.sleep(20);
  }
  return true;
};
