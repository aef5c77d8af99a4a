import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { openRunFolder, projectFolder, removeFolder } from '../services/folders.ts';

let folder: string | null = null;

const compile = (): string => {
  const into = openRunFolder('soak-code');
  process.once('exit', () => removeFolder(into));
  const compiler = join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc');
  const config = join(projectFolder, 'test', 'soak', 'tsconfig.json');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', config, '--outDir', into], {
    cwd: projectFolder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the soak does not compile:\n${stdout}`);
  for (const name of ['migrations', 'lua']) cpSync(join(projectFolder, name), join(into, name), { recursive: true });
  return into;
};

/**
 * Where a script of this folder is as JavaScript. Compiled once: a loader that transforms TypeScript would cost each of
 * thousands of short lives more than what it is there for. Types are checked elsewhere.
 */
export const compiledScript = (name: string): string => {
  folder ??= compile();
  return join(folder, 'test', 'soak', `${name}.js`);
};
