import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineState } from './engine.ts';
import { upFolder } from './folders.ts';
import { ServiceError } from './service-error.ts';

const statePath = join(upFolder, 'state.json');

const isEngineState = (value: unknown): value is EngineState => {
  if (typeof value !== 'object' || value === null) return false;
  const { name, url, folder, ports, id } = value as Record<string, unknown>;
  const { pid, started } = (id ?? {}) as Record<string, unknown>;
  const isText = [name, url, folder, started].every((field) => typeof field === 'string');
  return isText && Array.isArray(ports) && Number.isSafeInteger(pid);
};

/** The engines that `services up` started and nobody has stopped since; they may have died meanwhile. */
export const readState = (): readonly EngineState[] => {
  let text: string;
  try {
    text = readFileSync(statePath, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const state = parseState(text);
  if (!state) throw new ServiceError(`${statePath} is damaged: stop what still runs by hand and delete ${upFolder}`);
  return state;
};

const parseState = (text: string): readonly EngineState[] | null => {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isEngineState) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

export const writeState = (engines: readonly EngineState[]): void => {
  mkdirSync(upFolder, { recursive: true });
  const next = `${statePath}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(engines, null, 2)}\n`);
  // A reader sees the old file or the new one, never half of it.
  renameSync(next, statePath);
};
