import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import type { RedisConnection } from './client.ts';

/** One file of `lua/`: the header of the file is its contract. */
export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha1: string;
}

const readLua = (name: string): string => readFileSync(new URL(`../../lua/${name}.lua`, import.meta.url), 'utf8');

/** Reads `lua/<name>.lua`, which ships beside the compiled code, and the files that it goes on in. */
export const loadScript = (name: string, ...rest: readonly string[]): Script => {
  const text = [name, ...rest].map(readLua).join('\n');
  return { name, text, sha1: createHash('sha1').update(text).digest('hex') };
};

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/**
 * Runs a script by its hash, and by its text when the server does not know it (after a restart, a failover or SCRIPT
 * FLUSH). NOSCRIPT is the one error that is tried again: nothing has run then. Any other failure may have counted. In a
 * cluster all keys must be in one slot: their node runs it, by its text as well.
 */
export const runScript = async (
  redis: RedisConnection,
  script: Script,
  { keys, args }: ScriptCall,
): Promise<unknown> => {
  try {
    return await redis.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.text, keys.length, ...keys, ...args);
  }
};
