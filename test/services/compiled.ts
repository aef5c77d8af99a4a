import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { openRunFolder, projectFolder, removeFolder } from './folders.ts';
import { runProgram } from './programs.ts';

/** Where the code that was compiled for a run of tests lies. Set by the run's set-up for the processes below it. */
const variable = 'TIDEGATE_TEST_CODE';

/** What compiled code looks for beside its own folder, as an installation has it. */
const beside = ['package.json', 'lua', 'migrations', 'policies'];

const compilerArgs = (into: string): string[] => [
  join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc'),
  '-p',
  join(projectFolder, 'test', 'tsconfig.compiled.json'),
  '--outDir',
  into,
];

const addRest = (folder: string): void => {
  for (const name of beside) cpSync(join(projectFolder, name), join(folder, name), { recursive: true });
};

/**
 * Compiles the sources and the scripts of tests once for all processes of a run: a loader that transforms TypeScript in
 * each of hundreds of short lives costs each of them more than what it is there for. Types are checked elsewhere.
 */
export const compileForRun = async (folder: string): Promise<void> => {
  const [printed] = await Promise.all([
    runProgram(process.execPath, [join(projectFolder, 'build.mjs'), 'console']),
    runProgram(process.execPath, compilerArgs(folder)),
  ]);
  addRest(folder);
  cpSync(printed.trim().split('\n').at(-1) ?? '', join(folder, 'src', 'console'), { recursive: true });
  process.env[variable] = folder;
};

let own: string | null = null;

/** Of this process alone, when no run has compiled for it. Without the console. */
const compileAlone = (): string => {
  const into = openRunFolder('code');
  process.once('exit', () => removeFolder(into));
  const { status, stdout } = spawnSync(process.execPath, compilerArgs(into), { cwd: projectFolder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the sources do not compile:\n${stdout}`);
  addRest(into);
  return into;
};

/** Where a script is as JavaScript: `compiledScript('src/cli/main.ts')`. */
export const compiledScript = (path: string): string => {
  const folder = process.env[variable] ?? own ?? compileAlone();
  own = folder;
  return join(folder, path.replace(/\.ts$/, '.js'));
};
