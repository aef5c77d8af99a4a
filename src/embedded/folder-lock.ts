import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TidegateError } from '../errors.ts';

/** A data folder that this process alone may open. */
export interface FolderLock {
  /** Tells whoever finds the folder locked where to ask instead: the API's URL, and where SQL is answered, '' for nowhere. */
  announce(endpoint: string, sqlEndpoint?: string): void;
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's ticks since boot; '' where the kernel does not tell. */
  readonly startedTicks: string;
  readonly endpoint: string;
  readonly sqlEndpoint: string;
}

const fileName = 'tidegate.lock';
const held = new Set<string>();

/** Tells a process from a later one with the same number: in a container, every main process is number 1. */
const startedTicksOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
};

const isAlive = ({ pid, startedTicks }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const now = startedTicksOf(pid);
  return startedTicks === '' || now === '' || now === startedTicks;
};

/** Null when it is no lock: its writer died half-way. */
const holderIn = (text: string): Holder | null => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return null;
    const startedTicks = 'startedTicks' in value ? String(value.startedTicks) : '';
    const endpoint = 'endpoint' in value ? String(value.endpoint) : '';
    return {
      pid: value.pid,
      startedTicks,
      endpoint,
      sqlEndpoint: 'sqlEndpoint' in value ? String(value.sqlEndpoint) : '',
    };
  } catch {
    return null;
  }
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};

/** Removes a dead lock, unless another process has done so and put its own there since. */
const bury = (path: string, dead: string): void => {
  const grave = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, grave);
    if (readText(grave) !== dead) linkSync(grave, path);
  } catch (error) {
    const settled = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EEXIST');
    if (!settled) throw error;
  } finally {
    rmSync(grave, { force: true });
  }
};

/** Gives the draft the lock's name: fails when that name is taken, atomically. */
const claimName = (draft: string, path: string): void => {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) || error.code === 'EEXIST') throw error;
    // Some mounts have no hard links. There a process that dies within this line leaves a lock that looks dead.
    writeFileSync(path, readFileSync(draft), { flag: 'wx' });
  }
};

const tryTake = (path: string, holder: Holder): boolean => {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder));
  try {
    claimName(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
};

const refuse = (folder: string, { pid, endpoint: api, sqlEndpoint }: Holder): never => {
  const endpoint = sqlEndpoint === '' ? api : `${api} (in SQL ${sqlEndpoint})`;
  const where = endpoint === '' ? `Stop process ${pid} first.` : `Ask ${endpoint} instead, or stop process ${pid}.`;
  throw new TidegateError('DATA_LOCKED', `The data in ${folder} is held by process ${pid}. ${where}`);
};

/** Where to ask for the data of a folder that another process holds; null: nobody holds it, or nowhere. */
export const endpointOf = (folder: string): string | null => {
  const holder = holderIn(readText(join(folder, fileName)));
  return holder && isAlive(holder) && holder.endpoint !== '' ? holder.endpoint : null;
};

/**
 * Takes the folder for this process; creates it where it is missing. A lock whose process is gone is taken over.
 *
 * @throws TidegateError DATA_LOCKED naming the process that holds the folder and where to ask it.
 */
export const lockFolder = (folder: string): FolderLock => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  const me: Holder = { pid: process.pid, startedTicks: startedTicksOf(process.pid), endpoint: '', sqlEndpoint: '' };
  while (!tryTake(path, me)) {
    const text = readText(path);
    const holder = holderIn(text);
    const own = holder?.pid === process.pid && !held.has(path);
    if (holder && !own && isAlive(holder)) refuse(folder, holder);
    bury(path, text);
  }
  held.add(path);
  return {
    announce: (endpoint, sqlEndpoint = '') => {
      const draft = `${path}.${process.pid}`;
      writeFileSync(draft, JSON.stringify({ ...me, endpoint, sqlEndpoint }));
      renameSync(draft, path);
    },
    release: () => {
      held.delete(path);
      if (holderIn(readText(path))?.pid === process.pid) rmSync(path, { force: true });
    },
  };
};
