import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ServiceError } from './service-error.ts';

const run = promisify(execFile);
const outputBytes = 64 * 1024 * 1024;

/** Runs a program to its end. Throws a ServiceError with the last line it wrote. */
export const runProgram = async (
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> => {
  try {
    const { stdout } = await run(command, [...args], { ...options, maxBuffer: outputBytes });
    return stdout;
  } catch (error) {
    const { stderr, stdout, message } = error as { stderr?: string; stdout?: string; message: string };
    const said = `${stdout ?? ''}\n${stderr ?? ''}`.split('\n').filter((line) => /error|E:|cannot|fail/i.test(line));
    throw new ServiceError(`${command} ${args[0] ?? ''} failed: ${(said[0] ?? message.split('\n')[0] ?? '').trim()}`);
  }
};

const isInstalled = (command: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Makes sure that a program is there: installs its Debian package when it is missing and we are root. */
export const ensureProgram = async (command: string, debianPackage: string): Promise<void> => {
  if (isInstalled(command)) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !isInstalled('apt-get')) {
    throw new ServiceError(`${command} is not installed; get it with: sudo apt-get install ${debianPackage}`);
  }
  await installPackage(debianPackage);
  if (!isInstalled(command)) throw new ServiceError(`${debianPackage} is installed, but ${command} is not on the PATH`);
};

const installPackage = async (debianPackage: string): Promise<void> => {
  // RUNLEVEL=1 keeps the package's own service from starting: we run our own, elsewhere.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', debianPackage];
  try {
    await runProgram('apt-get', install, { env });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    // A fresh image has no package lists yet.
    await runProgram('apt-get', ['update', '-q'], { env });
    await runProgram('apt-get', install, { env });
  }
};
