import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { servicesFolder } from './folders.ts';
import { isRunning, type ProcessId, selfId } from './process-id.ts';
import { ServiceError } from './service-error.ts';

const waitMs = 120_000;

/** Runs `task` while no other process of this checkout does; waits for one that does, and takes over from a dead one. */
export const withLock = async <T>(name: string, task: () => Promise<T>): Promise<T> => {
  mkdirSync(servicesFolder, { recursive: true });
  const path = join(servicesFolder, `${name}.lock`);
  const deadlineUs = systemClock.monotonicUs() + waitMs * 1000;
  while (!tryLock(path)) {
    if (systemClock.monotonicUs() > deadlineUs) throw new ServiceError(`another process holds ${path} for too long`);
    await systemClock.sleep(100);
  }
  try {
    return await task();
  } finally {
    rmSync(path, { force: true });
  }
};

const tryLock = (path: string): boolean => {
  try {
    writeFileSync(path, JSON.stringify(selfId()), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = holderOf(path);
  if (holder && !isRunning(holder)) rmSync(path, { force: true });
  return false;
};

/** Null while its holder writes it, or when it has just gone. */
const holderOf = (path: string): ProcessId | null => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessId;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};
