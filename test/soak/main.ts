import { randomBytes, randomInt } from 'node:crypto';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ownEngine } from '../services/engine.ts';
import { openRunFolder, removeFolder } from '../services/folders.ts';
import { launchKafka } from '../services/kafka.ts';
import { runKillSeries } from './kill-series.ts';
import { seeded } from './points.ts';

interface Options {
  readonly minutes: number;
  readonly kills?: number;
  readonly lanes: number;
  readonly seed: number;
  readonly json?: boolean;
}
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
const main = async (options: Options): Promise<void> => {
  const folder = openRunFolder('soak');
  const kafka = await ownEngine(launchKafka, { folder: join(folder, 'kafka'), tied: true, remove: () => undefined });
  try {
    const report = await runKillSeries({
      kafkaUrl: kafka.url,
      folder,
      kills: options.kills ?? 0,
      lanes: options.lanes,
      random: seeded(options.seed),
      label: `kills-${randomBytes(3).toString('hex')}`,
      onKill: (done) => {
        say(`${done} kills`);
      },
    });
    process.stdout.write(
      `${JSON.stringify({ bench: 'kills', cores: cpus().length, seed: options.seed, ...report })}\n`,
    );
    if (report.problems.length === 0) removeFolder(folder);
    else say(`kept: ${folder}`);
    process.exitCode = report.problems.length === 0 ? 0 : 1;
  } finally {
    await kafka.stop();
  }
};
await new Command('soak')
  .option('--minutes <n>', 'how long', wholeNumber(1, 1440), 5)
  .option('--kills <n>', 'kill so many', wholeNumber(1, 1_000_000))
  .option('--lanes <n>', 'logs at a time', wholeNumber(1, 16), 2)
  .option('--seed <n>', 'seed', wholeNumber(0, 2 ** 31), randomInt(2 ** 31))
  .option('--json', 'one JSON object as the last line')
  .action(main)
  .parseAsync();
