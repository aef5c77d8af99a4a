import { Argument, Command, CommanderError } from 'commander';
import { messageOf } from '../../src/errors.ts';
import { type EngineName, engineNames } from './engine.ts';
import {
  environmentNames,
  type ServiceStatus,
  servicesDown,
  servicesStatus,
  servicesUp,
  testEnvironmentNames,
} from './services.ts';

const usageExitCode = 2;

const examples = `
Examples:
  npm run services -- up                  start Redis and Kafka, wait until they are healthy
  npm run services -- up redis            only Redis
  eval "$(npm run -s services -- env)"    point tidegate and the tests of this shell at them
  npm run services -- down                stop them and remove their data

Redis comes from Debian's package, Kafka from Maven Central (needs Java 17 and Maven); what is missing is installed by apt
when you are root. Everything lives under .services/ and listens on free ports of the loopback interface only.
The tests need none of this, they start engines of their own; but where TIDEGATE_TEST_REDIS_URL or TIDEGATE_TEST_KAFKA_URL
is set, they use that one, which saves five seconds a run.`;

const exportLines = (statuses: readonly ServiceStatus[]): string =>
  statuses
    .filter((status) => status.running)
    .flatMap(({ name, url }) =>
      [environmentNames, testEnvironmentNames].map((names) => `export ${names[name]}=${url}\n`),
    )
    .join('');

const statusLine = ({ name, running, url, version, pid }: ServiceStatus): string =>
  running ? `${name.padEnd(6)} ${url}  (${version}, pid ${pid})\n` : `${name.padEnd(6)} not running\n`;

const show = (statuses: readonly ServiceStatus[], json: boolean): void => {
  if (json) {
    process.stdout.write(`${JSON.stringify({ services: statuses })}\n`);
    return;
  }
  process.stdout.write(statuses.map(statusLine).join(''));
  const exports = exportLines(statuses);
  if (exports !== '') process.stdout.write(`\n${exports}`);
};

const commandLine = (): Command => {
  const program = new Command('services')
    .description('Runs the real engines that tidegate can use, without Docker.')
    .addHelpText('after', examples)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride();
  const command = (name: string, description: string): Command =>
    program.command(name).description(description).option('--json', 'print one JSON object instead').exitOverride();
  command('up', 'start what does not run yet, wait until it is healthy, print its URLs')
    .addArgument(new Argument('[engines...]', 'which ones; default: all').choices(engineNames))
    .action(async (names: EngineName[], options: { json?: boolean }) => {
      show(await servicesUp(names.length === 0 ? engineNames : names), options.json === true);
    });
  command('down', 'stop everything that `up` started and remove its data').action(
    async (options: { json?: boolean }) => {
      show(await servicesDown(), options.json === true);
    },
  );
  command('status', 'say what runs and where').action((options: { json?: boolean }) => {
    show(servicesStatus(), options.json === true);
  });
  program
    .command('env')
    .description('print the URLs of what runs as shell exports')
    .action(() => {
      process.stdout.write(exportLines(servicesStatus()));
    });
  return program;
};

try {
  await commandLine().parseAsync();
} catch (error) {
  // Commander has printed its own message already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
  else {
    process.stderr.write(`services: ${messageOf(error)}\n`);
    process.exitCode = usageExitCode;
  }
}
