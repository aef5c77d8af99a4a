import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { fileTroubleOf, TidegateError } from '../../errors.ts';
import { columns } from '../columns.ts';
import type { Host } from '../command-line.ts';
import { exitCodes } from '../failure.ts';
import { type ConnectionFlags, openGrafana, withConnection } from './connection.ts';
import { changesNothing, planFor } from './plan.ts';
import { planText, planView } from './plan-text.ts';
import { type Surroundings, surroundings } from './push.ts';
import { dashboardsIn, defaultSourceUid, rulesIn, shippedFiles } from './shipped.ts';

interface Flags extends ConnectionFlags {
  readonly dir?: string;
  readonly folder: string;
  readonly sourceUid: string;
  readonly rules: boolean;
  readonly json?: boolean;
}

type FileState = 'same' | 'differs' | 'missing';

const stateOf = (path: string, text: string): FileState => {
  try {
    return readFileSync(path, 'utf8') === text ? 'same' : 'differs';
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return 'missing';
    throw new TidegateError('INPUT_INVALID', `${path} cannot be read: ${fileTroubleOf(cause)}`, { cause });
  }
};

/** Whether a folder holds what this release would write. */
const checkFolder = (dir: string, flags: Flags, host: Host): boolean => {
  const files = [...shippedFiles(flags.sourceUid)].map(([path, text]) => ({
    path,
    state: stateOf(join(dir, path), text),
  }));
  const other = files.filter(({ state }) => state !== 'same');
  if (flags.json === true) host.stdout.write(`${JSON.stringify({ files })}\n`);
  else host.stdout.write(columns(other.map(({ path, state }) => [state, path])));
  return other.length === 0;
};

const checkRunning = async (flags: Flags, host: Host, { env, clock, fetch }: Surroundings): Promise<boolean> => {
  const grafana = openGrafana({ flags, env, clock, ...(fetch === undefined ? {} : { fetch }) });
  const files = shippedFiles(flags.sourceUid);
  const wanted = { dashboards: dashboardsIn(files), rules: flags.rules ? rulesIn(files) : [], folderUid: flags.folder };
  const plan = await planFor(grafana, wanted);
  if (flags.json === true) host.stdout.write(`${JSON.stringify({ plan: planView(plan) })}\n`);
  else host.stdout.write(planText(plan, flags.folder));
  return changesNothing(plan);
};

const help = `
Changes nothing. A folder is compared byte by byte; of a running Grafana, what dashboards show and rules do.
Exit codes: 0 it is the same, 1 it differs, or Grafana refused; 2 cannot be tried as asked.

Examples:
  $ tidegate dashboards check --dir /etc/grafana/tidegate
  $ tidegate dashboards check --url https://grafana.example.org --token-file /run/secrets/grafana`;

/** `tidegate dashboards check`. */
export const checkCommand = (host: Host, around: Surroundings = surroundings): Command => {
  const command = new Command('check')
    .summary('Compare a folder, or a running Grafana, with this release')
    .description('Compare a folder, or a running Grafana, with what this release has, and say what differs.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .option('--dir <folder>', 'what `tidegate dashboards build` wrote earlier, instead of a running Grafana');
  return withConnection(command)
    .option('--folder <uid>', 'uid of the folder in Grafana', 'tidegate')
    .option('--source-uid <uid>', 'uid of the ClickHouse data source', defaultSourceUid)
    .option('--no-rules', 'dashboards only, no alert rules')
    .option('--json', 'print what was compared as one line')
    .action(async (flags: Flags) => {
      const isSame =
        flags.dir === undefined ? await checkRunning(flags, host, around) : checkFolder(flags.dir, flags, host);
      if (flags.json !== true)
        host.stderr.write(isSame ? 'It is as this release has it.\n' : 'It differs from this release.\n');
      if (!isSame) process.exitCode = exitCodes.failed;
    });
};
