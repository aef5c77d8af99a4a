import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder, servicesFolder } from '../services/folders.ts';
import { launchKafka } from '../services/kafka.ts';
import { launchRedis } from '../services/redis.ts';
import { benches } from './benches.ts';
import type { Order } from './child.ts';
import { compileInto } from './compile.ts';
import type { Contest, Report, Result } from './contest.ts';
import { keepReport } from './page.ts';
import { lineOf, tableOf } from './table.ts';

interface Options {
  readonly json?: boolean;
  readonly rounds: number;
  readonly roundMs: number;
  readonly only?: readonly string[];
  readonly write?: boolean;
}

/** No round of any contest takes this long, nor do all that are allowed together; some contests say otherwise. */
const contestTimeoutMs = 180_000;

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };

const chosen = (bench: string, only: readonly string[] | undefined): readonly Contest[] => {
  const contests = benches.get(bench) ?? [];
  const unknown = only?.find((name) => !contests.some((contest) => contest.name === name));
  if (unknown)
    throw new Error(`${bench} has no result ${unknown}; it has ${contests.map(({ name }) => name).join(', ')}`);
  return only ? contests.filter(({ name }) => only.includes(name)) : contests;
};

/** Runs one contest in a process of its own, on compiled code. */
const runContest = (
  order: Order,
  { timeoutMs = contestTimeoutMs }: Contest,
  folder: string,
): Promise<readonly Result[]> =>
  new Promise((resolve, reject) => {
    const child = fork(join(folder, 'test', 'bench', 'child.js'), [JSON.stringify(order)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      timeout: timeoutMs,
    });
    let results: readonly Result[] | null = null;
    child.on('message', (message) => {
      results = message as readonly Result[];
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (results && code === 0) resolve(results);
      else reject(new Error(`${order.contest} ended with ${signal ?? `code ${code}`}`));
    });
  });

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const runBench = async (bench: string, contests: readonly Contest[], options: Options): Promise<Report> => {
  const folder = openRunFolder('bench');
  const { rounds, roundMs } = options;
  try {
    compileInto(join(folder, 'code'));
    const launch = { folder: join(folder, 'redis'), tied: true, remove: () => undefined };
    const redis = contests.some(({ needsRedis }) => needsRedis) ? await ownEngine(launchRedis, launch) : null;
    const kafka = contests.some(({ needsKafka }) => needsKafka)
      ? await ownEngine(launchKafka, { ...launch, folder: join(folder, 'kafka') })
      : null;
    try {
      const results: Result[] = [];
      for (const [index, contest] of contests.entries()) {
        const urls = { redisUrl: redis?.url ?? '', kafkaUrl: kafka?.url ?? '' };
        const order = { bench, contest: contest.name, rounds, roundMs, ...urls, keepFolder: servicesFolder };
        if (process.stderr.isTTY) process.stderr.write(`[${index + 1}/${contests.length}] ${contest.name} … \r`);
        const told = await runContest(order, contest, join(folder, 'code'));
        results.push(...told);
        for (const result of told) say(`[${index + 1}/${contests.length}] ${lineOf(result, contest)}`);
      }
      return { bench, rounds, cores: cpus().length, results };
    } finally {
      await Promise.all([redis?.stop(), kafka?.stop()]);
    }
  } finally {
    removeFolder(folder);
  }
};

const main = async (bench: string, options: Options): Promise<void> => {
  const contests = chosen(bench, options.only);
  const report = await runBench(bench, contests, options);
  if (options.write) keepReport(report);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `\n${tableOf(report, contests)}\n`);
};

await new Command('bench')
  .description(
    'Measures tidegate beside its peers, in turns, on this machine. Redis and Kafka are started where they are needed.',
  )
  .addArgument(new Argument('<name>', 'what to measure').choices([...benches.keys()]))
  .option('--json', 'one JSON object as the last line of the output')
  .option('--rounds <n>', 'rounds that count, for each side', wholeNumber(1, 101), 5)
  .option('--round-ms <ms>', 'how long one round takes, where that can be chosen', wholeNumber(1, 60_000), 600)
  .option('--only <results...>', 'these results alone')
  .option('--write', 'keep the results in docs/benchmarks.json and write docs/benchmarks.md')
  .action(main)
  .parseAsync();
