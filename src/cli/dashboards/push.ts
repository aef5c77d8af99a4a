import { Command } from 'commander';
import { type Clock, systemClock } from '../../clock.ts';
import type { Host } from '../command-line.ts';
import { manifest } from '../manifest.ts';
import { applyPlan } from './apply.ts';
import { type ConnectionFlags, openGrafana, withConnection } from './connection.ts';
import type { Fetch, Grafana } from './grafana.ts';
import { changesNothing, type Plan, planFor } from './plan.ts';
import { planText, planView } from './plan-text.ts';
import { dashboardsIn, defaultSourceUid, rulesIn, shippedFiles } from './shipped.ts';
import { missingSource, requireRuleVersion } from './source-check.ts';

interface Flags extends ConnectionFlags {
  readonly folder: string;
  readonly sourceUid: string;
  readonly rules: boolean;
  readonly overwrite?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What tests replace. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly fetch?: Fetch;
}
export const surroundings: Surroundings = { env: process.env, clock: systemClock };

const help = `
Without --yes nothing is changed: it shows what would be created or updated, panel by panel. A dashboard that somebody changes
in the meantime is left as it is, and said; --overwrite replaces it. Running it again changes nothing. Dashboards of other
names, rules of other ids, contact points and notification policies are never touched; a rule that was paused stays paused.

The service account needs the role Admin, or Editor with --no-rules. Nothing prints its token.
Exit codes: 0 done, or nothing to do; 1 Grafana refused or did not answer; 2 cannot be tried as asked.

Examples:
  $ tidegate dashboards push --url https://grafana.example.org --token-file /run/secrets/grafana
  $ tidegate dashboards push --url https://grafana.example.org --token-file /run/secrets/grafana --yes`;

const addFlags = (command: Command): Command =>
  withConnection(command)
    .option('--folder <uid>', 'uid of the folder; made when it is not there', 'tidegate')
    .option('--source-uid <uid>', 'uid of the ClickHouse data source', defaultSourceUid)
    .option('--no-rules', 'dashboards only, no alert rules')
    .option('--overwrite', 'replace a dashboard even if somebody changed it since it was read')
    .option('--yes', 'do it')
    .option('--json', 'print {"plan", "done"} as one line');

const wantedOf = ({ sourceUid, rules, folder }: Flags) => {
  const files = shippedFiles(sourceUid);
  return { dashboards: dashboardsIn(files), rules: rules ? rulesIn(files) : [], folderUid: folder };
};

const applied = async (
  grafana: Grafana,
  plan: Plan,
  { flags, host }: { flags: Flags; host: Host },
): Promise<string[]> => {
  const all: string[] = [];
  await applyPlan(grafana, plan, {
    folderUid: flags.folder,
    message: `tidegate ${manifest().version}`,
    overwrite: flags.overwrite === true,
    done: (text) => {
      all.push(text);
      if (flags.json !== true) host.stderr.write(`done: ${text}\n`);
    },
  });
  return all;
};

/** `tidegate dashboards push`. */
export const pushCommand = (host: Host, { env, clock, fetch }: Surroundings = surroundings): Command => {
  const command = new Command('push')
    .summary('Create and update dashboards and alert rules in a running Grafana')
    .description('Create and update dashboards and alert rules in a running Grafana, by its HTTP API.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help);
  return addFlags(command).action(async (flags: Flags) => {
    const grafana = openGrafana({ flags, env, clock, ...(fetch === undefined ? {} : { fetch }) });
    const wanted = wantedOf(flags);
    const note = await missingSource(grafana, flags.sourceUid);
    if (note !== null) host.stderr.write(`${note}\n`);
    if (wanted.rules.length > 0) await requireRuleVersion(grafana);
    const plan = await planFor(grafana, wanted);
    if (flags.json !== true) host.stdout.write(planText(plan, flags.folder));
    const done = flags.yes === true ? await applied(grafana, plan, { flags, host }) : [];
    if (flags.json === true) host.stdout.write(`${JSON.stringify({ plan: planView(plan), done })}\n`);
    else if (changesNothing(plan)) host.stderr.write('All of it is as this release has it.\n');
    else if (flags.yes !== true) host.stderr.write('Nothing was changed. Run it again with --yes to do it.\n');
  });
};
