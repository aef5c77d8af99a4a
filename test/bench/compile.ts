import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../services/folders.ts';

/**
 * Compiles sources and benches into a folder, as they are built for a release: a loader that transforms TypeScript on the
 * fly wraps every closure it meets, which costs both sides unequally. Types are checked elsewhere.
 */
export const compileInto = (folder: string): void => {
  const compiler = join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc');
  const config = join(projectFolder, 'test', 'bench', 'tsconfig.json');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', config, '--outDir', folder], {
    cwd: projectFolder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the benches do not compile:\n${stdout}`);
  for (const name of ['lua', 'migrations', 'policies'])
    cpSync(join(projectFolder, name), join(folder, name), { recursive: true });
};
