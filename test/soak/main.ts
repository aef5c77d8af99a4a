import { randomBytes, randomInt } from 'node:crypto';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../../src/errors.ts';
import { type OwnEngine, ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { launchKafka } from '../services/kafka.ts';
import { runKillSeries } from './kill-series.ts';
import { seeded } from './points.ts';
import { Progress } from './progress.ts';
import { exact, type ResultLine, resultsOf, tableOfKills, tableOfScenarios, tableOfSoak } from './report.ts';
import { runScenarios, scenariosFor } from './scenario-series.ts';
import { runSoak } from './soak-run.ts';

interface Options {
  readonly minutes: number;
  readonly kills?: number;
  readonly scenarios?: readonly string[] | true;
  readonly lanes: number;
  readonly gates: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** What one run came to: for people, and for programs. */
interface Told {
  readonly text: string;
  readonly results: readonly ResultLine[];
  readonly report: { readonly problems: readonly string[] };
}

const examples = `
Examples:
  npm run soak                            five minutes of gates at full speed, with a fault every few seconds
  npm run soak -- --minutes 60 --seed 7   an hour, with the same faults in the same order every time
  npm run soak -- --kills 1000            a thousand ingest processes killed, each at a drawn point of the protocol
  npm run soak -- --scenarios             zombies, a database and a broker that die, a topic that loses records
  npm run soak -- --scenarios zombie      those whose names begin so

Kafka is started for it (Java 17), ClickHouse is the embedded one. It exits with 1 when a single decision is missing or counted
twice in any table; then the folder with the data and the logs is kept and named.`;

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const minuteMs = 60_000;
const gateShare = 0.5;
const faultEveryMs = 3_000;

const fresh = (label: string): string => `${label}-${randomBytes(3).toString('hex')}`;

const soak = async ({ minutes, gates, seed }: Options, folder: string): Promise<Told> => {
  const progress = new Progress(minutes * minuteMs);
  try {
    const report = await runSoak({
      folder: join(folder, 'soak'),
      topic: fresh('soak'),
      durationMs: minutes * minuteMs,
      seed,
      gates,
      share: gateShare,
      faultEveryMs,
      onProgress: ({ elapsedMs, doing, kills, decisions }) =>
        progress.show(elapsedMs, `${decisions.toLocaleString('en')} decisions, ${kills} kills, ${doing}`),
    });
    return { text: tableOfSoak(report), results: resultsOf(report.drift, report.taken - report.lost), report };
  } finally {
    progress.end();
  }
};

const withBroker = async <T>(folder: string, play: (broker: OwnEngine) => Promise<T>): Promise<T> => {
  const broker = await ownEngine(launchKafka, { folder: join(folder, 'kafka'), tied: true, remove: () => undefined });
  try {
    return await play(broker);
  } finally {
    await broker.stop();
  }
};

const kills = ({ kills: count = 0, lanes, seed }: Options, folder: string): Promise<Told> =>
  withBroker(folder, async (broker) => {
    const progress = new Progress(count);
    try {
      const report = await runKillSeries({
        kafkaUrl: broker.url,
        folder,
        kills: count,
        lanes,
        random: seeded(seed),
        label: fresh('kills'),
        onKill: (done) => progress.show(done, `${done} kills`),
      });
      return { text: tableOfKills(report), results: resultsOf(report.drift, report.decisions), report };
    } finally {
      progress.end();
    }
  });

const scenarios = ({ scenarios: asked, seed }: Options, folder: string): Promise<Told> =>
  withBroker(folder, async (broker) => {
    const scale = { random: seeded(seed), databaseKills: 10, brokerKills: 3, refusesForMs: 20_000 };
    const all = scenariosFor(broker, scale);
    const words = Array.isArray(asked) ? (asked as readonly string[]) : [''];
    const chosen = new Map([...all].filter(([name]) => words.some((word) => name.startsWith(word))));
    if (chosen.size === 0) throw new Error(`there is no such scenario; there are ${[...all.keys()].join(', ')}`);
    const reports = await runScenarios({
      kafkaUrl: broker.url,
      folder,
      label: fresh('play'),
      scenarios: chosen,
      onReport: ({ scenario, problems }) => say(`${scenario}: ${exact(problems)}`),
    });
    const problems = reports.flatMap((one) => one.problems.map((problem) => `${one.scenario}: ${problem}`));
    const report = { problems, scenarios: reports };
    return { text: tableOfScenarios(reports), results: [], report };
  });

const main = async (options: Options): Promise<void> => {
  const folder = openRunFolder('soak');
  const play = options.scenarios ? scenarios : options.kills ? kills : soak;
  const { text, results, report } = await play(options, folder);
  for (const problem of report.problems) say(`! ${problem}`);
  if (report.problems.length === 0) removeFolder(folder);
  else say(`Kept: ${folder}`);
  const name = options.scenarios ? 'scenarios' : options.kills ? 'kills' : 'soak';
  const line = { bench: name, rounds: 1, cores: cpus().length, seed: options.seed, results, ...report };
  process.stdout.write(options.json ? `${JSON.stringify(line)}\n` : `\n${text}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
};

await new Command('soak')
  .description('Kills and disturbs the event pipeline on a real Kafka and ClickHouse, and counts every decision.')
  .addHelpText('after', examples)
  .showHelpAfterError('(--help shows what there is)')
  .option('--minutes <n>', 'how long gates decide and faults happen', wholeNumber(1, 1440), 5)
  .addOption(new Option('--kills <n>', 'kill so many ingest processes instead').argParser(wholeNumber(1, 1_000_000)))
  .addOption(new Option('--scenarios [names...]', 'play the scenarios instead').conflicts('kills'))
  .option('--lanes <n>', 'with --kills: how many logs at a time', wholeNumber(1, 16), 2)
  .option('--gates <n>', 'gate processes, each with half a core', wholeNumber(1, 64), 2)
  .option('--seed <n>', 'draws the same faults again', wholeNumber(0, 2 ** 31), randomInt(2 ** 31))
  .option('--json', 'one JSON object as the last line of the output')
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    say(`soak: ${messageOf(error)}`);
    process.exitCode = 2;
  });
