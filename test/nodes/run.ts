import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import { messageOf } from '../../src/errors.ts';
import { projectFolder, servicesFolder } from '../services/folders.ts';
import { withLock } from '../services/lock.ts';
import { runProgram } from '../services/programs.ts';

/** The oldest that is supported, then every line with long-term support, then the newest. */
const supported = ['20.19', '22', '24', '26'];
const newest = '26';

interface Outcome {
  readonly wanted: string;
  readonly version: string;
  readonly passed: boolean;
}

/** The node binary of that line, from npm's own `node` package; fetched once. */
const nodeBinary = (wanted: string): Promise<string> =>
  withLock(`node-${wanted}`, async () => {
    const folder = join(servicesFolder, `node-${wanted}`);
    const binary = join(folder, 'node_modules', 'node', 'bin', 'node');
    if (existsSync(binary)) return binary;
    mkdirSync(folder, { recursive: true });
    // Without a manifest of its own, npm would take the project's.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    await runProgram('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `node@${wanted}`]);
    return binary;
  });

const runTests = (binary: string, projects: readonly string[]): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const vitest = join(projectFolder, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', ...projects.flatMap((project) => ['--project', project])];
    // First on the PATH too: tests that start programs of their own start them with the same node.
    const env = { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH ?? ''}` };
    const child = spawn(binary, args, { cwd: projectFolder, stdio: 'inherit', env });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });

const runUnder = async (wanted: string, projects: readonly string[]): Promise<Outcome> => {
  const binary = await nodeBinary(wanted);
  const version = (await runProgram(binary, ['--version'])).trim();
  process.stdout.write(`\nNode ${version}: ${projects.join(' and ')} tests\n`);
  return { wanted, version, passed: await runTests(binary, projects) };
};

const main = async (versions: readonly string[], options: { newest?: boolean; project: string[] }): Promise<void> => {
  const wanted = options.newest ? [newest] : versions.length > 0 ? versions : supported;
  const outcomes: Outcome[] = [];
  for (const version of wanted) outcomes.push(await runUnder(version, options.project));
  process.stdout.write('\n');
  for (const { version, passed } of outcomes)
    process.stdout.write(`Node ${version}  ${passed ? 'passed' : 'FAILED'}\n`);
  process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
};

const program = new Command('test:nodes')
  .description('Runs the unit and contract tests under each supported version of Node.')
  .addArgument(new Argument('[versions...]', `which ones; default: ${supported.join(' ')}`))
  .addOption(new Option('--newest', `only ${newest}`))
  .addOption(new Option('--project <names...>', 'which vitest projects').default(['unit', 'contract']))
  .addHelpText(
    'after',
    `
Examples:
  npm run test:nodes                    all supported versions
  npm run test:nodes -- 22 26           these two
  npm run test:nodes -- --newest        what a build server runs beside its own version

The binaries come from npm's own "node" package and are kept under .services/.`,
  )
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
  .action(main);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own message already.
  if (!(error instanceof CommanderError)) process.stderr.write(`test:nodes: ${messageOf(error)}\n`);
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
}
