import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { ConsoleFile, ConsolePage } from '../api/console-routes.ts';
import type { Logger } from '../logger.ts';

const consoleTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const run = promisify(execFile);
const buildTimeoutMs = 60_000;

/** Of the package: beside this file. Of a source checkout: built when its source has changed since, in under a second. */
const consoleFolder = async (): Promise<URL> => {
  if (!import.meta.url.endsWith('.ts')) return new URL('../console/', import.meta.url);
  const program = fileURLToPath(new URL('../../build.mjs', import.meta.url));
  const { stdout } = await run(process.execPath, [program, 'console'], { timeout: buildTimeoutMs });
  return pathToFileURL(`${stdout.trim().split('\n').at(-1)}/`);
};

/** The files of the console, read once. Null: it could not be built, and the log says why. */
export const readConsolePage = async (logger: Logger): Promise<ConsolePage | null> => {
  try {
    const folder = await consoleFolder();
    const page = new Map<string, ConsoleFile>();
    for (const name of await readdir(folder)) {
      const type = consoleTypes[extname(name)];
      if (type !== undefined) page.set(name, { type, body: await readFile(new URL(name, folder), 'utf8') });
    }
    return page;
  } catch (error) {
    logger.warn({ err: error }, 'there is no console: `npm ci && npm run build` brings it');
    return null;
  }
};
