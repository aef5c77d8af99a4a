import { Command } from 'commander';
import type { Host } from '../command-line.ts';
import { alertsListCommand } from './list.ts';
import { alertsCheckCommand, alertsRulesCommand } from './rules.ts';
import { alertsTestCommand } from './test.ts';

const help = `
What serve and up evaluate, and who is told of it. See docs/guides/alerts.md.

Examples:
  $ tidegate alerts list --redis-url redis://redis:6379     what fires now, and why
  $ tidegate alerts rules                                   which alerts there are
  $ tidegate alerts check alerts.yaml                       what is different here, before it is in force
  $ tidegate alerts test --alertmanager-urls http://alertmanager:9093`;

/** `tidegate alerts`. */
export const alertsCommand = (host: Host): Command =>
  new Command('alerts')
    .description('See which alerts fire and which there are; check what is different here, and send a test.')
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', help)
    .addCommand(alertsListCommand(host))
    .addCommand(alertsRulesCommand(host))
    .addCommand(alertsCheckCommand(host))
    .addCommand(alertsTestCommand(host));
