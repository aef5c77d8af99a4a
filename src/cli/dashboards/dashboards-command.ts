import { Command } from 'commander';
import type { Host } from '../command-line.ts';
import { buildCommand } from './build.ts';
import { checkCommand } from './check.ts';
import { pushCommand } from './push.ts';

const help = `
Dashboards and alert rules for Grafana, and the same rules for Prometheus. See docs/guides/grafana.md.

Examples:
  $ tidegate dashboards build --out grafana                files, for provisioning
  $ tidegate dashboards check --dir grafana                are they those of this release?
  $ tidegate dashboards push --url http://127.0.0.1:3000   what would change there; --yes does it`;

/** `tidegate dashboards`. */
export const dashboardsCommand = (host: Host): Command =>
  new Command('dashboards')
    .description('Dashboards and alert rules: write them as files, compare, bring them into Grafana.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(buildCommand(host))
    .addCommand(checkCommand(host))
    .addCommand(pushCommand(host));
