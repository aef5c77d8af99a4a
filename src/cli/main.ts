#!/usr/bin/env node
import { Command } from 'commander';
import type { Host } from './command-line.ts';
import { describeFailure, exitCodes, oneLine, sentence } from './failure.ts';
import { manifest } from './manifest.ts';
import { redactorFor } from './redact.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Loaded only when it is the one that runs: help and version need none of the engines' packages. */
  load(host: Host): Promise<Command>;
}

const services = () => import('./service-commands.ts');

const entries: readonly Entry[] = [
  {
    name: 'demo',
    summary: 'Watch the whole loop on a sample API with six kinds of visitors',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'replay',
    summary: 'Replay access logs and see who would have been denied and blocked',
    load: async () => (await import('./replay.ts')).replayCommand(),
  },
  {
    name: 'up',
    summary: 'Run everything in one process',
    load: async (host) => (await services()).upCommand(host),
  },
  {
    name: 'serve',
    summary: 'Run the console, the API and a gate',
    load: async (host) => (await services()).serveCommand(host),
  },
  {
    name: 'ingest',
    summary: 'Move decisions from Kafka to ClickHouse',
    load: async (host) => (await services()).ingestCommand(host),
  },
  {
    name: 'detect',
    summary: 'Block the clients that keep hitting limits',
    load: async (host) => (await services()).detectCommand(host),
  },
  {
    name: 'migrate',
    summary: 'Bring the tables up to date',
    load: async (host) => (await import('./migrate.ts')).migrateCommand(host),
  },
  {
    name: 'reconcile',
    summary: 'Compare log, ledger, rows and rollups',
    load: async (host) => (await import('./reconcile.ts')).reconcileCommand(host),
  },
  {
    name: 'doctor',
    summary: 'Check engines, settings and files, and say what to do',
    load: async (host) => (await import('./doctor.ts')).doctorCommand(host),
  },
  {
    name: 'policies',
    summary: 'Check a policy file, and see which policies apply to a request',
    load: async (host) => (await import('./policies-command.ts')).policiesCommand(host),
  },
  {
    name: 'rules',
    summary: 'Check and try the rules of the detector; see and steer what they may do',
    load: async (host) => (await import('./rules/rules-command.ts')).rulesCommand(host),
  },
  {
    name: 'blocks',
    summary: 'See, make, judge and end blocks; the allow list; imported lists',
    load: async (host) => (await import('./blocks/blocks-command.ts')).blocksCommand(host),
  },
  {
    name: 'panic',
    summary: 'Switch blocks or limits off in every gate, and on again',
    load: async (host) => (await import('./panic-command.ts')).panicCommand(host),
  },
  {
    name: 'tokens',
    summary: 'Make, list and revoke tokens for people and machines',
    load: async (host) => (await import('./tokens/tokens-command.ts')).tokensCommand(host),
  },
  {
    name: 'webhooks',
    summary: 'Check who is told by webhook, and send a test',
    load: async (host) => (await import('./webhooks-command.ts')).webhooksCommand(host),
  },
  {
    name: 'alerts',
    summary: 'See which alerts fire and which there are; check and test them',
    load: async (host) => (await import('./alerts/alerts-command.ts')).alertsCommand(host),
  },
  {
    name: 'dashboards',
    summary: 'Dashboards and alert rules: write, compare, bring into Grafana',
    load: async (host) => (await import('./dashboards/dashboards-command.ts')).dashboardsCommand(host),
  },
  {
    name: 'client',
    summary: 'Export or erase what is stored of one client',
    load: async (host) => (await import('./client-command.ts')).clientCommand(host),
  },
  {
    name: 'config',
    summary: 'Show every setting, its value and where it can be set',
    load: async (host) => (await import('./config-command.ts')).configCommand(host),
  },
];

const help = `
Start here:
  $ tidegate demo                     the whole loop, with something to watch
  $ tidegate up                       everything in one process, on embedded engines
  $ tidegate replay access.log.gz     what your own traffic would have met
  $ tidegate <command> --help         flags, defaults, environment variables, examples`;

/** `tidegate blocks add`: as far as the words name commands. */
const commandMeant = (program: Command, args: readonly string[], trouble: string): string => {
  const words = ['tidegate'];
  let [command, rest] = [program, [...args]];
  while (rest.length > 0) {
    const at = rest.findIndex((arg) => !arg.startsWith('-'));
    const below = command.commands.find((one) => one.name() === rest[at]);
    if (below === undefined || trouble.includes(`unknown command '${below.name()}'`)) break;
    words.push(below.name());
    [command, rest] = [below, rest.slice(at + 1)];
  }
  return words.join(' ');
};

const programFor = async (args: readonly string[], host: Host): Promise<Command> => {
  const program = new Command('tidegate')
    .description('Limits requests, measures every decision, and blocks the clients that keep pushing.')
    .version(manifest().version, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(`${sentence(oneLine(text.replace(/^error: /, 'tidegate: ')))} See ${helpFor(text)}.\n`),
    });
  const wanted = args.find((arg) => entries.some(({ name }) => name === arg));
  const helpFor = (trouble: string): string => `${commandMeant(program, args, trouble)} --help`;
  for (const { name, summary, load } of entries) {
    const command = name === wanted ? await load(host) : new Command(name).description(summary);
    program.addCommand(command.summary(summary).copyInheritedSettings(program));
    for (const below of command.commands) below.copyInheritedSettings(program);
  }
  return program;
};

/** Secrets that can be known before the configuration is read: from here on nothing prints them. */
const earlyRedactor = (args: readonly string[]): ((text: string) => string) => {
  const variables = Object.entries(process.env).flatMap(([name, value]) =>
    name.startsWith('TIDEGATE_') ? [value ?? ''] : [],
  );
  const texts = [...args.map((arg) => arg.replace(/^--[a-z-]+=/, '')), ...variables];
  const tokens = (process.env['TIDEGATE_API_TOKENS'] ?? '').split(',').map((token) => token.trim());
  return redactorFor(texts, tokens);
};

/** Ends the process once everything that was written has left it. */
const exit = (exitCode: number): void => {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
};

const main = async (args: readonly string[]): Promise<void> => {
  let redact = earlyRedactor(args);
  let debug = args.includes('--debug') || process.env['TIDEGATE_LOG_LEVEL'] === 'debug';
  const fail = (thrown: unknown): void => {
    const { text, exitCode } = describeFailure(thrown, { redact, debug });
    process.stderr.write(text);
    exit(exitCode);
  };
  // `tidegate … | head` closes the pipe: that is an end, not a failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' ? process.exit(exitCodes.done) : fail(error),
    );
  }
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const host: Host = {
    stdout: process.stdout,
    stderr: process.stderr,
    isTerminal: process.stderr.isTTY === true,
    opened: (context) => {
      redact = context.redact;
      debug ||= context.config.logLevel === 'debug';
    },
  };
  try {
    const program = await programFor(args, host);
    await program.parseAsync([...args], { from: 'user' });
    exit(Number(process.exitCode ?? exitCodes.done));
  } catch (error) {
    fail(error);
  }
};

await main(process.argv.slice(2));
