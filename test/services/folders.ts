import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunning, type ProcessId, selfId } from './process-id.ts';

export const projectFolder = fileURLToPath(new URL('../../', import.meta.url));

/** Everything that engines leave on disk. Ignored by git; may be deleted whenever nothing runs. */
export const servicesFolder = join(projectFolder, '.services');

/** Where `services up` keeps its state, data and logs. */
export const upFolder = join(servicesFolder, 'up');

const runsFolder = join(servicesFolder, 'runs');
const ownerFile = 'owner.json';

/** A folder of this process alone, and what it leaves behind when killed is swept by the next one. */
export const openRunFolder = (label: string): string => {
  sweepRunFolders();
  const folder = join(runsFolder, `${label}-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ownerFile), JSON.stringify(selfId()));
  return folder;
};

export const removeFolder = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
};

const sweepRunFolders = (): void => {
  mkdirSync(runsFolder, { recursive: true });
  for (const name of readdirSync(runsFolder)) {
    const folder = join(runsFolder, name);
    const owner = ownerOf(folder);
    // No owner yet: another process is creating it at this moment.
    if (owner && !isRunning(owner)) removeFolder(folder);
  }
};

const ownerOf = (folder: string): ProcessId | null => {
  try {
    return JSON.parse(readFileSync(join(folder, ownerFile), 'utf8')) as ProcessId;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};
