import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { throttleRateDashboard } from './throttle-rate.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'json');

/** What dashboards/json should hold: file name → content. */
export const renderDashboards = (): ReadonlyMap<string, string> =>
  new Map([['tidegate-overview.json', `${JSON.stringify(throttleRateDashboard(), null, 2)}\n`]]);

const contentOf = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** Names of the files that differ from what would be written now. */
export const outdatedDashboards = (): string[] =>
  [...renderDashboards()].filter(([name, text]) => contentOf(join(folder, name)) !== text).map(([name]) => name);

const write = (): void => {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of renderDashboards()) writeFileSync(join(folder, name), text);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--check')) {
    const outdated = outdatedDashboards();
    for (const name of outdated) console.error(`dashboards/json/${name} is out of date: run npm run dashboards`);
    process.exitCode = outdated.length > 0 ? 1 : 0;
  } else {
    write();
  }
}
